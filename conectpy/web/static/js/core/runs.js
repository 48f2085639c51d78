// Runs: the stretches of time in which a state was TRUE, as `/api/timeline` gives them. Pure.

/**
 * [start, end, earliest start, earliest end, id, start quality, end quality, seconds of outages]; times in milliseconds,
 * null where it is open or not known.
 * @typedef {[number, number | null, number | null, number | null, number, string, string | null, number]} Run
 */
/** @typedef {{x: number, width: number, isEdge: boolean}} Mark an edge: it began or ended somewhere in there */
/** @typedef {{x: (ms: number) => number, left: number, right: number, now: number}} View */

export const COMM_TAG = "@comm";
const START = 0;
const END = 1;
const START_EARLIEST = 2;
const END_EARLIEST = 3;
const START_QUALITY = 5;
const GAP_S = 7;
const SURE_MS = 2500; // what a scan interval does is no uncertainty
const BEFORE_PX = 10; // how far a run reaches back that had begun before it was first seen
const LEAST_PX = 1.5;
const LEAST_EDGE_PX = 2;

/**
 * The runs of one tag that touch the time from `from` to `to`. They do not overlap, so both ends are in order: those in
 * view are one stretch of the list.
 * @param {Run[]} runs
 * @param {number} from
 * @param {number} to
 */
export function inView(runs, from, to) {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle][END] ?? Infinity) < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < runs.length && earliestOf(runs[end]) <= to) end += 1;
  return runs.slice(low, end);
}

/** @param {Run} run */
const earliestOf = (run) => Math.min(run[START], run[START_EARLIEST] ?? Infinity);

/**
 * The run that reaches over `ms`, or comes as near as `slackMs`.
 * @param {Run[]} runs
 * @param {number} ms
 * @param {number} slackMs
 * @param {number} now
 */
export function runAt(runs, ms, slackMs, now) {
  return runs.find((run) => (run[START_EARLIEST] ?? run[START]) - slackMs <= ms && (run[END] ?? now) + slackMs >= ms);
}

/**
 * Where a stretch of time lies in the view; an open one ends now.
 * @param {number} start
 * @param {number | null} end
 * @param {View} view
 */
export function stretch(start, end, view) {
  const x = Math.max(view.left, view.x(start));
  return { x, width: Math.max(LEAST_PX, Math.min(view.right, view.x(end ?? view.now)) - x) };
}

/**
 * What is drawn of runs in view, left to right. Many short ones in one pixel are one mark.
 * @param {Run[]} runs
 * @param {View} view
 */
export function marksOf(runs, view) {
  /** @type {Mark[]} */
  const marks = [];
  let drawnTo = -Infinity;
  for (const run of runs) {
    const { x, width } = stretch(run[START], run[END], view);
    const end = x + width;
    if (end <= drawnTo) continue;
    const edge = startEdge(run, x, view);
    if (x - edge > LEAST_EDGE_PX) marks.push({ x: edge, width: x - edge, isEdge: true });
    const sure = sureEnd(run, view);
    if (sure !== null && sure >= x && end - sure > LEAST_EDGE_PX) {
      marks.push({ x, width: Math.max(1, sure - x), isEdge: false }, { x: sure, width: end - sure, isEdge: true });
    } else {
      marks.push({ x, width, isEdge: false });
    }
    drawnTo = Math.ceil(end);
  }
  return marks;
}

/** @param {Run} run @param {number} x @param {View} view */
function startEdge(run, x, view) {
  if (run[START_QUALITY] === "at_connect") return Math.max(view.left, x - BEFORE_PX);
  return Math.max(view.left, view.x(run[START_EARLIEST] ?? run[START]));
}

/** @param {Run} run @param {View} view */
function sureEnd(run, view) {
  const earliest = run[END_EARLIEST];
  return run[END] === null || earliest === null ? null : Math.max(view.left, view.x(earliest));
}

/**
 * A run in numbers for people: `certainty` of an edge is "before" (only the latest is known), "between" or "at".
 * @param {Run} run
 * @param {number} now
 */
export function factsOf(run, now) {
  const end = run[END];
  return {
    start: edgeFacts(run[START_EARLIEST], run[START], run[START_QUALITY] === "at_connect"),
    end: end === null ? null : edgeFacts(run[END_EARLIEST], end, false),
    durationS: ((end ?? now) - run[START]) / 1000,
    gapS: run[GAP_S],
  };
}

/** @param {number | null} earliest @param {number} at @param {boolean} isUnknown */
function edgeFacts(earliest, at, isUnknown) {
  const isWide = earliest !== null && at - earliest > SURE_MS;
  return { certainty: isUnknown ? "before" : isWide ? "between" : "at", earliest: earliest ?? at, at };
}
