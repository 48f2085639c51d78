// Numbers over time: which points are in view, and the scale beside them. Pure.

/**
 * Times ascend; a value holds until the next time, null means not known.
 * @typedef {{t: number[], v: (number | null)[]}} Points
 */

/**
 * The first index whose value is greater than `wanted` in an ascending list.
 * @param {number[]} list
 * @param {number} wanted
 */
export function after(list, wanted) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The index of the point that holds at `ms`; 0 where that is before the first.
 * @param {number[]} times
 * @param {number} ms
 */
export const holdingAt = (times, ms) => Math.max(0, after(times, ms) - 1);

/**
 * The value that holds at `ms`; null where it is not known.
 * @param {Points} points
 * @param {number} ms
 */
export function valueAt(points, ms) {
  const index = after(points.t, ms) - 1;
  return index < 0 ? null : points.v[index];
}

/**
 * A scale with round marks over all that is in view from `from` to `to`.
 * @param {Points[]} lane
 * @param {number} from
 * @param {number} to
 */
export function scaleOf(lane, from, to) {
  let low = Infinity;
  let high = -Infinity;
  for (const { t, v } of lane) {
    const end = after(t, to);
    for (let i = holdingAt(t, from); i < end; i += 1) {
      const value = v[i];
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return roundScale(low, high);
}

/**
 * `low` and `high` widened to round marks; 0 to 1 where there is nothing between them.
 * @param {number} least
 * @param {number} most
 */
export function roundScale(least, most) {
  let [low, high] = least <= most && Number.isFinite(most - least) ? [least, most] : [0, 1];
  if (high - low < 1e-9 * Math.max(1, Math.abs(high))) {
    low -= 0.05 * (Math.abs(low) || 1);
    high += 0.05 * (Math.abs(high) || 1);
  }
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  low = Math.floor(low / step) * step;
  high = Math.ceil(high / step) * step;
  const marks = [];
  for (let mark = low; mark <= high + step / 2; mark += step) marks.push(Math.abs(mark) < step / 1e6 ? 0 : mark);
  return { low, high, marks };
}
