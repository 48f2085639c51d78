// How numbers, durations and times are written. Pure: language and zone come from the caller.

/** What stands for a value that is no number. */
export const NO_NUMBER = "—";

/**
 * A message with its `{names}` filled in; a name without a value stays as it is.
 * @param {string} text
 * @param {Record<string, unknown>} values
 */
export function fillIn(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

/**
 * `12 s`, `3 min 07 s`, `3 h 12 min`, `2 d 4 h`; what is not over yet counts as 0.
 * @param {number} seconds
 */
export function durationText(seconds) {
  if (!Number.isFinite(seconds)) return NO_NUMBER;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/**
 * Seconds from an ISO time to `nowMs`; null where there is no such time.
 * @param {string | null | undefined} iso
 * @param {number} nowMs
 */
export function secondsSince(iso, nowMs) {
  const at = Date.parse(iso ?? "");
  return Number.isFinite(at) ? (nowMs - at) / 1000 : null;
}

/**
 * Numbers in a language's way.
 * @param {string} language
 */
export function numberFormats(language) {
  const sample = new Intl.NumberFormat(language, { useGrouping: true }).formatToParts(1234567.8);
  const group = sample.find((part) => part.type === "group")?.value ?? "";
  const point = sample.find((part) => part.type === "decimal")?.value ?? ".";
  /** @param {number} value @param {Intl.NumberFormatOptions} options */
  const format = (value, options) =>
    Number.isFinite(value) ? new Intl.NumberFormat(language, options).format(value || 0) : NO_NUMBER; // no "-0"

  return {
    /**
     * The server's text of a number is exact (cut, not rounded): only its separators are changed.
     * @param {string} text
     */
    numberText(text) {
      const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
      if (!match) return text;
      const [, sign, whole, fraction] = match;
      const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, group) : whole;
      return sign.replace("-", "−") + grouped + (fraction === undefined ? "" : point + fraction);
    },
    /** @param {number} value @param {number} [digits] significant ones, at most */
    compactNumber: (value, digits = 3) => format(value, { maximumSignificantDigits: Math.max(1, digits) }),
    /** @param {number} value @param {number} digits after the point */
    fixedNumber: (value, digits) => format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  };
}

/**
 * The zone where the browser knows it, else UTC.
 * @param {string | undefined} zone
 */
export function usableZone(zone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone ?? "UTC";
  } catch {
    return "UTC";
  }
}

/**
 * Times of a zone in a language's way; all take milliseconds since 1970 UTC.
 * @param {string} language
 * @param {string} zone
 */
export function timeFormats(language, zone) {
  /** @param {Intl.DateTimeFormatOptions} options */
  const formatter = (options) =>
    new Intl.DateTimeFormat(language === "es" ? "es-ES" : "en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  const clock = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const hourMinute = formatter({ hour: "2-digit", minute: "2-digit" });
  const dayMonth = formatter({ day: "2-digit", month: "2-digit" });
  const fullDate = formatter({ day: "2-digit", month: "2-digit", year: "numeric" });
  /** @type {Intl.DateTimeFormatOptions} */
  const day = { year: "numeric", month: "numeric", day: "numeric" };
  const parts = formatter({ ...day, hour: "numeric", minute: "numeric", second: "numeric" });
  /** @param {number} ms */
  const wallMs = (ms) => {
    /** @type {Record<string, number>} */
    const found = {};
    for (const { type, value } of parts.formatToParts(ms)) found[type] = Number(value);
    return Date.UTC(found.year, found.month - 1, found.day, found.hour % 24, found.minute, found.second);
  };
  /** @param {number} ms */
  const dayText = (ms) => dayMonth.format(ms);
  /** @param {number} ms */
  const minuteText = (ms) => hourMinute.format(ms);
  /** @param {number} ms */
  const clockText = (ms) => clock.format(ms);

  return {
    clockText,
    minuteText,
    dayText,
    /** @param {number} ms */
    dateTimeText: (ms) => `${fullDate.format(ms)} ${clock.format(ms)}`,
    /**
     * By how many milliseconds the zone's wall clock is ahead of UTC at this instant.
     * @param {number} ms
     */
    zoneOffsetMs: (ms) => wallMs(ms) - Math.floor(ms / 1000) * 1000,
    /**
     * "07:14" on the day of `nowMs`, with the day before it ("23/11 07:14") on another.
     * @param {number} ms
     * @param {number} nowMs
     */
    sinceText: (ms, nowMs) =>
      fullDate.format(ms) === fullDate.format(nowMs) ? minuteText(ms) : `${dayText(ms)} ${minuteText(ms)}`,
  };
}
