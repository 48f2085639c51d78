// The server's clock, carried on by the browser's monotonic one: a wrong wall clock in the browser does no harm.
import { clockText } from "./words.js";

let serverMs = null;
let takenAt = 0;

export function setServerTime(text) {
  const ms = Date.parse(text);
  if (!Number.isFinite(ms)) return;
  const now = performance.now();
  // Messages are late by the way they took, never early: the newest estimate counts.
  if (serverMs === null || ms > serverMs + (now - takenAt) || now - takenAt > 30000) {
    serverMs = ms;
    takenAt = now;
  }
}

export const nowMs = () => (serverMs === null ? Date.now() : serverMs + (performance.now() - takenAt));

export function runClock() {
  const element = document.getElementById("clock");
  const show = () => {
    if (element) element.textContent = clockText(nowMs());
  };
  show();
  setInterval(show, 1000);
}
