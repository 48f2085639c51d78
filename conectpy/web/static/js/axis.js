// A canvas over a stretch of time: size, panning, zooming, keyboard, marks in the plant's zone. What is drawn is the caller's.
import { clampSpan, stepFor, ticks, tickTexts, zoomed } from "./core/ticks.js";
import { times } from "./words.js";

export const AXIS_HEIGHT = 26;

/** The colours of the sheet, by what they mean. */
export function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: of("text"),
    muted: of("muted"),
    line: of("line"),
    lineSoft: of("line-soft"),
    panel: of("panel"),
    panel2: of("panel-2"),
    on: of("on"),
    off: of("off"),
    alarm: of("alarm"),
    warn: of("warn"),
    warnSoft: of("warn-soft"),
    page: of("page"),
  };
}

/**
 * A diagonal hatch: "somewhere in here", or "not known".
 * @param {CanvasRenderingContext2D} context
 * @param {string} color
 */
export function hatch(context, color, gap = 5) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = gap;
  const pen = penOf(tile);
  pen.strokeStyle = color;
  pen.lineWidth = 1.3;
  pen.beginPath();
  for (const shift of [-gap, 0, gap]) {
    pen.moveTo(shift, gap);
    pen.lineTo(shift + gap, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat") ?? color;
}

/** @param {HTMLCanvasElement} canvas */
function penOf(canvas) {
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("this browser cannot draw");
  return pen;
}

export class TimePlot {
  isScheduled = false;
  from = 0;
  to = 1;
  height = 200;
  /** Where the mouse is. @type {{ms: number, x: number, y: number} | null} */
  cursor = null;
  /** Fingers or buttons that are down: id -> x. @type {Map<number, number>} */
  pointers = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  later;

  /**
   * `draw` paints; `onRange` is told when the user has moved; `onHover` where the mouse is, null when it has left.
   * @param {HTMLElement} box
   * @param {{draw: (pen: CanvasRenderingContext2D) => void, onRange?: (from: number, to: number) => void,
   *   onHover?: (ms: number | null, x: number, y: number) => void, gutter?: number, label?: string}} options
   */
  constructor(box, { draw, onRange, onHover, gutter = 0, label = "" }) {
    this.box = box;
    this.paint = draw;
    this.onRange = onRange;
    this.onHover = onHover;
    this.gutter = gutter;
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    box.append(this.canvas);
    this.pen = penOf(this.canvas);
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
    this.from = from;
    this.to = from + clampSpan(to - from);
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
      const width = Math.round(this.width * scale);
      const height = Math.round(this.height * scale);
      if (!width) return;
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
        this.canvas.style.height = `${this.height}px`;
      }
      this.pen.setTransform(scale, 0, 0, scale, 0, 0);
      this.pen.clearRect(0, 0, this.width, this.height);
      this.pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
      this.pen.textBaseline = "middle";
      this.paint(this.pen);
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
    const { from, to } = zoomed(this.from, this.to, factor, at);
    this.move(from, to);
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
    canvas.addEventListener("pointerup", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => {
      this.cursor = null;
      this.onHover?.(null, 0, 0);
      this.redraw();
    });
    canvas.addEventListener("dblclick", (event) => this.zoom(0.5, this.ms(event.offsetX)));
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "ArrowLeft") this.pan(-0.15);
      else if (event.key === "ArrowRight") this.pan(0.15);
      else if (event.key === "+") this.zoom(0.7);
      else if (event.key === "-") this.zoom(1.43);
      else return;
      event.preventDefault();
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
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length === 1) {
      const [[, other]] = others;
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
    const step = stepFor(this.to - this.from, this.plotWidth);
    const marks = ticks(this.from, this.to, step, times.zoneOffsetMs);
    const texts = tickTexts(marks, step, times);
    pen.strokeStyle = palette.lineSoft;
    pen.fillStyle = palette.muted;
    pen.lineWidth = 1;
    pen.textAlign = "center";
    marks.forEach((at, index) => {
      const x = Math.round(this.x(at)) + 0.5;
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, bottom);
      pen.stroke();
      pen.fillText(texts[index], Math.min(this.width - 30, x), bottom + 14);
    });
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
