// Curves: one lane per unit, states as bands below. Values hold until the next point; what is not known stays open.
import { AXIS_HEIGHT, colors, hatch, TimePlot } from "./axis.js";
import { after, holdingAt, scaleOf } from "./core/series.js";
import { compactNumber } from "./words.js";

const PALETTE = {
  light: ["#1f5f9e", "#a8500b", "#2b7a4b", "#8a3d8f", "#6b5b00", "#00727d", "#a8324a", "#4f5a63"],
  dark: ["#7fb7ee", "#f2a65e", "#7fcf9c", "#d79bdc", "#d6c455", "#5fcdd8", "#f08da0", "#b6c1c9"],
};
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [], [7, 3], [2, 3], [9, 3, 2, 3]];
const LANE = 210;
const BAND = 26;
const GUTTER = 64;

/**
 * One of `/api/history`'s series; `until` is the last time that is known at all, nothing is drawn beyond it.
 * @typedef {import("./core/series.js").Points & {unit: string, is_state: boolean, until: number}} Series
 */
/** @typedef {Series & {index: number}} Line */

export const seriesColor = (index) =>
  PALETTE[document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light"][index % 8];
export const seriesDash = (index) => DASHES[index % 8];

export class Trend {
  /** @type {Line[]} */
  series = [];
  /** Lines of one unit share a lane. @type {Line[][]} */
  lanes = [];
  /** @type {Line[]} */
  bands = [];

  /**
   * @param {HTMLElement} box
   * @param {{label: string, onRange?: (from: number, to: number) => void, onCursor?: (ms: number | null) => void,
   *   laneHeight?: number}} options
   */
  constructor(box, { onRange, onCursor, label, laneHeight = LANE }) {
    this.laneHeight = laneHeight;
    this.plot = new TimePlot(box, {
      gutter: GUTTER,
      label,
      onRange,
      onHover: (ms) => onCursor?.(ms),
      draw: (pen) => this.draw(pen),
    });
  }

  /** @param {Series[]} series */
  setSeries(series) {
    this.series = series.map((one, index) => ({ ...one, index }));
    const units = new Set(this.series.filter((one) => !one.is_state).map((one) => one.unit));
    this.lanes = [...units].map((unit) => this.series.filter((one) => !one.is_state && one.unit === unit));
    this.bands = this.series.filter((one) => one.is_state);
    this.plot.setHeight(
      Math.max(120, this.lanes.length * this.laneHeight + this.bands.length * BAND + AXIS_HEIGHT + 8),
    );
    this.plot.redraw();
  }

  draw(pen) {
    const { plot } = this;
    const palette = colors();
    const bottom = plot.height - AXIS_HEIGHT;
    plot.drawAxis(0, bottom, palette);
    pen.save();
    let top = 0;
    for (const lane of this.lanes) {
      this.drawLane(pen, lane, top, top + this.laneHeight - 10, palette);
      top += this.laneHeight;
    }
    for (const band of this.bands) {
      this.drawBand(pen, band, top + 5, BAND - 8, palette);
      top += BAND;
    }
    pen.restore();
    plot.drawCursor(0, bottom, palette);
  }

  /** @param {Line} one */
  end(one) {
    return Math.min(this.plot.to, one.until);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Line[]} lane */
  drawLane(pen, lane, top, bottom, palette) {
    const { plot } = this;
    const { low, high, marks } = scaleOf(lane, plot.from, plot.to);
    /** @param {number} value */
    const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top - 14);
    pen.textAlign = "right";
    pen.lineWidth = 1;
    for (const mark of marks) {
      pen.strokeStyle = palette.lineSoft;
      pen.beginPath();
      pen.moveTo(plot.gutter, Math.round(y(mark)) + 0.5);
      pen.lineTo(plot.width, Math.round(y(mark)) + 0.5);
      pen.stroke();
      pen.fillStyle = palette.muted;
      pen.fillText(compactNumber(mark, 6), plot.gutter - 6, y(mark));
    }
    pen.fillStyle = palette.text;
    pen.textAlign = "left";
    pen.fillText(lane[0].unit || "", 4, top + 8);
    pen.save();
    pen.beginPath();
    pen.rect(plot.gutter, top, plot.plotWidth, bottom - top + 4);
    pen.clip();
    for (const one of lane) this.drawLine(pen, one, y);
    pen.restore();
  }

  /** @param {CanvasRenderingContext2D} pen @param {Line} one @param {(value: number) => number} y */
  drawLine(pen, one, y) {
    const { plot } = this;
    pen.strokeStyle = seriesColor(one.index);
    pen.setLineDash(seriesDash(one.index));
    pen.lineWidth = 1.8;
    pen.beginPath();
    const last = Math.min(one.t.length, after(one.t, plot.to) + 1);
    let before = null;
    for (let i = holdingAt(one.t, plot.from); i < last; i += 1) {
      const x = plot.x(one.t[i]);
      const value = one.v[i];
      if (before !== null) pen.lineTo(x, y(before));
      if (value !== null && before === null) pen.moveTo(x, y(value));
      if (value !== null) pen.lineTo(x, y(value));
      before = value;
    }
    if (before !== null) pen.lineTo(plot.x(this.end(one)), y(before));
    pen.stroke();
    pen.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Line} one */
  drawBand(pen, one, top, height, palette) {
    const { plot } = this;
    const unknown = hatch(pen, palette.off);
    pen.save();
    pen.beginPath();
    pen.rect(plot.gutter, top - 2, plot.plotWidth, height + 4);
    pen.clip();
    for (let i = holdingAt(one.t, plot.from); i < one.t.length && one.t[i] <= plot.to; i += 1) {
      if (one.v[i] === 0) continue;
      const x = plot.x(Math.max(one.t[i], plot.from));
      const end = plot.x(i + 1 < one.t.length ? one.t[i + 1] : this.end(one));
      pen.fillStyle = one.v[i] === null ? unknown : seriesColor(one.index);
      pen.fillRect(x, top, Math.max(1, end - x), height);
    }
    pen.strokeStyle = palette.line;
    pen.strokeRect(plot.gutter + 0.5, top + 0.5, plot.plotWidth - 1, height - 1);
    pen.restore();
    pen.fillStyle = palette.text;
    pen.textAlign = "left";
    pen.fillText(`${one.index + 1}`, plot.gutter - 18, top + height / 2);
  }
}
