// Events over time: a row per tag. Uncertain edges are hatched, outages of the link shade all rows of their PLC.
import { AXIS_HEIGHT, TimePlot, colors, hatch } from "./axis.js";
import { stateKind } from "./card.js";
import { dateTimeText, durationText, t } from "./words.js";

const ROW = 26,
  HEAD = 26,
  BAR = 16;
const COMM = "@comm";
// One event: [start, end or null, earliest start or null, earliest end or null, id, start quality, end quality, gaps]
const START = 0,
  END = 1,
  START_EARLIEST = 2,
  END_EARLIEST = 3,
  START_QUALITY = 5,
  GAP_S = 7;

export class Timeline {
  constructor(box, { onRange, label, now }) {
    this.now = now;
    this.lines = [];
    this.scroller = box;
    this.spacer = document.createElement("div");
    this.view = document.createElement("div");
    this.view.className = "timeline-view";
    this.spacer.append(this.view);
    box.append(this.spacer);
    this.tip = document.createElement("div");
    this.tip.className = "plot-tip";
    this.tip.hidden = true;
    this.plot = new TimePlot(this.view, {
      label,
      onRange,
      gutter: 0,
      draw: (pen) => this.draw(pen),
      onHover: (ms, x, y) => this.hover(ms, x, y),
    });
    this.view.append(this.tip);
    box.addEventListener("scroll", () => {
      this.tip.hidden = true;
      this.plot.redraw();
    });
    new ResizeObserver(() => this.layout()).observe(box);
  }

  // groups: [{plc, name, outages: [event], rows: [{tag, label, events: [event]}]}], events in the order of their start
  setGroups(groups) {
    this.lines = [];
    for (const group of groups) {
      this.lines.push({ kind: "head", group, text: group.name, top: 0, height: HEAD });
      for (const row of group.rows)
        this.lines.push({ kind: "row", group, row, state: stateKind(row.tag, row.label), height: ROW });
    }
    let top = 0;
    for (const line of this.lines) {
      line.top = top;
      top += line.height;
    }
    this.total = top;
    this.layout();
  }

  layout() {
    const width = this.scroller.clientWidth;
    this.plot.gutter = Math.round(Math.min(260, Math.max(104, width * 0.2)));
    const shown = Math.min((this.total ?? 0) + AXIS_HEIGHT, Math.max(220, Math.round(window.innerHeight * 0.68)));
    this.scroller.style.height = `${shown + 2}px`;
    this.spacer.style.height = `${(this.total ?? 0) + AXIS_HEIGHT}px`;
    this.plot.setHeight(shown);
    this.plot.redraw();
  }

