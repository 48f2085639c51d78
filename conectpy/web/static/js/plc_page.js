// A PLC's own page: figures that follow the stream, and its scan time as a curve.
import { ageText, drawBadge, drawTrouble } from "./card.js";
import { nowMs, runClock, setServerTime } from "./clock.js";
import { byId, dataOf, make, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { showLink, showPlcs } from "./link.js";
import { countOpenEvents } from "./open_events.js";
import { Trend } from "./trend.js";
import { compactNumber, config, dateTimeText, fixedNumber, numberText, saidText, t } from "./words.js";

const address = dataOf("address");
const HOUR_MS = 3600e3;
let meta = dataOf("live").plc?._meta ?? {};
let state = "connecting";
/** @type {number | null} */
let heardAt = null;
const qualities = dataOf("qualities");

/** @param {number} value */
const ms = (value) => `${fixedNumber(value, 1)} ms`;
/** @param {number} value */
const whole = (value) => numberText(String(value));
// Name in `_meta`, and how it is written. What a driver does not tell is left out.
/** @type {[string, (value: any) => string][]} */
const FACTS = [
  ["driver", String],
  ["controller", String],
  ["interval_s", (value) => `${compactNumber(value, 4)} s`],
  ["last_cycle_ms", ms],
  ["scan_ms_median", ms],
  ["scan_ms_p99", ms],
  ["scan_ms_max", ms],
  ["rtt_ms", ms],
  ["frames_per_scan", whole],
  ["connection_size_bytes", (value) => `${whole(value)} B`],
  ["overruns", whole],
  ["missed_cycles", whole],
  ["longest_gap_s", (value) => `${fixedNumber(value, 2)} s`],
  ["reconnects", whole],
  ["consecutive_fails", whole],
  ["clock_offset_s", (value) => `${fixedNumber(value, 3)} s`],
  ["bad_tags", whole],
];

const SHOWN_ELSEWHERE = [
  "quality",
  "simulated",
  "frozen",
  "frozen_code",
  "errors",
  "last_error",
  "last_error_code",
  "last_error_ts",
];
const KNOWN = new Set([...FACTS.map(([name]) => name), ...SHOWN_ELSEWHERE, "last_cycle_ts", "last_ok_ts"]);

function draw() {
  const now = nowMs();
  drawBadge(byId("badge"), meta.quality ?? "INIT");
  const facts = [[t("fact.age"), ageText(meta, now)]];
  for (const [name, write] of FACTS) {
    const value = meta[name] ?? "";
    if (value !== "") facts.push([t(`fact.${name}`), write(value)]);
  }
  for (const [name, value] of Object.entries(meta)) {
    if (!KNOWN.has(name) && ["number", "string"].includes(typeof value)) facts.push([name, String(value)]);
  }
  const box = byId("facts");
  while (box.children.length < facts.length) {
    const pair = make("div");
    pair.append(make("dt"), make("dd"));
    box.append(pair);
  }
  while (box.children.length > facts.length) box.lastChild.remove();
  facts.forEach(([name, value], index) => {
    setText(box.children[index].firstChild, name);
    setText(box.children[index].lastChild, value);
  });
  drawTrouble(byId("trouble"), meta);
  showLink(state, heardAt);
  countOpenEvents(state === "lost" ? heardAt : null);
}

function drawPlcs() {
  const all = Object.values(qualities);
  showPlcs(all.filter((quality) => quality === "OK").length, all.length);
}

function drawErrors() {
  const errors = [...(meta.errors ?? [])].reverse();
  const key = JSON.stringify(errors);
  if (byId("errors").dataset.key === key) return;
  byId("errors").dataset.key = key;
  byId("errors").replaceChildren(
    ...errors.map((error) => {
      const row = make("tr");
      row.append(
        make("td", "when", dateTimeText(Date.parse(error.ts))),
        make("td", "", saidText(error.text, error.texts) ?? ""),
      );
      return row;
    }),
  );
  byId("no-errors").hidden = errors.length > 0;
}

/** @param {Trend} trend */
async function loadScanTimes(trend) {
  const to = nowMs();
  const query = new URLSearchParams({
    plc: address,
    tag: "@scan_ms",
    from: new Date(to - HOUR_MS).toISOString(),
    to: new Date(to).toISOString(),
    points: "2000",
  });
  try {
    const response = await fetch(`/api/history?${query}`);
    if (!response.ok) return;
    const found = await response.json();
    trend.setSeries(found.series.map((/** @type {any} */ one) => ({ ...one, until: Date.parse(found.time) })));
    trend.plot.setRange(to - HOUR_MS, to);
  } catch {
    /* the figures above say that there is no connection */
  }
}

setServerTime(config.time);
runClock();
draw();
drawPlcs();
drawErrors();
new Feed(
  (data) => {
    heardAt = nowMs();
    for (const plc in data) qualities[plc] = data[plc]._meta?.quality ?? qualities[plc];
    drawPlcs();
    if (!data[address]) return;
    meta = data[address]._meta ?? meta;
    draw();
    drawErrors();
  },
  (next) => {
    state = next;
    draw();
  },
);
const trend = new Trend(byId("plot"), { label: t("fact.last_cycle_ms"), laneHeight: 150 });
loadScanTimes(trend);
setInterval(draw, 1000);
setInterval(() => {
  if (!document.hidden) loadScanTimes(trend);
}, 10000);
