import { ageText, Card, drawBadge, drawTrouble } from "../../../conectpy/web/static/js/card.js";
import { nowMs, setServerTime } from "../../../conectpy/web/static/js/clock.js";
import { SPARK_HEIGHT, SPARK_WIDTH, Spark } from "../../../conectpy/web/static/js/core/spark_line.js";
import { equal, table, test } from "../harness.js";
import { share } from "../picture.js";

const NOON = "2026-03-01T12:00:00.000Z";
const MINUTE = 60e3;
/** @param {number} minutes */
const ago = (minutes) => new Date(Date.parse(NOON) - minutes * MINUTE).toISOString();
setServerTime(NOON);

const GOOD = { quality: "OK", error: null, timestamp: ago(2), since: null };
const STALE = { ...GOOD, quality: "STALE" };
/** @param {boolean | null} value */
const state = (value) => ({ is_state: true, value, valor: String(value).toUpperCase(), label: "" });
const FLOW = { is_state: false, value: -12345.5, valor: "-12345.50", label: "Caudal", unit: "m³/h" };

const PLC = {
  _name: "Costa",
  _meta: { quality: "OK", last_ok_ts: ago(1), last_cycle_ms: 12.34, bad_tags: 0 },
  P1: { ...GOOD, ...state(true), since: ago(200) },
  P2: { ...GOOD, ...state(false) },
  P3: { ...STALE, ...state(true) },
  ALARM_1: { ...GOOD, ...state(true) },
  ALARM_2: { ...STALE, ...state(true) },
  ALARM_3: { ...GOOD, ...state(false) },
  FLOW: { ...GOOD, ...FLOW },
  OLD: { ...STALE, ...FLOW },
  NEVER: { ...STALE, is_state: false, value: null, valor: "", label: "", timestamp: null },
};
const card = new Card("1.2.3.4", PLC, new IntersectionObserver(() => {}));
const flow = card.rows.get("FLOW");
if (!flow) throw new Error("no row");
flow.spark = new Spark([nowMs() - 10 * MINUTE], [-12345.5]);
card.setVisible(card.groups[0], true);

test("what is not known counts neither as active nor as an alarm", () =>
  equal([card.active, card.alarms, card.uncertain], [2, 1, 4]));
test("an alarm makes a PLC worse", () => equal(card.severity, 5));
test("the head counts", () => equal(card.counts.textContent, "2 activos · 1 alarmas"));
test("the head says how old and how fast", () =>
  equal([card.lastOk.textContent, card.scan.textContent], ["hace 1 min 00 s", "12,3 ms"]));

/** @param {string} tag */
const shown = (tag) => {
  const parts = card.rows.get(tag)?.parts;
  if (!parts) throw new Error("no row");
  return [parts.element.className, parts.value.textContent, parts.age.textContent, parts.note.textContent];
};
table("row", shown, [
  // A good value is as old as the last good scan, another as old as it is.
  [
    ["P1"],
    ["row-tag is-state kind-pump is-on", "state.pump.on", "1 min 00 s", "state.pump.on desde 05:40 (3 h 20 min)"],
  ],
  [["P2"], ["row-tag is-state kind-pump is-off", "state.pump.off", "1 min 00 s", ""]],
  [["FLOW"], ["row-tag is-number", "−12.345,50", "1 min 00 s", ""]],
  [["OLD"], ["row-tag is-stale is-number", "−12.345,50", "2 min 00 s", "tag.STALE · hace 2 min 00 s"]],
  [["NEVER"], ["row-tag is-stale is-number", "—", "", "tag.STALE · age.none"]],
]);
test("a stale state looks stale", () => equal(shown("P3")[0], "row-tag is-stale is-state kind-pump is-on"));

