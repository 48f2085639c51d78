import { Timeline } from "../../../conectpy/web/static/js/timeline.js";
import { equal, table, test } from "../harness.js";
import { frames, look, makeBox, share } from "../picture.js";

/** @typedef {import("../../../conectpy/web/static/js/core/runs.js").Run} Run */
/** @typedef {[number, number, number, number]} Part */

// A thousand pixels, of which 200 are for names: a pixel is a second.
const NAMES = 200;
const SECOND = 1000;
const NOW = 700 * SECOND;

/**
 * @param {number} start
 * @param {number | null} end
 * @param {number | null} [startEarliest]
 * @param {number | null} [endEarliest]
 * @returns {Run}
 */
const run = (start, end, startEarliest = null, endEarliest = null, quality = "sampled") => [
  start * SECOND,
  end === null ? null : end * SECOND,
  startEarliest === null ? null : startEarliest * SECOND,
  endEarliest === null ? null : endEarliest * SECOND,
  start,
  quality,
  end === null ? null : "sampled",
  0,
];

const ROWS = [
  { tag: "P1", label: "Bomba", events: [run(100, 200)] },
  { tag: "P2", label: "", events: [run(100, 200, 50)] },
  { tag: "P3", label: "", events: [run(100, 200, null, 150)] },
  { tag: "P4", label: "", events: [run(600, null)] },
  { tag: "ALARM_1", label: "", events: [run(100, 200)] },
  { tag: "@comm", label: "", events: [run(100, 200)] },
  { tag: "P5", label: "", events: [run(100, 200, null, null, "at_connect")] },
  { tag: "P6", label: "", events: [] },
];
/** @type {any} */
const GROUP = {
  plc: "1.2.3.4",
  name: "Costa",
  outages: [run(300, 400)],
  unseen: [[300 * SECOND, 400 * SECOND, "link"]],
  rows: ROWS,
};
let now = NOW;
const timeline = new Timeline(makeBox(1000), { onRange: () => {}, label: "x", now: () => now });
timeline.setGroups([GROUP]);
timeline.plot.setRange(0, 800 * SECOND);
await frames();
const { canvas } = timeline.plot;

/**
 * A part inside of a row's bar, from one second to another.
 * @param {string} tag
 * @param {number} from
 * @param {number} to
 * @returns {Part}
 */
const inBar = (tag, from, to) => [NAMES + from, 26 + 26 * ROWS.findIndex((row) => row.tag === tag) + 7, to - from, 12];

table(
  "look",
  (/** @type {string} */ tag, /** @type {string} */ color, /** @type {number} */ from, /** @type {number} */ to) =>
    look(canvas, color, inBar(tag, from, to)),
  [
    [["P1", "on", 101, 199], "full"],
    [["P1", "on", 1, 99], "none"],
    [["P1", "on", 201, 299], "none"],
    // The start is somewhere in there.
    [["P2", "off", 52, 98], "hatched"],
    [["P2", "on", 52, 98], "none"],
    [["P2", "on", 101, 199], "full"],
    [["P2", "off", 1, 48], "none"],
    // The end is.
    [["P3", "on", 101, 149], "full"],
    [["P3", "off", 152, 198], "hatched"],
    [["P3", "on", 152, 198], "none"],
    // It has no end: it reaches to now, and what comes after is the page.
    [["P4", "on", 601, 699], "full"],
    [["P4", "on", 701, 799], "none"],
    [["P4", "page", 701, 799], "full"],
    [["P4", "off", 560, 799], "none"],
    [["ALARM_1", "alarm", 101, 199], "full"],
    [["@comm", "warn", 101, 199], "full"],
    [["@comm", "on", 101, 199], "none"],
    // It had begun before it was first seen.
    [["P5", "off", 91, 98], "hatched"],
    [["P5", "off", 1, 88], "none"],
    [["P5", "on", 101, 199], "full"],
    [["P6", "on", 1, 699], "none"],
  ],
);
test("a hatch is diagonal: every row and every column of it is both", () => {
  const [x, y] = inBar("P2", 52, 98);
  equal([look(canvas, "off", [x, y + 3, 46, 1]), look(canvas, "off", [x + 9, y, 1, 12])], ["hatched", "hatched"]);
});
test("an uncertain edge is framed in the colour of its state", () => {
  const [x, y] = inBar("P2", 50, 51);
  equal(look(canvas, "on", [x, y, 1, 12]), "full");
});

for (const tag of ["P1", "P6"]) {
  test(`an outage shades the row of ${tag}`, () => {
    equal(look(canvas, "warn-soft", inBar(tag, 301, 399)), "hatched");
    equal(share(canvas, "warn-soft", inBar(tag, 301, 399)) > 0.4, true);
    equal(look(canvas, "warn-soft", inBar(tag, 201, 299)), "none");
    equal(look(canvas, "warn-soft", inBar(tag, 401, 499)), "none");
  });
}
test("an outage is shaded and hatched", () => {
  const soft = share(canvas, "warn-soft", inBar("P6", 301, 399));
  equal(soft < 0.9, true);
});

const LINE = 26;
table("textAt", (/** @type {number} */ second, /** @type {number} */ y) => timeline.textAt(second * SECOND, y), [
  [[150, 10], null], // the head of the PLC
  [[150, 26 + LINE * 7 + 5], null],
]);
/** @param {number} second @param {number} index */
const said = (second, index) => (timeline.textAt(second * SECOND, 26 + LINE * index + 5) ?? "").split("\n");
test("what is read of a run", () => {
  const [name, start, end, duration] = said(150, 0);
  equal([name, start, duration], ["Bomba", "31/12/1969 21:01:40", "1 min 40 s"]);
  equal(end.startsWith("→ 31/12/1969 21:03:20"), true);
});
test("what is read of an uncertain start", () =>
  equal(said(70, 1).slice(0, 2), ["P2", "31/12/1969 21:00:50 a 31/12/1969 21:01:40"]));
test("what is read of an uncertain end", () => equal(said(150, 2)[2], "→ 31/12/1969 21:02:30 a 31/12/1969 21:03:20"));
test("what is read of an open run", () => equal(said(650, 3).slice(2, 4), ["→ event.open", "1 min 40 s"]));
test("what is read of one that had begun before", () => equal(said(150, 6)[1], "antes de 31/12/1969 21:01:40"));
test("what is read of an outage", () => equal(said(350, 7)[0], "event.outage"));

now += 50 * SECOND;
timeline.plot.redraw();
await frames();
test("an open run goes on with the time", () => {
  equal(look(canvas, "on", inBar("P4", 601, 749)), "full");
  equal(look(canvas, "page", inBar("P4", 751, 799)), "full");
});

timeline.plot.setRange(150 * SECOND, 950 * SECOND);
await frames();
test("what began left of the view is drawn from its edge", () => {
  equal(look(canvas, "on", inBar("P1", 1, 49)), "full");
  equal(look(canvas, "on", inBar("P1", 51, 100)), "none");
  equal(look(canvas, "on", [2, inBar("P1", 0, 1)[1], NAMES - 4, 12]), "none"); // not over its name
});
