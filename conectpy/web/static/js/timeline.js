// Events over time: a row per tag. Uncertain edges are hatched, outages of the link shade all rows of their PLC.
import { AXIS_HEIGHT, colors, hatch, TimePlot } from "./axis.js";
import { durationText } from "./core/formats.js";
import { stateKind } from "./core/kinds.js";
import { COMM_TAG, factsOf, inView, marksOf, runAt, stretch } from "./core/runs.js";
import { cutByDark, join, lastSeenAt, unplacedIn, unseenAt } from "./core/unseen.js";
import { make, setText } from "./dom.js";
import { compactNumber, dateTimeText, t } from "./words.js";

const ROW = 26;
const HEAD = 26;
const BAR = 16;
const SLACK_PX = 3;
const LATE_MS = 30000; // so long without a load that what is drawn is no longer what is

/** @typedef {import("./core/runs.js").Run} Run */
/** @typedef {import("./core/unseen.js").Unseen} Unseen */
/** @typedef {{tag: string, label: string, events: Run[], unseen?: Unseen[]}} Row */
/** @typedef {{plc: string, name: string, outages: Run[], unseen?: Unseen[], rows: Row[]}} Group one of `/api/timeline`'s */
/** @typedef {{group: Group, row: Row | null, kind: string, top: number, height: number}} Line no row: the group's head */

export class Timeline {
  /** @type {Line[]} */
  lines = [];
  total = 0;
  /** What has been fetched, and when: outside of it nothing is known here. */
  loaded = { from: -Infinity, to: Infinity, at: Infinity };

