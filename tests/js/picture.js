// What the tests of drawings need: a box of a known size and colours, and what stands on a canvas, pixel by pixel.

/** The colours of the sheet while a picture is looked at: far from each other. @type {Record<string, string>} */
const COLORS = {
  on: "#0000ff",
  off: "#808080",
  alarm: "#ff0000",
  warn: "#ff00ff",
  "warn-soft": "#ffff00",
  text: "#000000",
  muted: "#003300",
  line: "#f0f0f0",
  "line-soft": "#f8f8f8",
  panel: "#f4f4f4",
  "panel-2": "#ececec",
  page: "#00ffff",
};

/** A box to draw in, as wide as said. @param {number} width */
export function makeBox(width) {
  for (const [name, color] of Object.entries(COLORS)) document.documentElement.style.setProperty(`--${name}`, color);
  const box = document.createElement("div");
  box.style.width = `${width}px`;
  document.body.replaceChildren(box);
  return box;
}

/** Until what was asked for is drawn: after the sizes are known, and after the frame that they asked for. */
export async function frames() {
  for (let count = 0; count < 4; count += 1) await new Promise(requestAnimationFrame);
}

/** Until this is so, five seconds at most. @param {() => unknown} isSo */
export async function until(isSo) {
  const end = performance.now() + 5000;
  while (!isSo() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}

/**
 * The share of pixels with a colour (a name of the sheet, or #rrggbb) in a part of the canvas; how dense they are does
 * not matter, so that the soft border of a line counts.
 * @param {HTMLCanvasElement} canvas
 * @param {string} color
 * @param {[number, number, number, number]} part x, y, width, height
 */
export function share(canvas, color, part) {
  const wanted = Number.parseInt((COLORS[color] ?? color).slice(1), 16);
  const pixels = pixelsOf(canvas, part);
  const found = pixels.filter(([red, green, blue, alpha]) => {
    const away = [red - (wanted >> 16), green - ((wanted >> 8) & 255), blue - (wanted & 255)];
    return alpha > 40 && away.every((one) => Math.abs(one) < 24);
  });
  return found.length / pixels.length;
}

/**
 * What a part of a canvas is, in a word: "none" of a colour, "full" of it, or "hatched".
 * @param {HTMLCanvasElement} canvas
 * @param {string} color
 * @param {[number, number, number, number]} part
 */
export function look(canvas, color, part) {
  const found = share(canvas, color, part);
  return found === 0 ? "none" : found > 0.95 ? "full" : found > 0.15 ? "hatched" : "traces";
}

/** @param {HTMLCanvasElement} canvas @param {[number, number, number, number]} part */
function pixelsOf(canvas, [x, y, width, height]) {
  // Read from a copy: a canvas that is often read back is drawn in another way from then on.
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [width, height];
  const pen = copy.getContext("2d", { willReadFrequently: true });
  if (pen === null) throw new Error("this browser cannot draw");
  pen.drawImage(canvas, -x, -y);
  const { data } = pen.getImageData(0, 0, width, height);
  return Array.from({ length: width * height }, (_, index) => [...data.slice(4 * index, 4 * index + 4)]);
}
