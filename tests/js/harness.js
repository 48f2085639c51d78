// What the tests of the pure modules need: cases in tables, and a list of what came out.

/** @typedef {{name: string, failure: string | null}} Result */

/** @type {Result[]} */
export const results = [];

/**
 * One test; what it throws is its failure.
 * @param {string} name
 * @param {() => void} body
 */
export function test(name, body) {
  try {
    body();
    results.push({ name, failure: null });
  } catch (error) {
    results.push({ name, failure: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * A function with a table of cases: `[[argument, ...], expected result]`.
 * @template {unknown[]} Arguments
 * @template Result
 * @param {string} name
 * @param {(...given: Arguments) => Result} call
 * @param {[Arguments, Result][]} cases
 */
export function table(name, call, cases) {
  for (const [given, expected] of cases) {
    test(`${name}(${given.map(written).join(", ")})`, () => equal(call(...given), expected));
  }
}

/**
 * Fails unless both are the same to the last part; numbers may differ by what floating point does.
 * @param {unknown} found
 * @param {unknown} expected
 */
export function equal(found, expected) {
  if (!isSame(found, expected)) throw new Error(`expected ${written(expected)}, got ${written(found)}`);
}

/** @param {unknown} one @param {unknown} other @returns {boolean} */
function isSame(one, other) {
  if (typeof one === "number" && typeof other === "number") {
    return Object.is(one, other) || Math.abs(one - other) < 1e-9 * Math.max(1, Math.abs(other));
  }
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
  const [keys, others] = [Object.keys(one), Object.keys(other)];
  /** @type {(value: object, key: string) => unknown} */
  const at = (value, key) => Reflect.get(value, key);
  return keys.length === others.length && keys.every((key) => key in other && isSame(at(one, key), at(other, key)));
}

/** @param {unknown} value */
const written = (value) =>
  typeof value === "number" || typeof value === "function" ? String(value) : (JSON.stringify(value) ?? "undefined");
