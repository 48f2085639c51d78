import { AXIS_HEIGHT, colors, TimePlot } from "../../../conectpy/web/static/js/axis.js";
import { equal, table, test } from "../harness.js";
import { frames, look, makeBox, share, until } from "../picture.js";

// 900 pixels, of which 100 are no time: a pixel is a second. The picture is 200 high, its labels are the last 26.
const SECOND = 1000;
const BOTTOM = 200 - AXIS_HEIGHT;
/** @type {[number, number][]} */
const told = [];
/** @type {(number | null)[]} */
const hovered = [];
const plot = new TimePlot(makeBox(900), {
  gutter: 100,
  onRange: (from, to) => told.push([from, to]),
  onHover: (ms) => hovered.push(ms),
  draw: () => {
    plot.drawAxis(0, BOTTOM, colors());
    plot.drawCursor(0, BOTTOM, colors());
  },
});
const { canvas } = plot;
const reset = () => plot.setRange(0, 800 * SECOND);
reset();
await frames();

table("x", (/** @type {number} */ ms) => plot.x(ms), [
  [[0], 100],
  [[400 * SECOND], 500],
  [[800 * SECOND], 900],
  [[-100 * SECOND], 0],
]);
table("ms", (/** @type {number} */ x) => plot.ms(x), [
  [[100], 0],
  [[900], 800 * SECOND],
]);
test("no less than two seconds are shown", () => {
  plot.setRange(5, 6);
  equal([plot.from, plot.to], [5, 2005]);
  reset();
});

test("a line and a label at each round time", () => {
  for (const minute of [0, 2, 4, 6]) {
    equal(look(canvas, "line-soft", [100 + 60 * minute, 5, 1, BOTTOM - 10]), "full");
    equal(share(canvas, "muted", [85 + 60 * minute, BOTTOM + 5, 30, 18]) > 0, true);
  }
  equal(look(canvas, "line-soft", [102, 5, 110, BOTTOM - 10]), "none");
  equal(look(canvas, "muted", [0, 0, 900, BOTTOM]), "none");
});

/** From and to, in seconds, after a key. @param {string} key @param {KeyboardEventInit} [rest] */
function press(key, rest) {
  reset();
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key, ...rest }));
  return [plot.from / SECOND, plot.to / SECOND];
}
table("press", press, [
  [["ArrowLeft"], [-120, 680]],
  [["ArrowRight"], [120, 920]],
  [["+"], [120, 680]],
  [["-"], [-172, 972]],
  [["a"], [0, 800]],
  [
    ["ArrowLeft", { altKey: true }],
    [0, 800],
  ], // that is the browser's
]);

/** @param {WheelEventInit} how */
function turn(how) {
  reset();
  const { left } = canvas.getBoundingClientRect();
  const event = new WheelEvent("wheel", { clientX: left + 300, cancelable: true, ...how });
  canvas.dispatchEvent(event);
  const share = (200 * SECOND - plot.from) / (plot.to - plot.from);
  return [Math.round((plot.to - plot.from) / SECOND), share, event.defaultPrevented];
}
table("turn", turn, [
  [[{ deltaY: 100 }], [800, 0.25, false]], // the page scrolls
  [[{ deltaY: 100, ctrlKey: true }], [977, 0.25, true]], // what is under the mouse stays there
  [[{ deltaY: -100, ctrlKey: true }], [655, 0.25, true]],
  [[{ deltaX: 80 }], [800, 0.15, true]],
]);

/** @param {string} kind @param {number} x @param {PointerEventInit} [rest] */
function point(kind, x, rest) {
  const { left, top } = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent(kind, { clientX: left + x, clientY: top + 20, pointerType: "touch", ...rest }));
}
test("what is dragged goes with the finger", () => {
  reset();
  point("pointerdown", 500, { pointerId: 7 });
  point("pointermove", 580, { pointerId: 7 });
  equal([plot.from, plot.to], [-80 * SECOND, 720 * SECOND]);
  point("pointerup", 580, { pointerId: 7 });
  equal(plot.pointers.size, 0);
});
test("two fingers zoom", () => {
  reset();
  point("pointerdown", 400, { pointerId: 7 });
  point("pointerdown", 600, { pointerId: 8 });
  point("pointermove", 800, { pointerId: 8 });
  equal(plot.to - plot.from, 400 * SECOND);
  point("pointercancel", 0, { pointerId: 7 });
  point("pointerup", 0, { pointerId: 8 });
});

reset();
point("pointermove", 300);
await frames();
test("a dashed line stands where the mouse is", () => {
  equal(look(canvas, "text", [300, 2, 1, BOTTOM - 4]), "hatched");
  equal(hovered.at(-1), 200 * SECOND);
});
point("pointermove", 50);
await frames();
test("but not beside the time", () => equal(look(canvas, "text", [0, 2, 900, BOTTOM - 4]), "none"));
point("pointermove", 300);
point("pointerleave", 300);
await frames();
test("and not when it has left", () => {
  equal([look(canvas, "text", [0, 2, 900, BOTTOM - 4]), hovered.at(-1)], ["none", null]);
});

told.length = 0;
plot.pan(0.5);
plot.pan(0.5);
await until(() => told.length > 0);
test("what was moved is told once, when it has come to rest", () => equal(told, [[800 * SECOND, 1600 * SECOND]]));
