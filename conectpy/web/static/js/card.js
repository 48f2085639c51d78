// One PLC on the live page: its head, and its tags as rows. Rows are drawn only while they can be seen.
import { nowMs } from "./clock.js";
import { drawSpark } from "./spark.js";
import { durationText, numberText, sinceText, t } from "./words.js";

const GROUP_SIZE = 40;
export const SEVERITY = { DOWN: 3, BAD: 2, INIT: 1, OK: 0 };
const MARKS = { DOWN: "✕", BAD: "▲", INIT: "…", OK: "●" };

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What kind of thing a state tag is, from the names that plants give them (P002_ST, VE238_ST, ALARM_X0_1).
export function stateKind(tag, label) {
  const name = tag.split(".").length > 1 && !/ALARM/i.test(tag) ? tag.split(".").pop() : tag;
  if (/alarm|falla|fault|trip|disparo|aver[ií]a/i.test(`${tag} ${label ?? ""}`)) return "alarm";
  if (/^P\d/i.test(name) || /\b(bomba|pump)/i.test(label ?? "")) return "pump";
  if (/^[EMX]?V[A-Z]?\d/i.test(name) || /\b(v[aá]lvula|valve)/i.test(label ?? "")) return "valve";
  return "other";
}

class Row {
  constructor(address, tag, entry) {
    this.address = address;
    this.tag = tag;
    this.entry = entry;
    this.kind = entry.is_state ? stateKind(tag, entry.label) : null;
    this.haystack = `${tag} ${entry.label ?? ""}`.toLocaleLowerCase();
    this.isDirty = true;
    this.spark = null;
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
    this.element = make("li", "row-tag");
    const head = make("span", "tag-name");
    this.lamp = make("span", "lamp");
    this.lamp.setAttribute("aria-hidden", "true");
    // A state leads to its events, a number to its trend.
    this.label = make("a", "label", this.entry.label || this.tag);
    this.label.href = `/${this.kind ? "events" : "trends"}?${new URLSearchParams({ plc: this.address, tag: this.tag })}`;
    this.label.title = this.tag;
    this.label.dir = "auto";
    this.code = make("bdi", "code", this.tag);
    head.append(
      ...(this.kind ? [this.lamp] : []),
      this.label,
      ...(this.entry.label && this.entry.label !== this.tag ? [this.code] : []),
    );
    this.value = make("span", "value");
    this.unit = make("bdi", "unit", this.entry.unit || "");
    this.note = make("span", "note");
    this.age = make("span", "age");
    const reading = make("span", "reading");
    if (!this.kind) {
      this.sparkBox = make("span", "spark");
      this.sparkBox.setAttribute("aria-hidden", "true");
      reading.append(this.sparkBox);
    }
    reading.append(this.value, ...(this.kind ? [] : [this.unit]));
    this.element.append(head, reading, this.age, this.note);
  }

  draw(meta, now) {
    if (!this.element) this.build();
    const { entry } = this;
    const { quality } = entry;
    const classes = ["row-tag"];
    if (quality !== "OK") classes.push(quality === "BAD" ? "is-bad" : "is-stale");
    if (this.kind) classes.push("is-state", `kind-${this.kind}`, this.isOn ? "is-on" : "is-off");
    else classes.push("is-number");
    const name = classes.join(" ");
    if (this.element.className !== name) this.element.className = name;
    this.element.dataset.quality = quality;
    this.element.dataset.tag = this.tag;
    setText(this.value, this.valueText());
    if (this.isDirty && this.sparkBox && this.spark) drawSpark(this.sparkBox, this.spark, now);
    this.drawAges(meta, now);
    this.isDirty = false;
  }

  valueText() {
    const { entry } = this;
    if (entry.valor === "" && entry.value === null) return "—";
    if (!this.kind) return typeof entry.value === "number" ? numberText(entry.valor) : entry.valor;
    if (typeof entry.value !== "boolean") return t("state.unknown");
    return t(`state.${this.kind}.${entry.value ? "on" : "off"}`);
  }

