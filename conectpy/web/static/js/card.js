// One PLC on the live page: its head, and its tags as rows. Rows are drawn only while they can be seen.
import { nowMs } from "./clock.js";
import { durationText, secondsSince } from "./core/formats.js";
import { severityOf, stateKind } from "./core/kinds.js";
import { SPARK_HEIGHT, SPARK_WIDTH } from "./core/spark_line.js";
import { make, makeSvg, setText } from "./dom.js";
import { numberText, saidText, sinceText, t } from "./words.js";

const GROUP_SIZE = 40;
const SPARK_DRAWN_MS = 900;
/** @type {Record<string, string>} */
const MARKS = { DOWN: "✕", BAD: "▲", INIT: "…", OK: "●" };

/** A block of rows that is drawn while it can be seen: its element -> {card, rows, element}. */
export const groupOf = new WeakMap();

class Row {
  constructor(address, tag, entry) {
    this.address = address;
    this.tag = tag;
    this.entry = entry;
    this.kind = entry.is_state ? stateKind(tag, entry.label) : null;
    this.haystack = `${tag} ${entry.label ?? ""}`.toLocaleLowerCase();
    this.isDirty = true;
    /** @type {import("./core/spark_line.js").Spark | null} */
    this.spark = null;
    this.sparkDrawnAt = -Infinity;
    /** @type {ReturnType<Row["build"]> | undefined} */
    this.made = undefined;
  }

  /** Also for the sparkline: what is not good is not known. */
  get number() {
    return this.entry.quality === "OK" && typeof this.entry.value === "number" ? this.entry.value : null;
  }

  get isOn() {
    return this.kind !== null && this.entry.value === true;
  }
  get isAlarm() {
    return this.kind === "alarm" && this.isOn;
  }
  get isUncertain() {
    return this.entry.quality !== "OK";
  }

  build() {
    const element = make("li", "row-tag");
    element.dataset.tag = this.tag;
    const head = make("span", "tag-name");
    if (this.kind) {
      const lamp = make("span", "lamp");
      lamp.setAttribute("aria-hidden", "true");
      head.append(lamp);
    }
    // A state leads to its events, a number to its trend.
    const label = make("a", "label", this.entry.label || this.tag);
    label.href = `/${this.kind ? "events" : "trends"}?${new URLSearchParams({ plc: this.address, tag: this.tag })}`;
    label.title = this.tag;
    label.dir = "auto";
    head.append(label);
    if (this.entry.label && this.entry.label !== this.tag) head.append(make("bdi", "code", this.tag));
    const value = make("span", "value");
    const note = make("span", "note");
    const age = make("span", "age");
    const reading = make("span", "reading");
    const spark = make("span", "spark");
    spark.setAttribute("aria-hidden", "true");
    if (this.kind) reading.append(value);
    else reading.append(spark, value, make("bdi", "unit", this.entry.unit || ""));
    element.append(head, reading, age, note);
    return { element, value, note, age, spark };
  }

  /** Its elements, made when they are first drawn: of thousands of rows few are ever looked at. */
  get parts() {
    this.made ??= this.build();
    return this.made;
  }

  /** @param {number} now @param {number | null} lostAt since when nobody hears of it; null: not lost */
  draw(meta, now, lostAt) {
    const { element, value } = this.parts;
    const { quality } = this.entry;
    const classes = ["row-tag"];
    if (quality !== "OK") classes.push(quality === "BAD" ? "is-bad" : "is-stale");
    if (this.kind) classes.push("is-state", `kind-${this.kind}`, this.isOn ? "is-on" : "is-off");
    else classes.push("is-number");
    const name = classes.join(" ");
    if (element.className !== name) element.className = name;
    element.dataset.quality = quality;
    setText(value, this.valueText());
    if (this.isDirty) this.drawSpark(now);
    this.drawAges(meta, now, lostAt);
    this.isDirty = false;
  }

  /** @param {number} now */
  drawSpark(now) {
    const steadyMs = performance.now();
    if (this.kind || !this.spark || steadyMs - this.sparkDrawnAt < SPARK_DRAWN_MS) return;
    this.sparkDrawnAt = steadyMs;
    if (!this.sparkPath) {
      const viewBox = `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`;
      const svg = makeSvg("svg", { viewBox, preserveAspectRatio: "none" });
      this.sparkPath = makeSvg("path", {});
      svg.append(this.sparkPath);
      this.parts.spark.append(svg);
    }
    this.sparkPath.setAttribute("d", this.spark.path(now));
  }

