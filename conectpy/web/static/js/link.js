// What the frame of every page says of the link to the collector: its state, how many PLCs are good, and a banner.
import { nowMs, setServerTime } from "./clock.js";
import { durationText } from "./core/formats.js";
import { byId, setText } from "./dom.js";
import { t } from "./words.js";

const POLL_MS = 2000;
const LOST_MS = 5000;

/**
 * `heardAt` is when the collector was last heard of by its own clock; null: never.
 * @param {string} state @param {number | null} heardAt
 */
export function showLink(state, heardAt) {
  const isLost = state === "lost";
  document.body.classList.toggle("is-lost", isLost);
  byId("link-state").dataset.state = state;
  setText(byId("link-state"), t(`link.${state}`));
  if (isLost) {
    const age = heardAt === null ? null : durationText((nowMs() - heardAt) / 1000);
    setText(byId("banner"), age === null ? t("link.never") : t("link.banner", { age }));
  }
  byId("banner").hidden = !isLost;
}

/** @param {number} good @param {number} total */
export function showPlcs(good, total) {
  setText(byId("plc-count"), t("link.plcs", { good, total }));
  byId("plc-count").classList.toggle("is-wrong", good < total);
}

/** For pages without live values: asks every two seconds whether the collector is there. */
export class LinkWatch {
  state = "connecting";
  /** @type {number | null} */
  heardAt = null;
  steadyAt = performance.now();
  isAsking = false;

  constructor() {
    this.ask();
    setInterval(() => this.ask(), POLL_MS);
    setInterval(() => this.show(), 1000);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.steadyAt = performance.now();
      this.ask();
    });
  }

  /** When the collector was lost; null while it is there. */
  get lostAt() {
    return this.state === "lost" ? this.heardAt : null;
  }

  async ask() {
    if (this.isAsking || document.hidden) return;
    this.isAsking = true;
    try {
      const response = await fetch("/api/link", { cache: "no-store", signal: AbortSignal.timeout(3000) });
      if (!response.ok) throw new Error(String(response.status));
      const { time, good, total } = await response.json();
      setServerTime(time);
      this.heardAt = Date.parse(time);
      this.steadyAt = performance.now();
      this.state = "live";
      showPlcs(good, total);
    } catch {
      if (performance.now() - this.steadyAt > LOST_MS - POLL_MS) this.state = "lost";
    } finally {
      this.isAsking = false;
    }
    this.show();
  }

  show() {
    showLink(this.state, this.heardAt);
  }
}
