// The timeline page: which stretch of time, loading what it needs around it, following now where it ends now.
import { nowMs, runClock, setServerTime } from "./clock.js";
import { byId, dataOf, reasonOf, setText } from "./dom.js";
import { LinkWatch } from "./link.js";
import { Timeline } from "./timeline.js";
import { config, dateTimeText, t } from "./words.js";

const POLL_MS = 5000;
const span = dataOf("span");
let isFollowing = span.follows_now;
let loaded = { from: 0, to: 0 };
let request = 0;

async function load() {
  request += 1;
  const number = request;
  const { from, to } = timeline.plot;
  // Half a screen more on each side, so that panning shows events at once.
  const margin = (to - from) / 2;
  const query = new URLSearchParams(location.search);
  for (const name of ["lang", "limit", "before", "open", "min_duration", "quality"]) query.delete(name);
  for (const [name, value] of [...query]) if (value === "") query.delete(name);
  query.set("from", new Date(from - margin).toISOString());
  query.set("to", new Date(to + margin).toISOString());
  try {
    const response = await fetch(`/api/timeline?${query}`);
    const found = await response.json();
    if (number !== request) return;
    if (!response.ok) throw new Error(found.detail);
    setServerTime(found.time);
    loaded = { from: from - margin, to: to + margin };
    timeline.setGroups(found.plcs, { ...loaded, at: Date.parse(found.time) });
    setText(
      byId("message"),
      found.is_partial ? t("event.partial", { count: found.count }) : t("event.count", { count: found.count }),
    );
  } catch (error) {
    if (number === request)
      setText(
        byId("message"),
        timeline.loaded.at === Infinity
          ? t("event.more", { text: reasonOf(error) })
          : t("load.kept", { text: reasonOf(error), time: dateTimeText(timeline.loaded.at) }),
      );
  }
}

function moved(from, to) {
  isFollowing = false;
  const query = new URLSearchParams(location.search);
  query.set("from", new Date(from).toISOString());
  query.set("to", new Date(to).toISOString());
  history.replaceState(null, "", `?${query}`);
  byId("as-table").href = `/events?${query}`;
  if (from < loaded.from || to > loaded.to || loaded.to - loaded.from > 8 * (to - from)) load();
}

function follow() {
  if (!isFollowing || document.hidden || timeline.plot.pointers.size) return;
  const length = timeline.plot.to - timeline.plot.from;
  timeline.plot.setRange(nowMs() - length * 0.97, nowMs() + length * 0.03);
}

setServerTime(config.time);
runClock();
new LinkWatch();
const timeline = new Timeline(byId("timeline"), { onRange: moved, label: document.title, now: nowMs });
timeline.plot.setRange(span.from, span.to);
byId("zoom-in").addEventListener("click", () => timeline.plot.zoom(0.5));
byId("zoom-out").addEventListener("click", () => timeline.plot.zoom(2));
byId("earlier").addEventListener("click", () => timeline.plot.pan(-0.5));
byId("later").addEventListener("click", () => timeline.plot.pan(0.5));
load();
setInterval(() => {
  follow();
  timeline.plot.redraw();
}, 1000);
setInterval(() => {
  if (!document.hidden && timeline.plot.to > nowMs() - 60000) load();
}, POLL_MS);