  /**
   * @param {HTMLElement} box
   * @param {{onRange: (from: number, to: number) => void, label: string, now: () => number}} options
   */
  constructor(box, { onRange, label, now }) {
    this.now = now;
    this.scroller = box;
    this.spacer = make("div");
    this.view = make("div", "timeline-view");
    this.spacer.append(this.view);
    box.append(this.spacer);
    this.tip = make("div", "plot-tip");
    this.tip.hidden = true;
    this.plot = new TimePlot(this.view, {
      label,
      onRange,
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

  /** @param {Group[]} groups */
  setGroups(groups, loaded = this.loaded) {
    this.loaded = loaded;
    this.lines = [];
    this.total = 0;
    for (const group of groups) {
      this.addLine({ group, row: null, kind: "head", height: HEAD });
      for (const row of group.rows) {
        this.addLine({ group, row, kind: stateKind(row.tag, row.label), height: ROW });
      }
    }
    this.layout();
  }

  /** @param {Omit<Line, "top">} line */
  addLine(line) {
    this.lines.push({ ...line, top: this.total });
    this.total += line.height;
  }

  layout() {
    const width = this.scroller.clientWidth;
    this.plot.gutter = Math.round(Math.min(260, Math.max(104, width * 0.2)));
    const shown = Math.min(this.total + AXIS_HEIGHT, Math.max(220, Math.round(window.innerHeight * 0.68)));
    this.scroller.style.height = `${shown + 2}px`;
    this.spacer.style.height = `${this.total + AXIS_HEIGHT}px`;
    this.plot.setHeight(shown);
    this.plot.redraw();
  }

  /** @param {CanvasRenderingContext2D} pen */
  draw(pen) {
    const { plot } = this;
    const palette = colors();
    const bottom = plot.height - AXIS_HEIGHT;
    const scrolled = this.scroller.scrollTop;
    const patterns = { unsure: hatch(pen, palette.off), outage: hatch(pen, palette.warn, 7) };
    const lines = this.lines.filter((line) => line.top + line.height > scrolled && line.top < scrolled + bottom);
    const clipped = (paint) => {
      pen.save();
      pen.beginPath();
      pen.rect(0, 0, plot.width, bottom);
      pen.clip();
      paint();
      pen.restore();
    };
    clipped(() => {
      for (const line of lines) if (line.row) this.drawUnseen(pen, line, line.top - scrolled, palette, patterns);
    });
    plot.drawAxis(0, bottom, palette);
    clipped(() => {
      for (const line of lines) this.drawLine(pen, line, line.top - scrolled, palette, patterns);
      const x = plot.x(this.now());
      pen.fillStyle = palette.page;
      if (x < plot.width) pen.fillRect(Math.max(plot.gutter, x), 0, plot.width, bottom);
    });
    plot.drawCursor(0, bottom, palette);
  }

  /** Where runs are drawn. */
  area() {
    const { plot } = this;
    return { x: (ms) => plot.x(ms), left: plot.gutter, right: plot.width, now: this.now() };
  }

  /** @param {Run[]} runs */
  shown(runs) {
    return inView(runs, this.plot.from, this.plot.to);
  }

  /** What nobody saw of a row, as far as it is in view. @param {Line} line @returns {Unseen[]} */
  unseenOf({ group, row }) {
    const { from, to } = this.plot;
    const { loaded } = this;
    const now = this.now();
    const ofPlc = row?.tag === COMM_TAG ? (group.unseen ?? []).filter(([, , why]) => why !== "link") : group.unseen;
    /** @type {Unseen[]} */
    const all = [
      [-Infinity, loaded.from, "left_out"],
      [loaded.to, Infinity, "left_out"],
      ...(now - loaded.at > LATE_MS ? [/** @type {Unseen} */ ([loaded.at, null, "silent"])] : []),
      ...(ofPlc ?? []),
      ...(row?.unseen ?? []),
    ];
    return all.filter(([start, end]) => start < to && (end ?? now) > from);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Line} line */
  drawUnseen(pen, line, top, palette, patterns) {
    for (const [start, end, why] of this.unseenOf(line)) {
      const { x, width } = stretch(start, end, this.area());
      const [soft, hatched] = why === "link" ? [palette.warnSoft, patterns.outage] : [palette.panel2, patterns.unsure];
      pen.globalAlpha = 0.55;
      pen.fillStyle = soft;
      pen.fillRect(x, top, width, line.height);
      pen.globalAlpha = 0.35;
      pen.fillStyle = hatched;
      pen.fillRect(x, top, width, line.height);
      pen.globalAlpha = 1;
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {Line} line */
  drawLine(pen, line, top, palette, patterns) {
    const { plot } = this;
    const middle = top + line.height / 2;
    pen.textAlign = "left";
    if (!line.row) {
      pen.fillStyle = palette.panel2;
      pen.fillRect(0, top, plot.width, line.height);
      pen.fillStyle = palette.text;
      pen.font = pen.font.replace(/^(600 )?/, "600 ");
      pen.fillText(fit(pen, line.group.name, plot.width - 20), 8, middle);
      pen.font = pen.font.replace(/^600 /, "");
      return;
    }
    pen.strokeStyle = palette.lineSoft;
    pen.beginPath();
    pen.moveTo(0, top + line.height - 0.5);
    pen.lineTo(plot.width, top + line.height - 0.5);
    pen.stroke();
    const color = line.row.tag === COMM_TAG ? palette.warn : line.kind === "alarm" ? palette.alarm : palette.on;
    this.drawRuns(pen, line, middle - BAR / 2, color, patterns.unsure);
    pen.fillStyle = palette.panel;
    pen.fillRect(0, top, plot.gutter, line.height - 1);
    pen.fillStyle = palette.text;
    pen.fillText(fit(pen, nameOf(line.row), plot.gutter - 16), 8, middle);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Line} line */
  drawRuns(pen, line, top, color, unsure) {
    const runs = this.shown(line.row?.events ?? []);
    const known = this.unseenOf(line);
    const unplaced = line.row?.tag === COMM_TAG ? [] : unplacedIn(runs, join(known, this.now()), this.now());
    const dark = join([...known, ...unplaced], this.now()).map(([from, to]) => stretch(from, to, this.area()));
    for (const { x, width, isEdge } of cutByDark(marksOf(runs, this.area()), dark)) {
      pen.fillStyle = isEdge ? unsure : color;
      pen.fillRect(x, top, width, BAR);
      if (!isEdge) continue;
      pen.strokeStyle = color;
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, top + 0.5, Math.max(1, width - 1), BAR - 1);
    }
  }

  /** @param {number | null} ms @param {number} x @param {number} y */
  hover(ms, x, y) {
    const text = ms === null || x <= this.plot.gutter ? null : this.textAt(ms, y + this.scroller.scrollTop);
    this.tip.hidden = text === null;
    if (text === null) return;
    setText(this.tip, text);
    this.tip.style.left = `${Math.min(x + 12, Math.max(0, this.plot.width - this.tip.offsetWidth - 8))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y + 14, this.plot.height - this.tip.offsetHeight - 4))}px`;
  }

  /** What is to be read of the run, or else of the outage, at this place. @param {number} ms @param {number} y */
  textAt(ms, y) {
    const line = this.lines.find(({ row, top, height }) => row && y >= top && y < top + height);
    if (!line?.row) return null;
    const slack = (SLACK_PX / this.plot.plotWidth) * (this.plot.to - this.plot.from);
    const run = runAt(this.shown(line.row.events), ms, slack, this.now());
    const known = this.unseenOf(line);
    const unseen = unseenAt(known, ms);
    const why = unseen && this.describeUnseen(unseen);
    const now = this.now();
    if (run)
      return [this.describe(nameOf(line.row), run, now, lastSeenAt(known, now)), ...(why ? [why] : [])].join("\n");
    const outage = runAt(this.shown(line.group.outages), ms, slack, now);
    return outage ? this.describe(t("event.outage"), outage, now) : why;
  }

  /** @param {Unseen} unseen */
  describeUnseen([from, to, why]) {
    const ends = [from, to].map((ms) => (ms !== null && Number.isFinite(ms) ? dateTimeText(ms) : "…"));
    return `${t(`unseen.${why}`)}\n${ends.join(" → ")}`;
  }

  /** @param {string} name @param {Run} run @param {number} now @param {number} seenTo until when an open one is known to have lasted */
  describe(name, run, now, seenTo = now) {
    const { start, end, durationS, gapS } = factsOf(run, Math.max(seenTo, run[0]));
    const age = durationText((now - seenTo) / 1000);
    const isOpen = seenTo < now ? t("event.seen", { age }) : t("event.open");
    const lines = [name, edgeText(start), `→ ${end === null ? isOpen : edgeText(end)}`, durationText(durationS)];
    if (gapS) lines.push(`${t("event.outage")}: ${durationText(gapS)}`);
    return lines.join("\n");
  }
}

/** @param {{certainty: string, earliest: number, at: number}} edge */
function edgeText({ certainty, earliest, at }) {
  if (certainty === "before") return t("event.before", { to: dateTimeText(at) });
  if (certainty === "between") return t("event.between", { from: dateTimeText(earliest), to: dateTimeText(at) });
  const widthS = (at - earliest) / 1000;
  return widthS > 0 ? `${dateTimeText(at)} ±${compactNumber(widthS, 2)} s` : dateTimeText(at);
}

/** @param {Row} row */
const nameOf = (row) => (row.tag === COMM_TAG ? t("event.outage") : row.label || row.tag);

/** @param {CanvasRenderingContext2D} pen @param {string} text @param {number} width */
function fit(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let cut = text;
  while (cut.length > 1 && pen.measureText(`${cut}…`).width > width) cut = cut.slice(0, -1);
  return `${cut}…`;
}
