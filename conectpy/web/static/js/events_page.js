// The table of events: open ones go on counting, and what has changed is fetched while the first page is shown.
import { runClock, setServerTime } from "./clock.js";
import { byId, leaveOutEmptyFields, listenToPrint, setText } from "./dom.js";
import { LinkWatch } from "./link.js";
import { countOpenEvents } from "./open_events.js";
import { config, t } from "./words.js";

const POLL_MS = 5000;

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
    lists.map((list) =>
      list.map((event) => [event.id, event.end_ts, event.gap_count, event.flags, event.seen_until_ts !== null]),
    ),
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
    showTrouble(t("event.kept"));
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

/** What cannot be fetched now, though the collector is there. @param {string} text */
function showTrouble(text) {
  setText(byId("trouble"), text);
  byId("trouble").hidden = !text;
}

setServerTime(config.time);
runClock();
listenToPrint();
leaveOutEmptyFields();
const link = new LinkWatch();
setInterval(() => countOpenEvents(link.lostAt), 1000);
setInterval(refresh, POLL_MS);
