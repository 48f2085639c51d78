// Texts, numbers and times in the page's language and the plant's zone. No word is written here: the server sends them.

export const config = JSON.parse(document.getElementById("config")?.textContent ?? "{}");
const language = config.language ?? "en";
const messages = config.messages ?? {};
const ZONE = usableZone(config.zone);

function usableZone(zone) {
  try {
    new Intl.DateTimeFormat(language, { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

export function t(name, values = {}) {
  return (messages[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

function formatter(options) {
  return new Intl.DateTimeFormat(language === "es" ? "es-ES" : "en-GB", {
    timeZone: ZONE,
    hourCycle: "h23",
    ...options,
  });
}
const clock = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hourMinute = formatter({ hour: "2-digit", minute: "2-digit" });
const dayMonth = formatter({ day: "2-digit", month: "2-digit" });
const dayName = formatter({ weekday: "short", day: "2-digit", month: "short" });
const fullDate = formatter({ day: "2-digit", month: "2-digit", year: "numeric" });
const isoDay = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" });
const parts = formatter({
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "numeric",
  second: "numeric",
});

export const clockText = (ms) => clock.format(ms);
export const minuteText = (ms) => hourMinute.format(ms);
export const dayText = (ms) => dayMonth.format(ms);
export const dayNameText = (ms) => dayName.format(ms);
export const dateTimeText = (ms) => `${fullDate.format(ms)} ${clock.format(ms)}`;
export const isoDayText = (ms) => isoDay.format(ms);

// Milliseconds by which the plant's wall clock is ahead of UTC at this instant.
export function zoneOffsetMs(ms) {
  const found = {};
  for (const { type, value } of parts.formatToParts(ms)) found[type] = Number(value);
  const wall = Date.UTC(found.year, found.month - 1, found.day, found.hour % 24, found.minute, found.second);
  return wall - Math.floor(ms / 1000) * 1000;
}

// "07:14" today, "23/11 07:14" on another day.
export function sinceText(ms, nowMs) {
  return isoDayText(ms) === isoDayText(nowMs) ? hourMinute.format(ms) : `${dayText(ms)} ${hourMinute.format(ms)}`;
}

export function durationText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

// The server's text of a number is exact (cut, not rounded): only its separators are changed.
const sample = new Intl.NumberFormat(language, { useGrouping: true }).formatToParts(1234567.8);
const GROUP = sample.find((part) => part.type === "group")?.value ?? "";
const POINT = sample.find((part) => part.type === "decimal")?.value ?? ".";

export function numberText(text) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return text;
  const [, sign, whole, fraction] = match;
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, GROUP) : whole;
  return sign.replace("-", "−") + grouped + (fraction === undefined ? "" : POINT + fraction);
}

export const compactNumber = (value, digits = 3) =>
  new Intl.NumberFormat(language, { maximumSignificantDigits: Math.max(1, digits) }).format(value);
export const fixedNumber = (value, digits) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
