// A canvas over a stretch of time: size, panning, zooming, keyboard, ticks in the plant's zone. What is drawn is the caller's.
import { clockText, dayText, minuteText, zoneOffsetMs } from "./words.js";

const S = 1000,
  M = 60 * S,
  H = 60 * M,
  D = 24 * H;
const STEPS = [
  S,
  2 * S,
  5 * S,
  10 * S,
  30 * S,
  M,
  2 * M,
  5 * M,
  10 * M,
  30 * M,
  H,
  2 * H,
  3 * H,
  6 * H,
  12 * H,
  D,
  2 * D,
  7 * D,
  14 * D,
  28 * D,
];
const MIN_SPAN = 2 * S,
  MAX_SPAN = 2000 * D;
const TICK_PX = 84;

export const AXIS_HEIGHT = 26;

export function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    [
      "text",
      "muted",
      "line",
      "line-soft",
      "panel",
      "panel-2",
      "on",
      "off",
      "alarm",
      "warn",
      "warn-soft",
      "accent",
      "stale",
      "page",
    ].map((name) => [name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase()), of(name)]),
  );
}

// A diagonal hatch: "somewhere in here", or "not known".
export function hatch(context, color, gap = 5) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = gap;
  const pen = tile.getContext("2d");
  pen.strokeStyle = color;
  pen.lineWidth = 1.3;
  pen.beginPath();
  for (const shift of [-gap, 0, gap]) {
    pen.moveTo(shift, gap);
    pen.lineTo(shift + gap, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

export class TimePlot {
  // draw(pen, plot) paints; onRange(from, to) is told when the user has moved; onHover(ms, x, y) or onHover(null).
  constructor(box, { draw, onRange, onHover, gutter = 0, label = "" }) {
    Object.assign(this, {
      box,
      paint: draw,
      onRange,
      onHover,
      gutter,
      from: 0,
      to: 1,
      cursor: null,
      pointers: new Map(),
    });
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    box.append(this.canvas);
    this.pen = this.canvas.getContext("2d");
    new ResizeObserver(() => this.redraw()).observe(box);
    document.addEventListener("theme", () => this.redraw());
    this.listen();
  }

  get width() {
    return this.box.clientWidth;
  }
  get plotWidth() {
    return Math.max(10, this.width - this.gutter);
  }
  x(ms) {
    return this.gutter + ((ms - this.from) / (this.to - this.from)) * this.plotWidth;
  }
  ms(x) {
    return this.from + ((x - this.gutter) / this.plotWidth) * (this.to - this.from);
  }

  setRange(from, to) {
    const span = Math.min(MAX_SPAN, Math.max(MIN_SPAN, to - from));
    this.from = from;
    this.to = from + span;
    this.redraw();
  }

  setHeight(height) {
    if (this.height !== height) {
      this.height = height;
      this.redraw();
    }
  }

  redraw() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      const scale = window.devicePixelRatio || 1;
      const width = Math.round(this.width * scale),
        height = Math.round((this.height ?? 200) * scale);
      if (!width) return;
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
        this.canvas.style.height = `${this.height ?? 200}px`;
      }
      this.pen.setTransform(scale, 0, 0, scale, 0, 0);
      this.pen.clearRect(0, 0, this.width, this.height ?? 200);
      this.pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
      this.pen.textBaseline = "middle";
      this.paint(this.pen, this);
    });
  }

  move(from, to) {
    this.setRange(from, to);
    clearTimeout(this.later);
    this.later = setTimeout(() => this.onRange?.(this.from, this.to), 250);
  }

  pan(share) {
    const shift = (this.to - this.from) * share;
    this.move(this.from + shift, this.to + shift);
  }

  zoom(factor, at = (this.from + this.to) / 2) {
    const span = Math.min(MAX_SPAN, Math.max(MIN_SPAN, (this.to - this.from) * factor));
    const share = (at - this.from) / (this.to - this.from);
    this.move(at - span * share, at + span * (1 - share));
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) {
          event.preventDefault();
          this.zoom(Math.exp((event.deltaY || event.deltaX) * 0.002), this.ms(event.offsetX));
        } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          event.preventDefault();
          this.pan(event.deltaX / this.plotWidth);
        }
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      this.pointers.set(event.pointerId, event.offsetX);
      if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => this.pointerMoved(event));
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => {
      this.cursor = null;
      this.onHover?.(null);
      this.redraw();
    });
    canvas.addEventListener("dblclick", (event) => this.zoom(0.5, this.ms(event.offsetX)));
    canvas.addEventListener("keydown", (event) => {
      const action = {
        ArrowLeft: () => this.pan(-0.15),
        ArrowRight: () => this.pan(0.15),
        "+": () => this.zoom(0.7),
        "-": () => this.zoom(1.43),
      }[event.key];
      if (!action || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      action();
    });
  }

  pointerMoved(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      this.cursor = { ms: this.ms(event.offsetX), x: event.offsetX, y: event.offsetY };
      this.onHover?.(this.cursor.ms, event.offsetX, event.offsetY);
      this.redraw();
      return;
    }
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const ratio = Math.abs(before - other) / Math.max(8, Math.abs(event.offsetX - other));
      this.zoom(ratio, this.ms((event.offsetX + other) / 2));
    } else {
      this.pan(-(event.offsetX - before) / this.plotWidth);
    }
    this.pointers.set(event.pointerId, event.offsetX);
  }

  // Grid lines from `top` to `bottom`, labels below; each at a round time of the plant's clock, also across DST.
  drawAxis(top, bottom, palette) {
    const { pen } = this;
    const step =
      STEPS.find((size) => (size / (this.to - this.from)) * this.plotWidth >= TICK_PX) ?? STEPS[STEPS.length - 1];
    pen.strokeStyle = palette.lineSoft;
    pen.fillStyle = palette.muted;
    pen.lineWidth = 1;
    pen.textAlign = "center";
    let lastDay = "";
    const offset = zoneOffsetMs(this.from);
    for (let wall = Math.ceil((this.from + offset) / step) * step; ; wall += step) {
      let at = wall - offset;
      const here = zoneOffsetMs(at);
      if (here !== offset && step >= H) at = wall - here;
      if (at > this.to) break;
      const x = Math.round(this.x(at)) + 0.5;
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, bottom);
      pen.stroke();
      const day = dayText(at);
      const isNewDay = day !== lastDay && (lastDay !== "" || step >= D || step >= H);
      const text = step >= D ? day : step < M ? clockText(at) : minuteText(at);
      pen.fillText(isNewDay && step < D ? `${day} ${text}` : text, Math.min(this.width - 30, x), bottom + 14);
      lastDay = day;
    }
  }

  drawCursor(top, bottom, palette) {
    if (!this.cursor || this.cursor.x < this.gutter) return;
    this.pen.strokeStyle = palette.text;
    this.pen.setLineDash([3, 3]);
    this.pen.beginPath();
    this.pen.moveTo(Math.round(this.cursor.x) + 0.5, top);
    this.pen.lineTo(Math.round(this.cursor.x) + 0.5, bottom);
    this.pen.stroke();
    this.pen.setLineDash([]);
  }
}

// The first index whose value is greater than `wanted` in an ascending list.
export function after(list, wanted) {
  let low = 0,
    high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}
