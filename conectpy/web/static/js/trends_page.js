// The trends page: which tags, which time, the values under the cursor. All of it is in the address.
import { nowMs, runClock, setServerTime } from "./clock.js";
import { valueAt } from "./core/series.js";
import { all, byId, dataOf, make, makeSvg, reasonOf, setText } from "./dom.js";
import { LinkWatch } from "./link.js";
import { seriesColor, seriesDash, Trend } from "./trend.js";
import { compactNumber, config, dateTimeText, fixedNumber, numberText, t } from "./words.js";

const catalog = dataOf("catalog");
const MAX = 8;
/**
 * The tags whose curves are shown; `current` is where the value under the cursor stands.
 * @type {{plc: string, plcName: string, tag: string, label: string, unit: string, isState: boolean, current?: Node}[]}
 */
const chosen = [];
const state = { span: 3600e3, isFollowing: true, from: 0, to: 0, request: 0, loadedAt: 0 };
const trend = new Trend(byId("plot"), {
  label: document.title,
  onCursor: showCursor,
  onRange: (from, to) => {
    Object.assign(state, { from, to, span: to - from, isFollowing: false });
    load();
  },
});

function readAddress() {
  const query = new URLSearchParams(location.search);
  const plcs = query.getAll("plc");
  query.getAll("tag").forEach((tag, index) => {
    choose(plcs.length === 1 ? plcs[0] : plcs[index], tag);
  });
  if (!query.has("tag")) chooseFirst();
  const from = Date.parse(query.get("from") ?? "");
  const to = Date.parse(query.get("to") ?? "");
  if (from < to) Object.assign(state, { from, to, span: to - from, isFollowing: false });
  else if (Number(query.get("minutes")) > 0) state.span = Number(query.get("minutes")) * 60e3;
}

function choose(address, tag) {
  const plc = catalog.find((one) => one.plc === address || one.name === address);
  const found = plc?.tags.find(([name]) => name === tag);
  if (!found || chosen.length >= MAX || chosen.some((one) => one.plc === plc.plc && one.tag === tag)) return false;
  chosen.push({ plc: plc.plc, plcName: plc.name, tag, label: found[1], unit: found[2], isState: found[3] });
  return true;
}

// An empty chart tells nobody anything: two measurements and a state of the first PLC to begin with.
function chooseFirst() {
  const [plc] = catalog;
  const measured = plc?.tags.filter(([, , unit, isState]) => unit && !isState).slice(0, 2) ?? [];
  const states = plc?.tags.filter(([, , , isState]) => isState).slice(0, 1) ?? [];
  for (const [tag] of [...measured, ...states]) choose(plc.plc, tag);
}

function query() {
  const params = new URLSearchParams();
  for (const one of chosen) {
    params.append("plc", one.plc);
    params.append("tag", one.tag);
  }
  return params;
}

function remember() {
  const params = query();
  if (state.isFollowing) params.set("minutes", String(Math.round(state.span / 60e3)));
  else {
    params.set("from", new Date(state.from).toISOString());
    params.set("to", new Date(state.to).toISOString());
  }
  history.replaceState(null, "", `?${params}`);
  const csv = query();
  csv.set("from", new Date(state.from).toISOString());
  csv.set("to", new Date(state.to).toISOString());
  byId("csv").href = `/trends.csv?${csv}`;
  byId("csv").hidden = !chosen.length;
  byId("follow").setAttribute("aria-pressed", String(state.isFollowing));
  for (const button of all("[data-minutes]")) {
    button.setAttribute(
      "aria-pressed",
      String(state.isFollowing && Number(button.dataset.minutes) * 60e3 === state.span),
    );
  }
}

async function load() {
  state.request += 1;
  const number = state.request;
  if (state.isFollowing) {
    state.to = nowMs();
    state.from = state.to - state.span;
  }
  remember();
  setText(byId("message"), chosen.length ? "" : t("trend.pick"));
  if (!chosen.length) {
    trend.setSeries([]);
    return;
  }
  const params = query();
  params.set("from", new Date(state.from).toISOString());
  params.set("to", new Date(Math.max(state.to, state.from + 1000)).toISOString());
  params.set("points", "3000");
  try {
    const response = await fetch(`/api/history?${params}`);
    const found = await response.json();
    if (number !== state.request) return;
    if (!response.ok) throw new Error(found.detail);
    setServerTime(found.time);
    state.loadedAt = Date.parse(found.time);
    const until = Date.parse(found.time);
    trend.setSeries(found.series.map((one) => ({ ...one, until })));
    if (state.isFollowing) trend.plot.setRange(state.from, state.to);
    const isEmpty = found.series.every((one) => !one.v.some((value) => value !== null));
    setText(byId("message"), isEmpty ? t("trend.empty") : "");
    showMemory(found.usage);
    showCursor(trend.plot.cursor?.ms ?? null);
  } catch (error) {
    if (number === state.request)
      setText(byId("message"), t("load.kept", { text: reasonOf(error), time: dateTimeText(state.loadedAt) }));
  }
}

