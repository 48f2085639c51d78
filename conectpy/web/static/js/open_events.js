// Rows of open events: they go on counting while they are seen, and say when they were last seen once they are not.
import { nowMs } from "./clock.js";
import { durationText } from "./core/formats.js";
import { all, setText } from "./dom.js";
import { t } from "./words.js";

/** @param {number | null} lostAt when the collector was last heard of; null while it is there */
export function countOpenEvents(lostAt) {
  const now = nowMs();
  for (const element of all("[data-since]")) {
    setText(element, durationText(((lostAt ?? now) - Number(element.dataset.since)) / 1000));
  }
  for (const element of all("[data-seen]")) {
    setText(element, t("event.seen", { age: durationText((now - Number(element.dataset.seen)) / 1000) }));
  }
  for (const element of all(".open-mark")) {
    setText(element, lostAt === null ? t("event.open") : t("event.seen", { age: durationText((now - lostAt) / 1000) }));
  }
}