  draw(pen) {
    const { plot } = this;
    const palette = colors();
    const bottom = plot.height - AXIS_HEIGHT,
      scrolled = this.scroller.scrollTop;
    const patterns = { stale: hatch(pen, palette.off), outage: hatch(pen, palette.warn, 7) };
    const lines = this.lines.filter((line) => line.top + line.height > scrolled && line.top < scrolled + bottom);
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, plot.width, bottom);
    pen.clip();
    for (const line of lines)
      if (line.kind === "row") this.drawOutages(pen, line, line.top - scrolled, palette, patterns);
    pen.restore();
    plot.drawAxis(0, bottom, palette);
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, plot.width, bottom);
    pen.clip();
    for (const line of lines) this.drawLine(pen, line, line.top - scrolled, palette, patterns);
    const x = plot.x(this.now());
    pen.fillStyle = palette.page;
    if (x < plot.width) pen.fillRect(Math.max(plot.gutter, x), 0, plot.width, bottom);
    pen.restore();
    plot.drawCursor(0, bottom, palette);
  }

  drawOutages(pen, line, top, palette, patterns) {
    for (const event of this.inView(line.group.outages)) {
      const [x, width] = this.span(event[START], event[END]);
      pen.globalAlpha = 0.55;
      pen.fillStyle = palette.warnSoft;
      pen.fillRect(x, top, width, line.height);
      pen.globalAlpha = 0.35;
      pen.fillStyle = patterns.outage;
      pen.fillRect(x, top, width, line.height);
      pen.globalAlpha = 1;
    }
  }

  drawLine(pen, line, top, palette, patterns) {
    const { plot } = this;
    pen.textAlign = "left";
    if (line.kind === "head") {
      pen.fillStyle = palette.panel2;
      pen.fillRect(0, top, plot.width, line.height);
      pen.fillStyle = palette.text;
      pen.font = pen.font.replace(/^(600 )?/, "600 ");
      pen.fillText(fit(pen, line.text, plot.width - 20), 8, top + line.height / 2);
      pen.font = pen.font.replace(/^600 /, "");
      return;
    }
    pen.strokeStyle = palette.lineSoft;
    pen.beginPath();
    pen.moveTo(0, top + line.height - 0.5);
    pen.lineTo(plot.width, top + line.height - 0.5);
    pen.stroke();
    const color = line.row.tag === COMM ? palette.warn : line.state === "alarm" ? palette.alarm : palette.on;
    this.drawEvents(pen, line, top + (line.height - BAR) / 2, color, patterns);
    pen.fillStyle = palette.panel;
    pen.fillRect(0, top, plot.gutter, line.height - 1);
    pen.fillStyle = palette.text;
    pen.fillText(fit(pen, nameOf(line.row), plot.gutter - 16), 8, top + line.height / 2);
  }

  drawEvents(pen, line, top, color, patterns) {
    let drawnTo = -Infinity;
    for (const event of this.inView(line.row.events)) {
      const [x, width] = this.span(event[START], event[END]);
      if (x + width <= drawnTo) continue; // many short ones in one pixel are one mark
      const [edge] =
        event[START_QUALITY] === "at_connect"
          ? [Math.max(this.plot.gutter, x - 10)]
          : this.span(event[START_EARLIEST] ?? event[START], event[START]);
      if (x - edge > 2) this.edge(pen, edge, top, x - edge, color, patterns);
      if (event[END] !== null && event[END_EARLIEST] !== null) {
        const [sure] = this.span(event[END_EARLIEST], event[END]);
        if (x + width - sure > 2 && sure >= x) {
          pen.fillStyle = color;
          pen.fillRect(x, top, Math.max(1, sure - x), BAR);
          this.edge(pen, sure, top, x + width - sure, color, patterns);
          drawnTo = Math.floor(x + width);
          continue;
        }
      }
      pen.fillStyle = color;
      pen.fillRect(x, top, width, BAR);
      drawnTo = Math.floor(x + width);
    }
  }

  edge(pen, x, top, width, color, patterns) {
    pen.fillStyle = patterns.stale;
    pen.fillRect(x, top, width, BAR);
    pen.strokeStyle = color;
    pen.lineWidth = 1;
    pen.strokeRect(x + 0.5, top + 0.5, Math.max(1, width - 1), BAR - 1);
  }

  span(start, end) {
    const { plot } = this;
    const x = Math.max(plot.gutter, plot.x(start));
    return [x, Math.max(1.5, Math.min(plot.width, plot.x(end ?? this.now())) - x)];
  }

  // Events of one tag do not overlap, so both ends are in order: those in view are one stretch of the list.
  inView(events) {
    let low = 0,
      high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((events[middle][END] ?? Infinity) < this.plot.from) low = middle + 1;
      else high = middle;
    }
    const found = [];
    for (
      let i = low;
      i < events.length && Math.min(events[i][START], events[i][START_EARLIEST] ?? Infinity) <= this.plot.to;
      i += 1
    )
      found.push(events[i]);
    return found;
  }

  hover(ms, x, y) {
    const at =
      ms === null
        ? null
        : this.lines.find(
            (line) =>
              line.kind === "row" &&
              y + this.scroller.scrollTop >= line.top &&
              y + this.scroller.scrollTop < line.top + line.height,
          );
    const slack = (3 / this.plot.plotWidth) * (this.plot.to - this.plot.from);
    const covers = (event) =>
      (event[START_EARLIEST] ?? event[START]) - slack <= ms && (event[END] ?? this.now()) + slack >= ms;
    const event = at && x > this.plot.gutter ? this.inView(at.row.events).find(covers) : null;
    const outage = at && !event && x > this.plot.gutter ? this.inView(at.group.outages).find(covers) : null;
    this.tip.hidden = !event && !outage;
    if (this.tip.hidden) return;
    this.tip.textContent = event ? this.describe(nameOf(at.row), event) : this.describe(t("event.outage"), outage);
    this.tip.style.left = `${Math.min(x + 12, Math.max(0, this.plot.width - this.tip.offsetWidth - 8))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y + 14, this.plot.height - this.tip.offsetHeight - 4))}px`;
  }

  describe(name, event) {
    const edge = (earliest, at, isUnknown) =>
      isUnknown
        ? t("event.before", { to: dateTimeText(at) })
        : earliest !== null && at - earliest > 2500
          ? t("event.between", { from: dateTimeText(earliest), to: dateTimeText(at) })
          : dateTimeText(at);
    const end = event[END] === null ? t("event.open") : edge(event[END_EARLIEST], event[END], false);
    const gaps = event[GAP_S] ? `\n${t("event.outage")}: ${durationText(event[GAP_S])}` : "";
    return `${name}\n${edge(event[START_EARLIEST], event[START], event[START_QUALITY] === "at_connect")}\n→ ${end}\n${durationText(((event[END] ?? this.now()) - event[START]) / 1000)}${gaps}`;
  }
}

const nameOf = (row) => (row.tag === COMM ? t("event.outage") : row.label || row.tag);

function fit(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let cut = text;
  while (cut.length > 1 && pen.measureText(`${cut}…`).width > width) cut = cut.slice(0, -1);
  return `${cut}…`;
}
