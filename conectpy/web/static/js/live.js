// The live page: overview tiles, one card per PLC, search and filter, and what is said when nothing is current.
import { ageText, Card, drawBadge, groupOf } from "./card.js";
import { nowMs, runClock, setServerTime } from "./clock.js";
import { Spark } from "./core/spark_line.js";
import { all, byId, dataOf, make, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { showLink, showPlcs } from "./link.js";
import { numberText, t } from "./words.js";

/** @type {Map<string, Card>} */
const cards = new Map();
const tiles = new Map();
const filter = readFilter();
/** @type {number | null} */
let lastDataAt = null;
let linkState = "connecting";
let isScheduled = false;

const visibility = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const group = groupOf.get(target);
      group.card.setVisible(group, isIntersecting);
    }
  },
  { rootMargin: "250px" },
);

function readFilter() {
  const query = new URLSearchParams(location.search);
  return {
    q: query.get("q") ?? "",
    plc: query.get("plc") ?? "",
    only: query.get("only") ?? "",
    collapsed: new Set(query.getAll("collapsed")),
  };
}

function writeFilter() {
  const query = new URLSearchParams();
  for (const name of ["q", "plc", "only"]) if (filter[name]) query.set(name, filter[name]);
  for (const address of filter.collapsed) query.append("collapsed", address);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

function takeData(data, isWhole) {
  lastDataAt = nowMs();
  let hasNew = false;
  for (const address in data) {
    const card = cards.get(address);
    if (card) card.merge(data[address]);
    else {
      addCard(address, data[address]);
      hasNew = true;
    }
  }
  if (isWhole) {
    for (const address of cards.keys())
      if (!(address in data)) {
        dropCard(address);
        hasNew = true;
      }
  }
  if (hasNew || filter.only) applyFilter();
  schedule();
}

function addCard(address, plc) {
  const card = new Card(address, plc, visibility);
  card.collapse(filter.collapsed.has(address));
  card.toggle.addEventListener("click", () => {
    card.collapse(!card.isCollapsed);
    if (card.isCollapsed) filter.collapsed.add(address);
    else filter.collapsed.delete(address);
    writeFilter();
  });
  cards.set(address, card);
  byId("cards").append(card.element);
  addTile(card);
  const option = make("option", "", card.name);
  option.value = address;
  byId("plc").append(option);
  byId("plc").value = filter.plc;
  loadSparks(card);
}

function dropCard(address) {
  cards.get(address)?.element.remove();
  tiles.get(address).element.remove();
  cards.delete(address);
  tiles.delete(address);
}

function addTile(card) {
  const element = make("li", "tile");
  const link = make("a", "tile-link");
  link.href = `#${card.element.id}`;
  const badge = make("span", "badge-quality");
  const name = make("bdi", "tile-name", card.name);
  const counts = make("span", "tile-counts");
  const age = make("span", "tile-age");
  link.append(name, badge, counts, age);
  element.append(link);
  tiles.set(card.address, { element, badge, counts, age, card });
  byId("tiles").append(element);
}

async function loadSparks(card) {
  try {
    const response = await fetch(`/api/sparklines?${new URLSearchParams({ plc: card.address })}`);
    if (!response.ok) return;
    const { series } = await response.json();
    for (const [tag, row] of card.rows) {
      if (row.kind || typeof row.entry.value !== "number" || row.spark) continue;
      row.spark = new Spark(series[tag]?.t ?? [], series[tag]?.v ?? []);
      row.spark.add(row.number, nowMs());
      row.isDirty = true;
    }
    schedule();
  } catch {
    /* sparklines are an extra: the page is right without them */
  }
}

function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  // A hidden tab gets no animation frames; it is drawn when it is looked at again.
  requestAnimationFrame(() => {
    isScheduled = false;
    draw();
  });
}

function draw(hasTicked = false) {
  const lostAt = linkState === "lost" ? lastDataAt : null;
  for (const card of cards.values()) {
    card.lostAt = lostAt;
    card.draw(hasTicked);
  }
  drawTiles();
  drawSummary();
  drawBanner();
}