function showMemory(usage) {
  setText(
    byId("memory"),
    t("trend.memory", {
      used: fixedNumber(usage.used_bytes / 1048576, 1),
      budget: fixedNumber(usage.budget_bytes / 1048576, 0),
      points: numberText(String(usage.points)),
      oldest: usage.oldest_ms === null ? "—" : dateTimeText(usage.oldest_ms),
    }),
  );
}

function showChips() {
  byId("chips").replaceChildren(
    ...chosen.map((one, index) => {
      const chip = make("li", "chip");
      const svg = makeSvg("svg", { viewBox: "0 0 24 10" });
      const [width, dashes] = one.isState ? ["8", ""] : ["3", seriesDash(index).join(" ")];
      const line = { d: "M0 5H24", stroke: seriesColor(index), "stroke-width": width, "stroke-dasharray": dashes };
      svg.append(makeSvg("path", line));
      const name = make("bdi", "", `${index + 1} ${one.label} · ${one.plcName}`);
      name.title = one.tag;
      one.current = make("span", "current");
      const remove = make("button", "icon-button", "×");
      remove.type = "button";
      remove.setAttribute("aria-label", t("trend.remove", { tag: one.label }));
      remove.addEventListener("click", () => {
        chosen.splice(index, 1);
        showChips();
        load();
      });
      chip.append(svg, name, one.current, remove);
      return chip;
    }),
  );
}

/** @param {number | null} ms */
function showCursor(ms) {
  const at = ms ?? state.to;
  setText(byId("cursor-time"), dateTimeText(at));
  trend.series.forEach((one, index) => {
    const value = valueAt(one, at);
    const shown = chosen[index]?.current;
    if (shown) setText(shown, value === null ? t("trend.unknown") : valueText(one, value));
  });
}

/** @param {import("./trend.js").Series} one @param {number} value */
function valueText(one, value) {
  if (one.is_state) return value ? "TRUE" : "FALSE";
  return `${compactNumber(value, 7)} ${one.unit}`;
}

function fillTags() {
  const plc = catalog.find((one) => one.plc === byId("add-plc").value);
  const empty = make("option", "", t("trend.pick"));
  empty.value = "";
  byId("add-tag").replaceChildren(
    empty,
    ...(plc?.tags ?? []).map(([tag, label]) => {
      const option = make("option", "", label === tag ? tag : `${label} (${tag})`);
      option.value = tag;
      return option;
    }),
  );
}

function listen() {
  byId("add-plc").append(
    ...catalog.map((plc) => {
      const option = make("option", "", plc.name);
      option.value = plc.plc;
      return option;
    }),
  );
  byId("add-plc").addEventListener("change", fillTags);
  byId("add-tag").addEventListener("change", (event) => {
    const isFull = chosen.length >= MAX;
    if (event.target.value && choose(byId("add-plc").value, event.target.value)) {
      showChips();
      load();
    }
    event.target.value = "";
    if (isFull) setText(byId("message"), t("trend.full"));
  });
  for (const button of all("[data-minutes]")) {
    button.addEventListener("click", () => {
      Object.assign(state, { span: Number(button.dataset.minutes) * 60e3, isFollowing: true });
      load();
    });
  }
  byId("follow").addEventListener("click", () => {
    state.isFollowing = !state.isFollowing;
    load();
  });
  byId("zoom-in").addEventListener("click", () => trend.plot.zoom(0.5));
  byId("zoom-out").addEventListener("click", () => trend.plot.zoom(2));
  document.addEventListener("theme", showChips);
}

setServerTime(config.time);
runClock();
new LinkWatch();
listen();
readAddress();
fillTags();
showChips();
showMemory(dataOf("usage"));
load();
setInterval(() => {
  if (state.isFollowing && !document.hidden && !trend.plot.pointers.size) load();
}, 2000);
