import { nowMs, setServerTime } from "../../../conectpy/web/static/js/clock.js";
import * as words from "../../../conectpy/web/static/js/words.js";
import { equal, table, test } from "../harness.js";

// The page is in Spanish, the plant in Montevideo.
table("t", words.t, [
  [["plc.active", { count: 3 }], "3 activos"],
  [["plc.active"], "{count} activos"],
  [["no.such.text", { count: 3 }], "no.such.text"],
]);
test("numbers are the language's", () =>
  equal(
    [words.numberText("-12345.60"), words.fixedNumber(1.5, 2), words.compactNumber(0.25)],
    ["−12.345,60", "1,50", "0,25"],
  ));
test("times are the plant's", () =>
  equal(words.dateTimeText(Date.parse("2026-03-01T02:59:59Z")), "28/02/2026 23:59:59"));
table("saidText", words.saidText, [
  [["no answer", { en: "no answer", es: "sin respuesta" }], "sin respuesta"],
  [["no answer", { en: "no answer" }], "no answer"],
  [["no answer", null], "no answer"],
  [[null, { es: "sin respuesta" }], null],
]);

test("before the server has spoken the browser's clock counts", () =>
  equal(Math.abs(nowMs() - Date.now()) < 1000, true));
setServerTime("2001-02-03T04:05:06Z");
test("then the server's does", () => {
  const late = nowMs() - Date.parse("2001-02-03T04:05:06Z");
  equal(late >= 0 && late < 60e3, true);
});
