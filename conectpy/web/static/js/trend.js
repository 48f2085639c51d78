// Curves: one lane per unit, states as bands below. Values hold until the next point; what is not known stays open.
import { AXIS_HEIGHT, TimePlot, after, colors, hatch } from "./axis.js";
import { compactNumber } from "./words.js";

const PALETTE = {
  light: ["#1f5f9e", "#a8500b", "#2b7a4b", "#8a3d8f", "#6b5b00", "#00727d", "#a8324a", "#4f5a63"],
  dark: ["#7fb7ee", "#f2a65e", "#7fcf9c", "#d79bdc", "#d6c455", "#5fcdd8", "#f08da0", "#b6c1c9"],
};
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [], [7, 3], [2, 3], [9, 3, 2, 3]];
const LANE = 210,
  BAND = 26,
  GUTTER = 64;

export const seriesColor = (index) =>
  PALETTE[document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light"][index % 8];
export const seriesDash = (index) => DASHES[index % 8];

export class Trend {
  constructor(box, { onRange, onCursor, label, laneHeight = LANE }) {
    this.series = [];
    this.laneHeight = laneHeight;
    this.plot = new TimePlot(box, {
      gutter: GUTTER,
      label,
      onRange,
      onHover: (ms) => onCursor?.(ms),
      draw: (pen) => this.draw(pen),
    });
  }

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

  valueAt(one, ms) {
    const index = after(one.t, ms) - 1;
    return index < 0 ? null : one.v[index];
  }

  draw(pen) {
    const { plot } = this;
    const palette = colors();
    const bottom = plot.height - AXIS_HEIGHT;
    plot.drawAxis(0, bottom, palette);
    pen.save();
    let top = 0;
    for (const lane of this.lanes ?? []) {
      this.drawLane(pen, lane, top, top + this.laneHeight - 10, palette);
      top += this.laneHeight;
    }
    for (const band of this.bands ?? []) {
      this.drawBand(pen, band, top + 5, BAND - 8, palette);
      top += BAND;
    }
    pen.restore();
    plot.drawCursor(0, bottom, palette);
  }

  // The last time that is known at all: nothing is drawn beyond it.
  end(one) {
    return Math.min(this.plot.to, one.until ?? Infinity);
  }

  drawLane(pen, lane, top, bottom, palette) {
    const { plot } = this;
    const [low, high, ticks] = this.scale(lane);
    const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top - 14);
    pen.textAlign = "right";
    pen.lineWidth = 1;
    for (const tick of ticks) {
      pen.strokeStyle = palette.lineSoft;
      pen.beginPath();
      pen.moveTo(plot.gutter, Math.round(y(tick)) + 0.5);
      pen.lineTo(plot.width, Math.round(y(tick)) + 0.5);
      pen.stroke();
      pen.fillStyle = palette.muted;
      pen.fillText(compactNumber(tick, 6), plot.gutter - 6, y(tick));
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

  scale(lane) {
    let low = Infinity,
      high = -Infinity;
    for (const one of lane) {
      const first = Math.max(0, after(one.t, this.plot.from) - 1),
        last = after(one.t, this.plot.to);
      for (let i = first; i < last; i += 1) {
        const value = one.v[i];
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) {
      low = 0;
      high = 1;
    }
    if (high - low < 1e-9 * Math.max(1, Math.abs(high))) {
      low -= 0.5 * (Math.abs(low) || 1) * 0.1;
      high += 0.5 * (Math.abs(high) || 1) * 0.1;
    }
    const rough = (high - low) / 4,
      power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
    low = Math.floor(low / step) * step;
    high = Math.ceil(high / step) * step;
    const ticks = [];
    for (let tick = low; tick <= high + step / 2; tick += step) ticks.push(Math.abs(tick) < step / 1e6 ? 0 : tick);
    return [low, high, ticks];
  }

  drawLine(pen, one, y) {
    const { plot } = this;
    pen.strokeStyle = seriesColor(one.index);
    pen.setLineDash(seriesDash(one.index));
    pen.lineWidth = 1.8;
    pen.beginPath();
    const first = Math.max(0, after(one.t, plot.from) - 1),
      last = Math.min(one.t.length, after(one.t, plot.to) + 1);
    let isDrawing = false;
    for (let i = first; i < last; i += 1) {
      const x = plot.x(one.t[i]);
      if (one.v[i] === null) {
        if (isDrawing) pen.lineTo(x, y(one.v[i - 1]));
        isDrawing = false;
        continue;
      }
      if (isDrawing) pen.lineTo(x, y(one.v[i - 1]));
      else pen.moveTo(x, y(one.v[i]));
      pen.lineTo(x, y(one.v[i]));
      isDrawing = true;
    }
    if (isDrawing && last > 0) pen.lineTo(plot.x(this.end(one)), y(one.v[last - 1]));
    pen.stroke();
    pen.setLineDash([]);
  }

  drawBand(pen, one, top, height, palette) {
    const { plot } = this;
    const unknown = hatch(pen, palette.off);
    pen.save();
    pen.beginPath();
    pen.rect(plot.gutter, top - 2, plot.plotWidth, height + 4);
    pen.clip();
    const first = Math.max(0, after(one.t, plot.from) - 1);
    for (let i = first; i < one.t.length && one.t[i] <= plot.to; i += 1) {
      if (one.v[i] === 0) continue;
      const x = plot.x(Math.max(one.t[i], plot.from)),
        end = plot.x(i + 1 < one.t.length ? one.t[i + 1] : this.end(one));
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
