import { Trend } from "../../../conectpy/web/static/js/trend.js";
import { equal, table, test } from "../harness.js";
import { frames, look, makeBox, share } from "../picture.js";

// 864 pixels, of which 64 are for numbers: a pixel is a second.
const NUMBERS = 64;
const SECOND = 1000;
const [BLUE, BROWN] = ["#1f5f9e", "#a8500b"];
const series = { unit: "bar", is_state: false, until: 700 * SECOND };
/** @param {(number | null)[]} v */
const points = (v) => ({ t: [0, 200 * SECOND, 400 * SECOND], v });

/** @param {any[]} shown */
async function drawing(shown) {
  const trend = new Trend(makeBox(NUMBERS + 800), { label: "x" });
  trend.setSeries(shown);
  trend.plot.setRange(0, 800 * SECOND);
  await frames();
  return trend;
}

/**
 * Which part of the columns and of the heights from one second to another a curve takes; the scale goes from 14 to 200.
 * @param {HTMLCanvasElement} canvas
 * @param {string} color
 * @param {number} from
 * @param {number} to
 * @param {number} top
 * @param {number} height
 */
const isDrawn = (canvas, color, from, to, top, height) =>
  share(canvas, color, [NUMBERS + from, top, to - from, height]) > 0;

const curve = (await drawing([{ ...series, ...points([1, null, 3]) }])).plot.canvas;
table(
  "a curve with a gap",
  (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ top, /** @type {number} */ height) =>
    isDrawn(curve, BLUE, from, to, top, height),
  [
    [[1, 199, 196, 8], true], // the least value: at the bottom
    [[1, 199, 0, 190], false],
    [[203, 397, 0, 204], false], // not known: nothing joins both sides
    [[403, 699, 10, 8], true], // the greatest: at the top
    [[403, 699, 20, 184], false],
    [[703, 800, 0, 204], false], // later than anything that is known
  ],
);
const steps = (await drawing([{ ...series, ...points([1, 3, 3]) }])).plot.canvas;
table(
  "a value holds until the next",
  (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ top, /** @type {number} */ height) =>
    isDrawn(steps, BLUE, from, to, top, height),
  [
    [[1, 197, 0, 190], false], // no slope
    [[198, 203, 20, 170], true], // upright
    [[203, 699, 20, 184], false],
  ],
);

const both = await drawing([
  { ...series, ...points([1, 2, 3]) },
  { ...series, ...points([3, 2, 1]) },
  { ...series, ...points([5, 5, 5]), unit: "°C" },
  { ...points([1, null, 0]), unit: "", is_state: true, until: 700 * SECOND },
]);
test("curves of one unit share a lane", () => {
  equal(
    both.lanes.map((lane) => lane.map((one) => one.index)),
    [[0, 1], [2]],
  );
  equal(isDrawn(both.plot.canvas, BLUE, 1, 199, 0, 204), true);
  equal(isDrawn(both.plot.canvas, BROWN, 1, 199, 0, 204), true);
  equal(isDrawn(both.plot.canvas, BROWN, 1, 199, 210, 204), false);
});

const band = (await drawing([{ ...points([1, null, 0]), unit: "", is_state: true, until: 700 * SECOND }])).plot.canvas;
/** @param {string} color @param {number} from @param {number} to */
const inBand = (color, from, to) => look(band, color, [NUMBERS + from, 8, to - from, 12]);
table("a state's band", inBand, [
  [[BLUE, 1, 199], "full"],
  [["off", 1, 199], "none"],
  [["off", 201, 399], "hatched"], // not known
  [[BLUE, 201, 399], "none"],
  [[BLUE, 401, 798], "none"],
  [["off", 401, 798], "none"],
]);
const open = (await drawing([{ t: [0, 400 * SECOND], v: [0, 1], unit: "", is_state: true, until: 700 * SECOND }])).plot
  .canvas;
table(
  "a state that is on",
  (/** @type {number} */ from, /** @type {number} */ to) => look(open, BLUE, [NUMBERS + from, 8, to - from, 12]),
  [
    [[1, 398], "none"],
    [[401, 699], "full"],
    [[701, 798], "none"], // later than anything that is known
  ],
);