  valueText() {
    const { entry } = this;
    if (entry.valor === "" && entry.value === null) return "—";
    if (!this.kind) return typeof entry.value === "number" ? numberText(entry.valor) : entry.valor;
    if (typeof entry.value !== "boolean") return t("state.unknown");
    return t(`state.${this.kind}.${entry.value ? "on" : "off"}`);
  }

  /** @param {number} now @param {number | null} lostAt */
  drawAges(meta, now, lostAt) {
    const { entry } = this;
    const seconds = secondsSince(entry.quality === "OK" ? meta.last_ok_ts : entry.timestamp, now);
    const age = seconds === null ? null : durationText(seconds);
    setText(this.parts.age, age ?? "");
    if (entry.quality === "OK") {
      setText(this.parts.note, this.kind && entry.since ? this.sinceNote(lostAt ?? now) : "");
      return;
    }
    const word = t(`tag.${entry.quality}`);
    const last = age === null ? t("age.none") : t(this.isOn ? "age.active" : "age.last", { age });
    const error = saidText(entry.error, entry.error_texts);
    setText(this.parts.note, [error ? `${word}: ${error}` : word, last].join(" · "));
  }

  sinceNote(now) {
    const since = Date.parse(this.entry.since);
    return t("state.since", {
      word: this.valueText(),
      time: sinceText(since, now),
      duration: durationText((now - since) / 1000),
    });
  }
}

export class Card {
  /** @type {Map<string, Row>} */
  rows = new Map();
  /** @type {{card: Card, rows: Row[], element: HTMLElement}[]} */
  groups = [];
  /** The groups that can be seen. */
  visible = new Set();
  isCollapsed = false;
  /** Since when nobody hears of the collector; null: not lost. @type {number | null} */
  lostAt = null;
  shownKey = "";
  active = 0;
  alarms = 0;
  uncertain = 0;
  element = make("section", "card-plc");
  badge = make("span", "badge-quality");
  simulated = make("span", "simulated", t("plc.simulated"));
  toggle = make("button", "icon-button collapse-button", "▾");
  counts = make("span", "counts");
  lastOk = make("span", "last-ok");
  scan = make("span", "scan");
  error = make("p", "card-error");
  list = make("div", "tags");

  /** @param {string} address @param {IntersectionObserver} watchVisibility */
  constructor(address, plc, watchVisibility) {
    this.address = address;
    this.meta = plc._meta;
    this.name = plc._name;
    this.watchVisibility = watchVisibility;
    this.build();
    this.merge(plc);
  }

  build() {
    this.element.id = `plc-${encodeURIComponent(this.address)}`;
    this.element.setAttribute("aria-label", this.name);
    const link = make("a", "", this.name);
    link.href = `/plc/${encodeURIComponent(this.address)}`;
    link.dir = "auto";
    const title = make("h2", "card-name");
    title.append(link);
    this.list.id = `tags-${encodeURIComponent(this.address)}`;
    this.toggle.type = "button";
    this.toggle.setAttribute("aria-controls", this.list.id);
    const head = make("header", "card-head");
    head.append(this.badge, title, this.simulated, make("bdi", "address", this.address), this.toggle);
    const facts = make("p", "card-facts");
    facts.append(this.counts, this.lastOk, this.scan);
    this.element.append(head, facts, this.error, this.list);
  }

  merge(plc) {
    this.meta = plc._meta ?? this.meta;
    let isNew = false;
    for (const tag in plc) {
      if (tag === "_name" || tag === "_meta") continue;
      const row = this.rows.get(tag);
      if (row) {
        row.entry = { ...row.entry, ...plc[tag] };
        row.isDirty = true;
        row.spark?.add(row.number, nowMs());
      } else {
        this.rows.set(tag, new Row(this.address, tag, plc[tag]));
        isNew = true;
      }
    }
    if (isNew) this.arrange([...this.rows.values()]);
    this.count();
  }

