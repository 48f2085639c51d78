// The live page of a real server: Costa del Lago is good, Laguna Norte has an alarm, Planta Sur is down with last values.
import { equal, table, test } from "../harness.js";
import { until } from "../picture.js";

await until(() => document.querySelectorAll(".tile").length === 3);

/** @param {string} selector */
const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent ?? "");
/** @param {string} text */
const numbers = (text) => (text.match(/\d+/g) ?? []).map(Number);

test("the worst PLC comes first", () => equal(texts(".tile-name"), ["Planta Sur", "Laguna Norte", "Costa del Lago"]));
test("what is stale is counted as such and as nothing else", () =>
  equal(texts("#summary strong"), ["2/3", "1", "3", "5"]));
test("each tile counts its own", () => equal(texts(".tile-counts").map(numbers), [[0], [2, 1], [1]]));

/** @param {string} name @param {string} value */
function choose(name, value) {
  if (name === "only") {
    /** @type {HTMLElement | null} */ (document.querySelector(`[data-only="${value}"]`))?.click();
    return;
  }
  const field = /** @type {HTMLInputElement} */ (document.getElementById(name));
  field.value = value;
  field.dispatchEvent(new Event(name === "plc" ? "change" : "input"));
}

/**
 * How many rows a filter leaves of how many, and of which PLCs.
 * @param {Record<string, string>} filter
 */
function left(filter) {
  for (const name of ["search", "plc", "only"]) choose(name, filter[name] ?? "");
  const cards = [...document.querySelectorAll(".card-plc")].filter(
    (card) => !(/** @type {HTMLElement} */ (card).hidden),
  );
  return [numbers(texts("#shown")[0]), cards.map((card) => card.querySelector(".card-name")?.textContent ?? "")];
}

const ALL = ["Costa del Lago", "Planta Sur", "Laguna Norte"];
table("filter", left, [
  [[{}], [[], ALL]],
  [[{ search: "bomba" }], [[3, 15], ALL]],
  [[{ search: "BOMBA p002" }], [[3, 15], ALL]],
  [[{ search: "bomba ve238" }], [[0, 15], []]],
  [
    [{ only: "active" }],
    [
      [3, 15],
      ["Costa del Lago", "Laguna Norte"],
    ],
  ],
  [[{ only: "stale" }], [[5, 15], ["Planta Sur"]]],
  [[{ only: "stale", search: "presi" }], [[1, 15], ["Planta Sur"]]],
  [[{ plc: "192.168.11.10" }], [[5, 15], ["Costa del Lago"]]],
  [[{ plc: "192.168.11.10", only: "stale" }], [[0, 15], []]],
]);
test("what is filtered stands in the address", () => {
  left({ only: "stale", search: "presi" });
  equal(location.search, "?q=presi&only=stale");
  left({});
  equal(location.search, "");
});
