// A sparkline: the last 15 minutes of a number, as the path of an SVG. Gaps stay gaps. Pure.

const SPAN_MS = 15 * 60 * 1000;
const MAX_POINTS = 120;
export const SPARK_WIDTH = 96;
export const SPARK_HEIGHT = 22;

/** @typedef {(number | null)[]} Values null: not known */

export class Spark {
  /** @param {number[]} times @param {Values} values */
  constructor(times = [], values = []) {
    this.times = times;
    this.values = values;
  }

  /**
   * Takes a live value over; null ends the line.
   * @param {number | null} value
   * @param {number} now
   */
  add(value, now) {
    const last = this.times.length - 1;
    if (last >= 0 && this.values[last] === value) return;
    const isCrowded = last >= 1 && now - this.times[last - 1] < SPAN_MS / MAX_POINTS;
    if (isCrowded && value !== null && this.values[last] !== null) {
      this.times[last] = now;
      this.values[last] = value;
    } else {
      this.times.push(now);
      this.values.push(value);
    }
    while (this.times.length > 2 && this.times[1] < now - SPAN_MS) {
      this.times.shift();
      this.values.shift();
    }
  }

  /**
   * What an SVG's path draws of it; "" where nothing is known.
   * @param {number} now
   */
  path(now) {
    const y = heights(this.values);
    if (y === null) return "";
    /** @param {number} ms */
    const x = (ms) => (Math.max(0, 1 - (now - ms) / SPAN_MS) * SPARK_WIDTH).toFixed(1);
    let path = "";
    let isDrawing = false;
    this.values.forEach((value, i) => {
      const at = x(this.times[i]);
      if (value !== null) path += isDrawing ? `H${at}V${y(value)}` : `M${at} ${y(value)}`;
      else if (isDrawing) path += `H${at}`;
      isDrawing = value !== null;
    });
    return isDrawing ? `${path}H${SPARK_WIDTH}` : path;
  }
}

/**
 * Value -> height, over all of these values; null where none is known.
 * @param {Values} values
 */
function heights(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  // A little noise on a large number is no mountain range.
  const least = Math.max(Math.abs(high), Math.abs(low)) * 0.005 || 1;
  if (high - low < least) {
    const middle = (high + low) / 2;
    low = middle - least / 2;
    high = middle + least / 2;
  }
  /** @param {number} value */
  return (value) => (SPARK_HEIGHT - 2 - ((value - low) / (high - low)) * (SPARK_HEIGHT - 4)).toFixed(1);
}
