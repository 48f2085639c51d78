import { timeFormats } from "../../conectpy/web/static/js/core/formats.js";
import { clampSpan, stepFor, ticks, tickTexts, zoomed } from "../../conectpy/web/static/js/core/ticks.js";
import { equal, table, test } from "./harness.js";

const H = 3600e3;
const D = 24 * H;
const at = Date.parse;

table("clampSpan", clampSpan, [
  [[0], 2000],
  [[-5], 2000],
  [[H], H],
  [[1e15], 2000 * D],
]);

table("zoomed", zoomed, [
  [[0, 10 * H, 0.5, 5 * H], { from: 2.5 * H, to: 7.5 * H }],
  [[0, 10 * H, 0.5, 0], { from: 0, to: 5 * H }],
  [[0, 10 * H, 2, 10 * H], { from: -10 * H, to: 10 * H }],
  [[0, 2000, 0.1, 1000], { from: 0, to: 2000 }],
]);

table("stepFor", stepFor, [
  [[2000, 1000], 1000],
  [[H, 900], 10 * 60e3],
  [[D, 1000], 3 * H],
  [[7 * D, 1000], D],
  [[2000 * D, 300], 28 * D],
]);

/**
 * The marks from one time to another as the zone's wall clock shows them.
 * @param {string} zone
 * @param {string} from
 * @param {string} to
 * @param {number} step
 */
function marks(zone, from, to, step) {
  const formats = timeFormats("en", zone);
  return ticks(at(from), at(to), step, formats.zoneOffsetMs).map((ms) => formats.dateTimeText(ms).slice(0, 16));
}

table("marks", marks, [
  [
    ["UTC", "2026-03-01T00:00:00Z", "2026-03-01T02:00:00Z", H],
    ["01/03/2026 00:00", "01/03/2026 01:00", "01/03/2026 02:00"],
  ],
  [
    ["America/Montevideo", "2026-03-01T02:30:00Z", "2026-03-02T04:00:00Z", D],
    ["01/03/2026 00:00", "02/03/2026 00:00"],
  ],
  [
    ["Asia/Kathmandu", "2026-03-01T00:00:00Z", "2026-03-01T02:00:00Z", H],
    ["01/03/2026 06:00", "01/03/2026 07:00"],
  ],
  // Spring: the clock goes from 01:59 to 03:00. There is no mark at 02:00, and none twice.
  [
    ["Europe/Madrid", "2026-03-28T23:30:00Z", "2026-03-29T02:30:00Z", H],
    ["29/03/2026 01:00", "29/03/2026 03:00", "29/03/2026 04:00"],
  ],
  // Every three hours of the wall clock, also when one of them was left out, or came twice.
  [
    ["Europe/Madrid", "2026-03-28T23:00:00Z", "2026-03-29T07:00:00Z", 3 * H],
    ["29/03/2026 00:00", "29/03/2026 03:00", "29/03/2026 06:00", "29/03/2026 09:00"],
  ],
  [
    ["Europe/Madrid", "2026-10-24T22:00:00Z", "2026-10-25T08:00:00Z", 3 * H],
    ["25/10/2026 00:00", "25/10/2026 03:00", "25/10/2026 06:00", "25/10/2026 09:00"],
  ],
  // Autumn: days go on beginning at midnight though one has 25 hours.
  [
    ["Europe/Madrid", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z", D],
    ["25/10/2026 00:00", "26/10/2026 00:00", "27/10/2026 00:00"],
  ],
  [
    ["Europe/Madrid", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", D],
    ["29/03/2026 00:00", "30/03/2026 00:00"],
  ],
]);

test("marks ascend and stay inside, over every change of a year and every step", () => {
  for (const zone of ["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "America/Montevideo"]) {
    const offsetAt = timeFormats("en", zone).zoneOffsetMs;
    for (const step of [600e3, H, 3 * H, 12 * H, D]) {
      for (let from = at("2026-01-01T00:17:03Z"); from < at("2027-01-01T00:00:00Z"); from += 3.3 * D) {
        const found = ticks(from, from + 4 * step, step, offsetAt);
        equal(found.length >= 2 && found.length <= 6, true);
        found.forEach((ms, index) => {
          equal(ms <= from + 4 * step && ms >= from - H && (index === 0 || ms > found[index - 1]), true);
        });
      }
    }
  }
});

const noOffset = () => 0;
table(
  "ticks of nothing",
  (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ step) => ticks(from, to, step, noOffset),
  [
    [[Number.NaN, 1, 1], []],
    [[0, Infinity, 1000], []],
    [[0, 10, 0], []],
    [[10, 0, 5], []],
  ],
);
test("marks are not without end", () => equal(ticks(0, 1e9, 1, noOffset).length, 1000));

const english = timeFormats("en", "UTC");
table(
  "tickTexts",
  (/** @type {string[]} */ moments, /** @type {number} */ step) => tickTexts(moments.map(at), step, english),
  [
    [
      [["2026-03-01T22:00Z", "2026-03-01T23:00Z", "2026-03-02T00:00Z"], H],
      ["01/03 22:00", "23:00", "02/03 00:00"],
    ],
    [
      [["2026-03-01T23:59:30Z", "2026-03-02T00:00:00Z"], 30e3],
      ["23:59:30", "02/03 00:00:00"],
    ],
    [
      [["2026-03-01T00:00Z", "2026-03-02T00:00Z"], D],
      ["01/03", "02/03"],
    ],
    [[[], H], []],
  ],
);
