// What kind of thing a state tag is, and how bad a PLC's quality. Pure.

/** @typedef {"alarm" | "pump" | "valve" | "other"} Kind */

/** @type {Record<string, number>} */
const SEVERITY = { DOWN: 3, BAD: 2, INIT: 1, OK: 0 };

/**
 * The kind of a state, from the names that plants give them (P002_ST, VE238_ST, ALARM_X0_1) and from its label.
 * @param {string} tag
 * @param {string | null} [label]
 * @returns {Kind}
 */
export function stateKind(tag, label) {
  const name = tag.split(".").at(-1) ?? tag;
  if (/alarm|falla|fault|trip|disparo|aver[ií]a/i.test(`${tag} ${label ?? ""}`)) return "alarm";
  if (/^P\d/i.test(name) || /\b(bomba|pump)/i.test(label ?? "")) return "pump";
  if (/^[EMX]?V[A-Z]?\d/i.test(name) || /\b(v[aá]lvula|valve)/i.test(label ?? "")) return "valve";
  return "other";
}

/**
 * The larger the worse: the link first, then alarms. An unknown quality is as bad as a link that is down.
 * @param {string} quality
 * @param {boolean} hasAlarm
 */
export function severityOf(quality, hasAlarm) {
  return (SEVERITY[quality] ?? SEVERITY.DOWN) * 10 + (hasAlarm ? 5 : 0);
}
