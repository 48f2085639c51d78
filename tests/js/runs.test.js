import { factsOf, inView, marksOf, runAt, stretch } from "../../conectpy/web/static/js/core/runs.js";
import { equal, table, test } from "./harness.js";

/** @typedef {import("../../conectpy/web/static/js/core/runs.js").Run} Run */

/**
 * A run; what is not said is known exactly.
 * @param {number} start
 * @param {number | null} end
 * @param {{startEarliest?: number, endEarliest?: number, quality?: string, gapS?: number}} [rest]
 * @returns {Run}
 */
const run = (start, end, { startEarliest, endEarliest, quality = "sampled", gapS = 0 } = {}) => [
  start,
  end,
  startEarliest ?? null,
  endEarliest ?? null,
  start,
  quality,
  end === null ? null : "sampled",
  gapS,
];

const three = [run(100, 200), run(300, 400, { startEarliest: 250 }), run(500, null)];
/** @param {Run[]} runs */
const starts = (runs) => runs.map(([start]) => start);

table("inView", (/** @type {number} */ from, /** @type {number} */ to) => starts(inView(three, from, to)), [
  [
    [0, 1000],
    [100, 300, 500],
  ],
  [[0, 99], []],
  [[0, 100], [100]],
  [[200, 220], [100]],
  [[201, 249], []],
  [[201, 250], [300]], // it may have begun there
  [[401, 499], []],
  [[900, 1000], [500]], // open: it reaches on
]);
test("of no runs none is in view", () => equal(inView([], 0, 1000), []));

table("runAt", (/** @type {number} */ ms, /** @type {number} */ slack) => runAt(three, ms, slack, 800)?.[0], [
  [[150, 0], 100],
  [[99, 0], undefined],
  [[99, 5], 100],
  [[260, 0], 300],
  [[700, 0], 500],
  [[801, 0], undefined], // after now nothing is known
]);

const view = { x: (/** @type {number} */ ms) => ms, left: 50, right: 1000, now: 900 };
table("stretch", (/** @type {number} */ start, /** @type {number | null} */ end) => stretch(start, end, view), [
  [[100, 200], { x: 100, width: 100 }],
  [[0, 100], { x: 50, width: 50 }],
  [[800, 5000], { x: 800, width: 200 }],
  [[100, null], { x: 100, width: 800 }],
  [[100, 100], { x: 100, width: 1.5 }], // to be seen at all
]);

/** @param {Run[]} runs */
const drawn = (runs) => marksOf(runs, view).map(({ x, width, isEdge }) => [x, width, isEdge ? "edge" : "sure"]);
table("marksOf", drawn, [
  [[[]], []],
  [[[run(100, 200)]], [[100, 100, "sure"]]],
  [
    [[run(100, 200, { startEarliest: 80 })]],
    [
      [80, 20, "edge"],
      [100, 100, "sure"],
    ],
  ],
  [[[run(100, 200, { startEarliest: 99 })]], [[100, 100, "sure"]]], // a pixel is no uncertainty
  [
    [[run(100, 200, { endEarliest: 150 })]],
    [
      [100, 50, "sure"],
      [150, 50, "edge"],
    ],
  ],
  [
    [[run(100, 200, { endEarliest: 100 })]],
    [
      [100, 1, "sure"],
      [100, 100, "edge"],
    ],
  ],
  [
    [[run(100, 200, { quality: "at_connect" })]],
    [
      [90, 10, "edge"],
      [100, 100, "sure"],
    ],
  ],
  [[[run(20, 200, { startEarliest: 10 })]], [[50, 150, "sure"]]], // its beginning lies left of what is shown
  [[[run(100, null, { endEarliest: 150 })]], [[100, 800, "sure"]]], // open: it has no end to be unsure of
]);
test("many short runs in one pixel are one mark", () => {
  const short = Array.from({ length: 1000 }, (_, index) => run(100 + index / 100, 100 + index / 100 + 0.001));
  equal(marksOf(short, view).length <= 11, true);
});

table("factsOf", (/** @type {Run} */ one) => factsOf(one, 900e3), [
  [
    [run(100e3, 200e3, { gapS: 5 })],
    {
      start: { certainty: "at", earliest: 100e3, at: 100e3 },
      end: { certainty: "at", earliest: 200e3, at: 200e3 },
      durationS: 100,
      gapS: 5,
    },
  ],
  [
    [run(100e3, null, { startEarliest: 97e3 })],
    { start: { certainty: "between", earliest: 97e3, at: 100e3 }, end: null, durationS: 800, gapS: 0 },
  ],
  [
    [run(100e3, 100e3, { startEarliest: 97500, endEarliest: 50e3, quality: "at_connect" })],
    {
      start: { certainty: "before", earliest: 97500, at: 100e3 },
      end: { certainty: "between", earliest: 50e3, at: 100e3 },
      durationS: 0,
      gapS: 0,
    },
  ],
]);
test("what one scan interval does is no uncertainty", () =>
  equal(factsOf(run(100e3, null, { startEarliest: 97.5e3 }), 0).start.certainty, "at"));