function drawTiles() {
  const now = nowMs();
  const list = [...tiles.values()];
  for (const tile of list) {
    const { card } = tile;
    drawBadge(tile.badge, card.meta.quality);
    tile.element.dataset.quality = card.meta.quality;
    tile.element.classList.toggle("has-alarm", card.alarms > 0);
    setText(
      tile.counts,
      [
        t("plc.active", { count: card.active }),
        ...(card.alarms ? [t("plc.alarms", { count: card.alarms })] : []),
        ...(card.meta.simulated ? [t("plc.simulated")] : []),
      ].join(" · "),
    );
    setText(tile.age, card.meta.quality === "OK" ? "" : ageText(card.meta, now));
  }
  const order = [...list].sort((a, b) => b.card.severity - a.card.severity);
  const shown = [...byId("tiles").children];
  if (order.some((tile, index) => shown[index] !== tile.element) && !byId("tiles").contains(document.activeElement)) {
    byId("tiles").append(...order.map((tile) => tile.element));
  }
  byId("tiles").hidden = cards.size < 2;
}

function drawSummary() {
  const all = [...cards.values()];
  const sum = (name) => all.reduce((total, card) => total + card[name], 0);
  const good = all.filter((card) => card.meta.quality === "OK").length;
  showPlcs(good, all.length);
  const figures = [
    [
      "sum.plcs",
      `${good}/${all.length}`,
      all.some((card) => card.meta.quality === "DOWN") ? "is-wrong" : good < all.length ? "is-doubtful" : "",
    ],
    ["sum.alarms", String(sum("alarms")), sum("alarms") ? "is-wrong" : ""],
    ["sum.active", String(sum("active")), ""],
    ["sum.stale", numberText(String(sum("uncertain"))), sum("uncertain") ? "is-doubtful" : ""],
  ];
  const box = byId("summary");
  while (box.children.length < figures.length) {
    const figure = make("div", "figure");
    figure.append(make("strong"), make("span"));
    box.append(figure);
  }
  figures.forEach(([name, value, className], index) => {
    const figure = box.children[index];
    figure.className = `figure ${className}`;
    setText(figure.firstChild, value);
    setText(figure.lastChild, t(name));
  });
}

function drawBanner() {
  showLink(linkState, lastDataAt);
}

function showState(state) {
  linkState = state;
  drawBanner();
}

function applyFilter() {
  const words = filter.q.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0,
    total = 0;
  for (const card of cards.values()) {
    const rows = [...card.rows.values()];
    const kept = rows.filter(
      (row) =>
        words.every((word) => row.haystack.includes(word)) &&
        (filter.only !== "active" || (row.isOn && !row.isUncertain)) &&
        (filter.only !== "stale" || row.isUncertain),
    );
    const isShown =
      (!filter.plc || filter.plc === card.address) && (kept.length > 0 || (!words.length && !filter.only));
    total += rows.length;
    shown += isShown ? kept.length : 0;
    card.element.hidden = !isShown;
    const key = kept.map((row) => row.tag).join("\n");
    if (card.shownKey !== key) {
      card.shownKey = key;
      card.arrange(kept);
    }
  }
  const isFiltered = words.length || filter.only || filter.plc;
  setText(byId("shown"), isFiltered ? t("live.shown", { shown, total }) : "");
  byId("empty").hidden = shown > 0 || !isFiltered;
  setText(byId("empty"), t("live.nothing"));
  for (const button of all("[data-only]")) {
    button.setAttribute("aria-pressed", String(button.dataset.only === filter.only));
  }
}

function listen() {
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("search").value = filter.q;
  byId("search").addEventListener("input", (event) => change("q", event.target.value));
  byId("plc").addEventListener("change", (event) => change("plc", event.target.value));
  for (const button of all("[data-only]")) {
    button.addEventListener("click", () => change("only", button.dataset.only));
  }
}

function change(name, value) {
  filter[name] = value;
  writeFilter();
  applyFilter();
  schedule();
}

const first = dataOf("snapshot");
setServerTime(first.time);
listen();
takeData(first.data, true);
showState("connecting");
runClock();
draw();
new Feed(takeData, showState);
setInterval(() => draw(true), 1000);
