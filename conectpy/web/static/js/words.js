// Texts, numbers and times in the page's language and the plant's zone. No word is written here: the server sends them.
import { fillIn, numberFormats, timeFormats, usableZone } from "./core/formats.js";

export const config = JSON.parse(document.getElementById("config")?.textContent || "{}");
const language = config.language ?? "en";
const messages = config.messages ?? {};

/**
 * The server's text of this name.
 * @param {string} name
 * @param {Record<string, unknown>} values
 */
export const t = (name, values = {}) => fillIn(messages[name] ?? name, values);

export const { numberText, compactNumber, fixedNumber } = numberFormats(language);
export const times = timeFormats(language, usableZone(config.zone));
export const { clockText, dateTimeText, sinceText } = times;

/**
 * A text of the collector in the language of the page, where it came in several.
 * @param {string | null} text
 * @param {Record<string, string> | null | undefined} texts
 */
export const saidText = (text, texts) => (text && texts?.[language]) ?? text;