/** The sparkline as it is to be seen at a time. @param {number} ms @param {number} from @param {number} to */
function isDrawn(ms, from, to) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [SPARK_WIDTH, SPARK_HEIGHT];
  const pen = canvas.getContext("2d");
  if (!pen || !flow?.spark) throw new Error("nothing to draw");
  pen.strokeStyle = "#0000ff";
  pen.lineWidth = 2;
  pen.stroke(new Path2D(flow.spark.path(ms)));
  return share(canvas, "#0000ff", [from, 0, to - from, SPARK_HEIGHT]) > 0;
}
test("a row draws its sparkline", () => {
  equal(flow.parts.spark.querySelector("path")?.getAttribute("d"), flow.spark?.path(nowMs()));
  equal(isDrawn(nowMs(), 33, 96), true);
});
const later = nowMs() + 5 * MINUTE;
test("while a value is good its sparkline reaches to now", () => equal(isDrawn(later, 66, 96), true));
card.merge({ FLOW: { quality: "STALE" } });
test("a stale value ends its sparkline", () => {
  equal(flow.spark?.values.at(-1), null);
  equal([isDrawn(later, 2, 62), isDrawn(later, 66, 96)], [true, false]);
});
test("a stale value is counted", () => equal(card.uncertain, 5));
card.merge({ FLOW: { quality: "OK", value: -12000 } });
test("a gap in a sparkline stays a gap", () => equal(flow.spark?.values.slice(-3), [-12345.5, null, -12000]));

table("ageText", ageText, [
  [[{ last_ok_ts: NOON }, Date.parse(NOON) + 187e3], "hace 3 min 07 s"],
  [[{ last_ok_ts: null }, 0], "plc.never"],
]);
table(
  "drawBadge",
  (/** @type {string} */ quality) => {
    const badge = document.createElement("span");
    drawBadge(badge, quality);
    return [badge.className, badge.textContent];
  },
  [
    [["DOWN"], ["badge-quality quality-DOWN", "✕ quality.DOWN"]],
    [["OK"], ["badge-quality quality-OK", "● quality.OK"]],
    [["new"], ["badge-quality quality-new", "? quality.new"]],
  ],
);

/** @param {Record<string, unknown>} meta */
function troubleOf(meta) {
  const element = document.createElement("p");
  drawTrouble(element, meta);
  return [element.textContent, element.hidden];
}
table("drawTrouble", troubleOf, [
  [[{ quality: "OK" }], ["", true]],
  [[{ quality: "OK", last_error: "timed out" }], ["", true]], // it is over
  [[{ quality: "DOWN", last_error: "timed out" }], ["plc.error", false]],
  [[{ quality: "OK", frozen: "same values" }], ["plc.frozen", false]],
]);

card.merge({ _meta: { ...PLC._meta, bad_tags: 3, simulated: true }, P1: { quality: "BAD", error: "no such tag" } });
card.draw();
test("a bad value says why", () => equal(shown("P1")[0], "row-tag is-bad is-state kind-pump is-on"));
test("bad tags are counted", () => equal(card.counts.textContent, "1 activos · 1 alarmas · plc.bad"));
test("simulated values are called so", () => equal(card.simulated.hidden, false));
test("why stands beside it", () => equal(shown("P1")[3]?.startsWith("tag.BAD: no such tag · "), true));
card.merge({ P2: { value: null, valor: "NULL" } });
card.draw();
test("a state without a value is not off", () => equal(shown("P2")[1], "state.unknown"));
test("a state leads to its events, a number to its trend", () =>
  equal(
    ["P1", "FLOW"].map((tag) => card.rows.get(tag)?.parts.element.querySelector("a")?.getAttribute("href")),
    ["/events?plc=1.2.3.4&tag=P1", "/trends?plc=1.2.3.4&tag=FLOW"],
  ));
test("a card can be folded", () => {
  card.collapse(true);
  equal([card.list.hidden, card.toggle.getAttribute("aria-expanded")], [true, "false"]);
  card.collapse(false);
  equal([card.list.hidden, card.toggle.getAttribute("aria-expanded")], [false, "true"]);
});
