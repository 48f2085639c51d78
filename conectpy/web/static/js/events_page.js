// The table of events: open ones go on counting, and what has changed is fetched while the first page is shown.
import { nowMs, runClock, setServerTime } from "./clock.js";
import { durationText } from "./core/formats.js";
import { all, byId, leaveOutEmptyFields, listenToPrint, make, setText } from "./dom.js";
import { config, t } from "./words.js";

const POLL_MS = 5000;

function count() {
  for (const element of all("[data-since]")) {
    setText(element, durationText((nowMs() - Number(element.dataset.since)) / 1000));
  }
}

// What would show that the table has changed, asked for in the cheap way: the newest events and the open ones.
async function fingerprint() {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of [...query])
    if (value === "" || ["lang", "limit", "before"].includes(name)) query.delete(name);
  query.set("limit", "50");
  const wanted = [new URLSearchParams(query)];
  if (!query.has("open")) {
    query.set("open", "true");
    wanted.push(query);
  }
  const lists = await Promise.all(
    wanted.map(async (one) => {
      const response = await fetch(`/api/events?${one}`, { signal: AbortSignal.timeout(4000) });
      if (!response.ok) throw new Error(String(response.status));
      return response.json();
    }),
  );
  return JSON.stringify(
    lists.map((list) => list.map((event) => [event.id, event.end_ts, event.gap_count, event.flags])),
  );
}

/** @type {string | null} */
let known = null;

async function refresh() {
  const rows = byId("rows");
  const isBusy = document.hidden || rows.contains(document.activeElement) || String(getSelection());
  if (rows.dataset.live !== "true" || isBusy) return;
  try {
    const found = await fingerprint();
    if (found !== known) await reload(rows);
    known = found;
    showTrouble("");
  } catch {
    showTrouble(t("link.never"));
  }
}

async function reload(rows) {
  const response = await fetch(location.href, { signal: AbortSignal.timeout(4000), headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(String(response.status));
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  setServerTime(JSON.parse(page.getElementById("config")?.textContent ?? "{}").time);
  const newRows = page.getElementById("rows");
  if (newRows) rows.replaceChildren(...document.importNode(newRows, true).childNodes);
}

/** @param {string} text */
function showTrouble(text) {
  let banner = document.getElementById("banner");
  if (!banner && text) {
    banner = make("div", "banner");
    banner.id = "banner";
    banner.setAttribute("role", "alert");
    byId("main").prepend(banner);
  }
  if (banner) {
    setText(banner, text);
    banner.hidden = !text;
  }
}

setServerTime(config.time);
runClock();
listenToPrint();
leaveOutEmptyFields();
setInterval(count, 1000);
setInterval(refresh, POLL_MS);