  count() {
    let active = 0;
    let alarms = 0;
    let uncertain = 0;
    for (const row of this.rows.values()) {
      if (row.isUncertain) uncertain += 1;
      else if (row.isAlarm) alarms += 1;
      if (row.isOn && !row.isUncertain) active += 1;
    }
    this.active = active;
    this.alarms = alarms;
    this.uncertain = uncertain;
  }

  get severity() {
    return severityOf(this.meta.quality, this.alarms > 0);
  }

  // Which rows are shown, in the configured order; in blocks, so that a long list costs only what is on the screen.
  arrange(rows) {
    for (const group of this.groups) this.watchVisibility.unobserve(group.element);
    this.visible.clear();
    this.groups = [];
    for (let start = 0; start < rows.length; start += GROUP_SIZE) {
      const group = { card: this, rows: rows.slice(start, start + GROUP_SIZE), element: make("ul", "tag-group") };
      group.element.style.setProperty("--rows", String(group.rows.length));
      groupOf.set(group.element, group);
      this.groups.push(group);
    }
    this.list.replaceChildren(...this.groups.map((group) => group.element));
    for (const group of this.groups) this.watchVisibility.observe(group.element);
  }

  setVisible(group, isVisible) {
    if (!isVisible) {
      this.visible.delete(group);
      return;
    }
    this.visible.add(group);
    if (!group.element.firstChild) {
      const now = nowMs();
      for (const row of group.rows) row.draw(this.meta, now, this.lostAt);
      group.element.append(...group.rows.map((row) => row.parts.element));
    }
    this.draw(true);
  }

  collapse(isCollapsed) {
    this.isCollapsed = isCollapsed;
    this.list.hidden = isCollapsed;
    this.toggle.textContent = isCollapsed ? "▸" : "▾";
    this.toggle.setAttribute("aria-expanded", String(!isCollapsed));
    this.toggle.setAttribute("aria-label", t(isCollapsed ? "live.expand" : "live.collapse", { name: this.name }));
  }

  draw(hasTicked = false) {
    const now = nowMs();
    this.drawHead(now);
    for (const group of this.visible) {
      for (const row of group.rows) {
        if (row.isDirty) row.draw(this.meta, now, this.lostAt);
        else if (hasTicked) row.drawAges(this.meta, now, this.lostAt);
      }
    }
  }

  drawHead(now) {
    const { meta } = this;
    this.element.dataset.quality = meta.quality;
    this.element.dataset.address = this.address;
    drawBadge(this.badge, meta.quality);
    this.simulated.hidden = !meta.simulated;
    const counts = [t("plc.active", { count: this.active })];
    if (this.alarms) counts.push(t("plc.alarms", { count: this.alarms }));
    if (meta.bad_tags) counts.push(t("plc.bad", { count: meta.bad_tags }));
    setText(this.counts, counts.join(" · "));
    setText(this.lastOk, ageText(meta, now));
    const ms = meta.last_cycle_ms;
    setText(this.scan, Number.isFinite(ms) ? t("plc.scan", { ms: numberText(ms.toFixed(1)) }) : "");
    drawTrouble(this.error, meta);
  }
}

/**
 * What is wrong with a PLC, in one line that is hidden while nothing is.
 * @param {HTMLElement} element
 */
export function drawTrouble(element, meta) {
  let trouble = "";
  if (meta.frozen) trouble = t("plc.frozen", { text: saidText(meta.frozen, meta.frozen_texts) });
  else if (meta.last_error && meta.quality !== "OK")
    trouble = t("plc.error", { text: saidText(meta.last_error, meta.last_error_texts) });
  setText(element, trouble);
  element.hidden = !trouble;
}

/** How old a PLC's last good scan is. @param {number} now */
export function ageText(meta, now) {
  const seconds = secondsSince(meta.last_ok_ts, now);
  return seconds === null ? t("plc.never") : t("plc.age", { age: durationText(seconds) });
}

/** A PLC's quality as mark and word. @param {HTMLElement} element @param {string} quality */
export function drawBadge(element, quality) {
  element.className = `badge-quality quality-${quality}`;
  setText(element, `${MARKS[quality] ?? "?"} ${t(`quality.${quality}`)}`);
}
