import { after, holdingAt, roundScale, scaleOf, valueAt } from "../../conectpy/web/static/js/core/series.js";
import { equal, table, test } from "./harness.js";

const points = { t: [10, 20, 30], v: [1, null, 3] };

table("after", after, [
  [[[], 5], 0],
  [[[10, 20, 30], 5], 0],
  [[[10, 20, 30], 10], 1],
  [[[10, 20, 20, 30], 20], 3],
  [[[10, 20, 30], 99], 3],
]);
table("holdingAt", holdingAt, [
  [[[], 5], 0],
  [[[10, 20], 5], 0],
  [[[10, 20], 15], 0],
  [[[10, 20], 20], 1],
]);
table("valueAt", valueAt, [
  [[points, 9], null],
  [[points, 10], 1],
  [[points, 19.9], 1],
  [[points, 25], null],
  [[points, 1000], 3],
  [[{ t: [], v: [] }, 5], null],
]);

table("roundScale", roundScale, [
  [[0, 10], { low: 0, high: 10, marks: [0, 5, 10] }],
  [[-3, 7], { low: -5, high: 10, marks: [-5, 0, 5, 10] }],
  [[0.012, 0.019], { low: 0.012, high: 0.02, marks: [0.012, 0.014, 0.016, 0.018, 0.02] }],
  [[0, 0], { low: -0.05, high: 0.05, marks: [-0.05, 0, 0.05] }],
  [[Infinity, -Infinity], { low: 0, high: 1, marks: [0, 0.5, 1] }],
  [[Number.NaN, Number.NaN], { low: 0, high: 1, marks: [0, 0.5, 1] }],
]);

test("every scale reaches over its values with few marks", () => {
  for (const size of [1e-30, 1e-9, 1e-3, 1, 37.5, 1e6, 1e15, 1e30]) {
    for (const [least, most] of [
      [0, 1],
      [-1, 0],
      [-1, 1],
      [1, 1],
      [-1, -1],
      [0.99, 1],
      [1, 1 + 1e-12],
    ]) {
      const { low, high, marks } = roundScale(least * size, most * size);
      equal(
        [low <= least * size, high >= most * size, marks.length >= 2, marks.length <= 12],
        [true, true, true, true],
      );
    }
  }
});

table("scaleOf", (/** @type {number} */ from, /** @type {number} */ to) => scaleOf([points], from, to).marks, [
  [
    [0, 100],
    [1, 1.5, 2, 2.5, 3],
  ],
  [
    [25, 100],
    [2.8, 2.9, 3, 3.1, 3.2],
  ],
  [
    [20, 25],
    [0, 0.5, 1],
  ], // nothing known
  [
    [0, 5],
    [0, 0.5, 1],
  ], // before the first
]);
