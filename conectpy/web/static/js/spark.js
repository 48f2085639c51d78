// Sparklines: the last 15 minutes of a number, as a small SVG path. Gaps stay gaps.

const SPAN_MS = 15 * 60 * 1000;
const MAX_POINTS = 120;
const WIDTH = 96,
  HEIGHT = 22;
const SVG = "http://www.w3.org/2000/svg";

export class Spark {
  constructor(times = [], values = []) {
    this.times = times;
    this.values = values;
    this.drawnAt = -Infinity;
  }

  // Takes a live entry over; a value that is not good ends the line.
  add(entry, now) {
    const value = entry.quality === "OK" && typeof entry.value === "number" ? entry.value : null;
    const last = this.times.length - 1;
    if (last >= 0 && this.values[last] === value) return;
    if (
      last >= 1 &&
      value !== null &&
      this.values[last] !== null &&
      now - this.times[last - 1] < SPAN_MS / MAX_POINTS
    ) {
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
}

export function drawSpark(box, spark, now) {
  const tick = performance.now();
  if (tick - spark.drawnAt < 900) return;
  spark.drawnAt = tick;
  if (!box.path) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    box.path = document.createElementNS(SVG, "path");
    svg.append(box.path);
    box.append(svg);
  }
  box.path.setAttribute("d", pathOf(spark, now));
}

function pathOf({ times, values }, now) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return "";
  let low = Math.min(...known),
    high = Math.max(...known);
  // A little noise on a large number is no mountain range.
  const least = Math.max(Math.abs(high), Math.abs(low)) * 0.005 || 1;
  if (high - low < least) {
    const middle = (high + low) / 2;
    low = middle - least / 2;
    high = middle + least / 2;
  }
  const x = (ms) => (Math.max(0, 1 - (now - ms) / SPAN_MS) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4)).toFixed(1);
  let path = "",
    isDrawing = false;
  for (let i = 0; i < times.length; i += 1) {
    if (values[i] === null) {
      if (isDrawing) path += `H${x(times[i])}`;
      isDrawing = false;
      continue;
    }
    path += isDrawing ? `H${x(times[i])}V${y(values[i])}` : `M${x(times[i])} ${y(values[i])}`;
    isDrawing = true;
  }
  return isDrawing ? `${path}H${WIDTH}` : path;
}
