import { Spark } from "../../conectpy/web/static/js/core/spark_line.js";
import { equal, table, test } from "./harness.js";

const MINUTE = 60e3;
const NOW = 100 * MINUTE;

/** @param {number[]} minutesAgo @param {(number | null)[]} values */
const path = (minutesAgo, values) =>
  new Spark(
    minutesAgo.map((ago) => NOW - ago * MINUTE),
    values,
  ).path(NOW);

table("path", path, [
  [[[], []], ""],
  [
    [
      [10, 5],
      [null, null],
    ],
    "",
  ],
  [[[15], [7]], "M0.0 11.0H96"],
  [
    [
      [15, 7.5],
      [0, 10],
    ],
    "M0.0 20.0H48.0V2.0H96",
  ],
  [
    [
      [15, 10, 5],
      [0, null, 10],
    ],
    "M0.0 20.0H32.0M64.0 2.0H96",
  ],
  [
    [
      [15, 7.5],
      [5, null],
    ],
    "M0.0 11.0H48.0",
  ],
  [
    [
      [30, 7.5],
      [0, 10],
    ],
    "M0.0 20.0H48.0V2.0H96",
  ], // older than the picture: from its left edge
  [
    [
      [15, 7.5],
      [-10, 0],
    ],
    "M0.0 20.0H48.0V2.0H96",
  ],
  [[[15], [0]], "M0.0 11.0H96"],
  [
    [
      [15, 7.5],
      [1000, 1001],
    ],
    "M0.0 12.8H48.0V9.2H96",
  ], // a thousandth is drawn as what it is: nearly nothing
]);

test("a value that stays adds no point", () => {
  const spark = new Spark([0], [5]);
  spark.add(5, 1000);
  equal(spark.times, [0]);
});

test("points close together are one, but a gap is kept", () => {
  const spark = new Spark();
  [1, 2, 3].forEach((value, second) => {
    spark.add(value, second * 1000);
  });
  equal(spark.values, [1, 3]);
  spark.add(null, 3000);
  spark.add(4, 4000);
  equal(spark.values, [1, 3, null, 4]);
});

test("what is older than the picture goes, but for the value that holds at its edge", () => {
  const spark = new Spark();
  for (let minute = 0; minute <= 60; minute += 1) spark.add(minute, minute * MINUTE);
  equal(spark.times[0], 44 * MINUTE);
  equal(spark.times.at(-1), 60 * MINUTE);
});
