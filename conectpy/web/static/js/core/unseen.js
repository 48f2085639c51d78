// Stretches of time in which nobody looked: they are drawn as such, never blank and never solid. Pure.

/** [from, to, why] in milliseconds; to is null while it lasts. @typedef {[number, number | null, string]} Unseen */
/** @typedef {import("./runs.js").Run} Run */
/** @typedef {import("./runs.js").Mark} Mark */

const START = 0;
const END = 1;
const GAP_S = 7;
const UNPLACED_SHARE = 0.02;

/**
 * Their union in order, without overlaps, as [from, to].
 * @param {Unseen[]} stretches
 * @param {number} now
 */
export function join(stretches, now) {
  /** @type {[number, number][]} */
  const joined = [];
  const closed = stretches.map(([from, to]) => [from, to ?? Math.max(from, now)]).sort(([a], [b]) => a - b);
  for (const [from, to] of closed) {
    const last = joined.at(-1);
    if (to <= from) continue;
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/**
 * Why nobody looked at this moment; null where somebody did.
 * @param {Unseen[]} stretches
 * @param {number} ms
 * @returns {Unseen | null}
 */
export function unseenAt(stretches, ms) {
  return stretches.find(([from, to]) => from <= ms && ms < (to ?? Infinity)) ?? null;
}

/**
 * Until when somebody looked: now, or when what still lasts began.
 * @param {Unseen[]} stretches
 * @param {number} now
 */
export function lastSeenAt(stretches, now) {
  return Math.min(now, ...stretches.filter(([, to]) => to === null).map(([from]) => from));
}

/**
 * Runs that were not seen for a time of which nobody wrote down where it lies, when it is more than a trifle of them:
 * the whole run is in doubt.
 * @param {Run[]} runs
 * @param {[number, number][]} dark what is known to be unseen
 * @param {number} now
 * @returns {Unseen[]}
 */
export function unplacedIn(runs, dark, now) {
  /** @type {Unseen[]} */
  const found = [];
  for (const run of runs) {
    if (!run[GAP_S]) continue;
    const end = run[END] ?? now;
    const placed = dark.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, end) - Math.max(a, run[START])), 0);
    if (run[GAP_S] * 1000 - placed > UNPLACED_SHARE * (end - run[START])) found.push([run[START], end, "link"]);
  }
  return found;
}

/**
 * Marks cut where it is dark: there a run is drawn as an edge is. Both go from left to right.
 * @param {Mark[]} marks
 * @param {{x: number, width: number}[]} dark
 */
export function cutByDark(marks, dark) {
  /** @type {Mark[]} */
  const cut = [];
  for (const mark of marks) {
    if (mark.isEdge) {
      cut.push(mark);
      continue;
    }
    const end = mark.x + mark.width;
    let x = mark.x;
    for (const { x: from, width } of dark) {
      if (from >= end || from + width <= x) continue;
      if (from > x) cut.push({ x, width: from - x, isEdge: false });
      const until = Math.min(end, from + width);
      cut.push({ x: Math.max(x, from), width: until - Math.max(x, from), isEdge: true });
      x = until;
    }
    if (x < end) cut.push({ x, width: end - x, isEdge: false });
  }
  return cut;
}
