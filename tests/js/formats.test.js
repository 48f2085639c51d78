import {
  durationText,
  fillIn,
  numberFormats,
  secondsSince,
  timeFormats,
  usableZone,
} from "../../conectpy/web/static/js/core/formats.js";
import { equal, table, test } from "./harness.js";

const [en, es] = [numberFormats("en"), numberFormats("es")];
const at = Date.parse;

table("fillIn", fillIn, [
  [["{a} of {b}", { a: 1, b: "two" }], "1 of two"],
  [["{a} and {a}", { a: 0 }], "0 and 0"],
  [["{a} of {b}", { a: "" }], " of {b}"],
  [["{a}", { a: null }], "{a}"],
  [["{a}", { a: "{b}", b: "no" }], "{b}"],
  [["no name", {}], "no name"],
]);

table("durationText", durationText, [
  [[0], "0 s"],
  [[0.999], "0 s"],
  [[59.9], "59 s"],
  [[60], "1 min 00 s"],
  [[187], "3 min 07 s"],
  [[3599.99], "59 min 59 s"],
  [[3600], "1 h 00 min"],
  [[86399], "23 h 59 min"],
  [[86400], "1 d 0 h"],
  [[86400 * 400 + 3600 * 5], "400 d 5 h"],
  [[-5], "0 s"],
  [[-0], "0 s"],
  [[Number.NaN], "—"],
  [[Infinity], "—"],
]);

table("secondsSince", secondsSince, [
  [["2026-03-01T12:00:00Z", at("2026-03-01T12:00:02.500Z")], 2.5],
  [["2026-03-01T12:00:03Z", at("2026-03-01T12:00:00Z")], -3],
  [[null, 0], null],
  [[undefined, 0], null],
  [["", 0], null],
  [["soon", 0], null],
]);

table("en.numberText", en.numberText, [
  [["0"], "0"],
  [["1234"], "1234"],
  [["12345"], "12,345"],
  [["1234567.891"], "1,234,567.891"],
  [["-12345.60"], "−12,345.60"],
  [["-0.5"], "−0.5"],
  [["TRUE"], "TRUE"],
  [["1e21"], "1e21"],
  [[""], ""],
  [["NaN"], "NaN"],
]);

table("es.numberText", es.numberText, [
  [["1234.5"], "1234,5"],
  [["12345.678"], "12.345,678"],
  [["-0.25"], "−0,25"],
]);

table("en.compactNumber", en.compactNumber, [
  [[0], "0"],
  [[-0], "0"],
  [[1234.5678, 6], "1,234.57"],
  [[0.00012345, 2], "0.00012"],
  [[-2.5, 0], "-3"],
  [[Number.NaN], "—"],
  [[-Infinity, 3], "—"],
]);

table("es.fixedNumber", es.fixedNumber, [
  [[12.34, 1], "12,3"],
  [[0, 2], "0,00"],
  [[-0, 0], "0"],
  [[1234567, 0], "1.234.567"],
  [[Number.NaN, 1], "—"],
]);

table("usableZone", usableZone, [
  [["America/Montevideo"], "America/Montevideo"],
  [["Nowhere/Atall"], "UTC"],
  [[""], "UTC"],
]);
test("usableZone without a zone is the browser's or UTC", () => equal(typeof usableZone(undefined), "string"));

const madrid = timeFormats("es", "Europe/Madrid");
const london = timeFormats("en", "Europe/London");
const lagoon = timeFormats("es", "America/Montevideo");
const HOUR = 3600e3;

table("Madrid.zoneOffsetMs", madrid.zoneOffsetMs, [
  [[at("2026-01-15T00:00:00Z")], HOUR],
  [[at("2026-07-15T00:00:00Z")], 2 * HOUR],
  [[at("2026-03-29T00:59:59.999Z")], HOUR],
  [[at("2026-03-29T01:00:00Z")], 2 * HOUR],
  [[at("2026-10-25T00:59:59Z")], 2 * HOUR],
  [[at("2026-10-25T01:00:00Z")], HOUR],
]);

table(
  "zoneOffsetMs elsewhere",
  (/** @type {string} */ zone, /** @type {number} */ ms) => timeFormats("en", zone).zoneOffsetMs(ms),
  [
    [["America/Montevideo", at("2026-03-01T02:59:59Z")], -3 * HOUR],
    [["Asia/Kathmandu", at("2026-03-01T00:00:00Z")], 5.75 * HOUR],
    [["Pacific/Apia", at("2026-03-01T00:00:00Z")], 13 * HOUR],
    [["Australia/Lord_Howe", at("2026-01-01T00:00:00Z")], 11 * HOUR],
    [["Australia/Lord_Howe", at("2026-07-01T00:00:00Z")], 10.5 * HOUR],
    [["UTC", 0], 0],
  ],
);

table("Montevideo.dateTimeText", lagoon.dateTimeText, [
  [[at("2026-03-01T02:59:59Z")], "28/02/2026 23:59:59"],
  [[at("2026-03-01T03:00:00Z")], "01/03/2026 00:00:00"],
]);
table("London.clockText", london.clockText, [
  [[at("2026-03-29T00:59:59Z")], "00:59:59"],
  [[at("2026-03-29T01:00:00Z")], "02:00:00"],
]);
table("Montevideo.sinceText", lagoon.sinceText, [
  [[at("2026-03-01T10:14:00Z"), at("2026-03-01T23:00:00Z")], "07:14"],
  [[at("2026-03-01T02:59:00Z"), at("2026-03-01T03:01:00Z")], "28/2 23:59"],
  [[at("2025-03-01T10:14:00Z"), at("2026-03-01T10:14:00Z")], "1/3 07:14"],
]);
