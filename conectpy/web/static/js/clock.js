// The server's time, also as the clock in the bar.
import { ServerClock } from "./core/server_clock.js";
import { clockText } from "./words.js";

const clock = new ServerClock();

/** @param {string | null} text */
export const setServerTime = (text) => clock.take(text, performance.now());

/** Milliseconds since 1970 UTC. */
export const nowMs = () => clock.at(performance.now()) ?? Date.now();

export function runClock() {
  const element = document.getElementById("clock");
  const show = () => {
    if (element) element.textContent = clockText(nowMs());
  };
  show();
  setInterval(show, 1000);
}
