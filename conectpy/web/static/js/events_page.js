// The table of events: open ones go on counting, and what has changed is fetched while the first page is shown.
import { make, setText } from "./card.js";
import { nowMs, runClock, setServerTime } from "./clock.js";
import { config, durationText, t } from "./words.js";

const POLL_MS = 5000;

function count() {
  for (const element of document.querySelectorAll("[data-since]")) {
    setText(element, durationText((nowMs() - Number(element.dataset.since)) / 1000));
  }
}

async function refresh() {
  const rows = document.getElementById("rows");
  const isBusy = document.hidden || rows.contains(document.activeElement) || String(getSelection());
  if (rows.dataset.live !== "true" || isBusy) return;
  try {
    const response = await fetch(location.href, { signal: AbortSignal.timeout(4000), headers: { Accept: "text/html" } });
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    setServerTime(JSON.parse(page.getElementById("config").textContent).time);
    const found = page.getElementById("rows");
    if (found.innerHTML !== rows.dataset.last) {
      rows.dataset.last = found.innerHTML;
      rows.replaceChildren(...document.importNode(found, true).childNodes);
    }
    showTrouble("");
  } catch {
    showTrouble(t("link.never"));
  }
}

function showTrouble(text) {
  let banner = document.getElementById("banner");
  if (!banner && text) {
    banner = make("div", "banner");
    banner.id = "banner";
    banner.setAttribute("role", "alert");
    document.getElementById("main").prepend(banner);
  }
  if (banner) { setText(banner, text); banner.hidden = !text; }
}

setServerTime(config.time);
runClock();
document.querySelector("[data-print]").addEventListener("click", () => print());
// An empty field is no filter: it is left out of the address.
document.getElementById("filter").addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});
setInterval(count, 1000);
setInterval(refresh, POLL_MS);
