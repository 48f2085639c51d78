import { cutByDark, join, lastSeenAt, unplacedIn, unseenAt } from "../../conectpy/web/static/js/core/unseen.js";
import { equal, table, test } from "./harness.js";

/** @typedef {import("../../conectpy/web/static/js/core/unseen.js").Unseen} Unseen */
/** @typedef {import("../../conectpy/web/static/js/core/runs.js").Run} Run */

const NOW = 1000;
/** @type {(...bounds: [number, number | null][]) => Unseen[]} */
const of = (...bounds) => bounds.map(([from, to]) => [from, to, "link"]);

table("join", (/** @type {Unseen[]} */ stretches) => join(stretches, NOW), [
  [[[]], []],
  [
    [of([300, 400], [100, 200])],
    [
      [100, 200],
      [300, 400],
    ],
  ],
  [[of([100, 300], [200, 250])], [[100, 300]]],
  [[of([100, 200], [200, 300])], [[100, 300]]],
  [[of([900, null])], [[900, NOW]]], // it lasts until now
  [[of([1100, null])], []], // and not before it begins
  [[of([300, 300], [500, 400])], []],
  [
    [of([-Infinity, 10], [990, Infinity])],
    [
      [-Infinity, 10],
      [990, Infinity],
    ],
  ],
]);

test("join leaves what it is given as it was", () => {
  const given = of([100, 300], [200, 400]);
  join(given, NOW);
  equal(given, of([100, 300], [200, 400]));
});

table("unseenAt", (/** @type {number} */ ms) => unseenAt(of([100, 200], [900, null]), ms)?.[0] ?? null, [
  [[99], null],
  [[100], 100],
  [[199], 100],
  [[200], null],
  [[5000], 900],
]);

table("lastSeenAt", (/** @type {Unseen[]} */ stretches) => lastSeenAt(stretches, NOW), [
  [[[]], NOW],
  [[of([100, 200])], NOW],
  [[of([100, 200], [900, null], [950, null])], 900],
  [[of([1100, null])], NOW],
]);

/** @type {(start: number, end: number | null, gapS: number) => Run} */
const run = (start, end, gapS) => [start, end, null, null, 1, "sampled", null, gapS];
table(
  "unplacedIn",
  (/** @type {Run} */ one, /** @type {[number, number][]} */ dark) => unplacedIn([one], dark, 100e3),
  [
    [[run(0, 100e3, 0), []], []],
    [[run(0, 100e3, 10), []], [[0, 100e3, "link"]]],
    [[run(0, null, 10), []], [[0, 100e3, "link"]]],
    [[run(0, 100e3, 10), [[20e3, 30e3]]], []], // it is known where
    [[run(0, 100e3, 10), [[95e3, 200e3]]], [[0, 100e3, "link"]]], // of that only 5 s lie in it
    [[run(0, 100e3, 1), []], []], // a trifle
  ],
);

/** @type {(marks: import("../../conectpy/web/static/js/core/runs.js").Mark[], dark: [number, number][]) => unknown} */
const cut = (marks, dark) =>
  cutByDark(
    marks,
    dark.map(([x, width]) => ({ x, width })),
  ).map(({ x, width, isEdge }) => [x, width, isEdge ? "edge" : "sure"]);
const bar = { x: 10, width: 20, isEdge: false };
table("cutByDark", cut, [
  [[[bar], []], [[10, 20, "sure"]]],
  [
    [
      [bar],
      [
        [0, 10],
        [30, 5],
      ],
    ],
    [[10, 20, "sure"]],
  ], // beside it
  [[[bar], [[0, 100]]], [[10, 20, "edge"]]],
  [
    [[bar], [[15, 5]]],
    [
      [10, 5, "sure"],
      [15, 5, "edge"],
      [20, 10, "sure"],
    ],
  ],
  [
    [
      [bar],
      [
        [5, 10],
        [25, 20],
      ],
    ],
    [
      [10, 5, "edge"],
      [15, 10, "sure"],
      [25, 5, "edge"],
    ],
  ],
  [[[{ ...bar, isEdge: true }], [[0, 100]]], [[10, 20, "edge"]]],
]);
