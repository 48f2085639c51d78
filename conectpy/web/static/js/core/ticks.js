// The time axis: which spans may be shown, and where its marks stand in the plant's zone. Pure.

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const CLOCK_STEPS = [S, 2 * S, 5 * S, 10 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H];
const STEPS = [...CLOCK_STEPS, D, 2 * D, 7 * D, 14 * D, 28 * D];
const TICK_PX = 84;
const MIN_SPAN_MS = 2 * S;
const MAX_SPAN_MS = 2000 * D;
const MAX_TICKS = 1000;

/** @typedef {(ms: number) => number} OffsetAt by how much the wall clock is ahead of UTC at an instant */
/** @typedef {{dayText: TextAt, minuteText: TextAt, clockText: TextAt}} TimeTexts */
/** @typedef {(ms: number) => string} TextAt */

/**
 * The span as far as it may be shown: 2 s to 2000 days.
 * @param {number} ms
 */
export function clampSpan(ms) {
  return Math.min(MAX_SPAN_MS, Math.max(MIN_SPAN_MS, ms));
}

/**
 * The stretch of time after zooming by `factor` around `at`, which stays where it is.
 * @param {number} from
 * @param {number} to
 * @param {number} factor below 1: closer
 * @param {number} at
 */
export function zoomed(from, to, factor, at) {
  const span = clampSpan((to - from) * factor);
  const share = (at - from) / (to - from);
  return { from: at - span * share, to: at + span * (1 - share) };
}

/**
 * Milliseconds from one mark to the next, so that labels have room.
 * @param {number} spanMs
 * @param {number} widthPx of that span
 */
export function stepFor(spanMs, widthPx) {
  return STEPS.find((step) => (step / spanMs) * widthPx >= TICK_PX) ?? STEPS[STEPS.length - 1];
}

/**
 * The instants of the marks from `from` to `to`: round times of the wall clock, also across a change of daylight saving
 * time. An hour that the clock leaves out has no mark.
 * @param {number} from
 * @param {number} to
 * @param {number} step
 * @param {OffsetAt} offsetAt
 */
export function ticks(from, to, step, offsetAt) {
  /** @type {number[]} */
  const found = [];
  if (!(Number.isFinite(from) && Number.isFinite(to) && step > 0)) return found;
  const offset = offsetAt(from);
  for (let wall = Math.ceil((from + offset) / step) * step; found.length < MAX_TICKS; wall += step) {
    // Below an hour a changed offset leaves round times round.
    const at = step >= H ? wall - offsetAt(wall - offset) : wall - offset;
    if (at > to) break;
    if (found.length === 0 || at > found[found.length - 1]) found.push(at);
  }
  return found;
}

/**
 * What is written below the marks: the time, or the day where it is another than at the mark before.
 * @param {number[]} marks
 * @param {number} step
 * @param {TimeTexts} texts
 */
export function tickTexts(marks, step, texts) {
  let lastDay = "";
  return marks.map((at) => {
    const day = texts.dayText(at);
    const isNewDay = day !== lastDay && (lastDay !== "" || step >= H);
    lastDay = day;
    if (step >= D) return day;
    const time = step < M ? texts.clockText(at) : texts.minuteText(at);
    return isNewDay ? `${day} ${time}` : time;
  });
}