  drawAges(meta, now) {
    const { entry } = this;
    const at = Date.parse(entry.quality === "OK" ? meta.last_ok_ts : entry.timestamp);
    const age = Number.isFinite(at) ? durationText((now - at) / 1000) : null;
    setText(this.age, age ?? "");
    if (entry.quality === "OK") {
      setText(this.note, this.kind && entry.since ? this.sinceNote(now) : "");
      return;
    }
    const word = t(`tag.${entry.quality}`);
    const last = age === null ? t("age.none") : t("age.last", { age });
    setText(this.note, [entry.error ? `${word}: ${entry.error}` : word, last].join(" · "));
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
  constructor(address, plc, watchVisibility) {
    this.address = address;
    this.rows = new Map();
    this.meta = plc._meta;
    this.name = plc._name;
    this.isCollapsed = false;
    this.groups = [];
    this.visible = new Set();
    this.watchVisibility = watchVisibility;
    this.build();
    this.merge(plc);
  }

  build() {
    this.element = make("section", "card-plc");
    this.element.id = `plc-${encodeURIComponent(this.address)}`;
    const head = make("header", "card-head");
    this.badge = make("span", "badge-quality");
    this.title = make("h2", "card-name");
    this.link = make("a", "", this.name);
    this.link.href = `/plc/${encodeURIComponent(this.address)}`;
    this.link.dir = "auto";
    this.title.append(this.link);
    this.simulated = make("span", "simulated", t("plc.simulated"));
    this.addressText = make("bdi", "address", this.address);
    this.toggle = make("button", "icon-button collapse-button", "▾");
    this.toggle.type = "button";
    head.append(this.badge, this.title, this.simulated, this.addressText, this.toggle);
    this.facts = make("p", "card-facts");
    this.counts = make("span", "counts");
    this.scan = make("span", "scan");
    this.lastOk = make("span", "last-ok");
    this.facts.append(this.counts, this.lastOk, this.scan);
    this.error = make("p", "card-error");
    this.list = make("div", "tags");
    this.list.id = `tags-${encodeURIComponent(this.address)}`;
    this.toggle.setAttribute("aria-controls", this.list.id);
    this.element.setAttribute("aria-label", this.name);
    this.element.append(head, this.facts, this.error, this.list);
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
        row.spark?.add(row.entry, nowMs());
      } else {
        this.rows.set(tag, new Row(this.address, tag, plc[tag]));
        isNew = true;
      }
    }
    if (isNew) this.arrange([...this.rows.values()]);
    this.count();
  }

  count() {
    let active = 0,
      alarms = 0,
      uncertain = 0;
    for (const row of this.rows.values()) {
      if (row.isUncertain) uncertain += 1;
      else if (row.isAlarm) alarms += 1;
      if (row.isOn && !row.isUncertain) active += 1;
    }
    Object.assign(this, { active, alarms, uncertain });
  }

  get severity() {
    return SEVERITY[this.meta.quality] * 10 + (this.alarms ? 5 : 0);
  }

  // Which rows are shown, in the configured order; in blocks, so that a long list costs only what is on the screen.
  arrange(rows) {
    for (const group of this.groups) this.watchVisibility.unobserve(group.element);
    this.visible.clear();
    this.groups = [];
    for (let start = 0; start < rows.length; start += GROUP_SIZE) {
      const group = { card: this, rows: rows.slice(start, start + GROUP_SIZE), element: make("ul", "tag-group") };
      group.element.style.setProperty("--rows", String(group.rows.length));
      group.element.owner = group;
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
      for (const row of group.rows) row.draw(this.meta, now);
      group.element.append(...group.rows.map((row) => row.element));
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
        if (row.isDirty) row.draw(this.meta, now);
        else if (hasTicked) row.drawAges(this.meta, now);
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
    setText(
      this.scan,
      Number.isFinite(meta.last_cycle_ms) && meta.last_cycle_ms !== null
        ? t("plc.scan", { ms: numberText(meta.last_cycle_ms.toFixed(1)) })
        : "",
    );
    const trouble = meta.frozen
      ? t("plc.frozen", { text: meta.frozen })
      : meta.last_error && meta.quality !== "OK"
        ? t("plc.error", { text: meta.last_error })
        : "";
    setText(this.error, trouble);
    this.error.hidden = !trouble;
  }
}

export function ageText(meta, now) {
  const at = Date.parse(meta.last_ok_ts);
  return Number.isFinite(at) ? t("plc.age", { age: durationText((now - at) / 1000) }) : t("plc.never");
}

export function drawBadge(element, quality) {
  element.className = `badge-quality quality-${quality}`;
  setText(element, `${MARKS[quality] ?? "?"} ${t(`quality.${quality}`)}`);
}
