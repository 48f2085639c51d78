// The server's clock, carried on by a steady one: a wrong wall clock in the browser does no harm. Pure.

const TRUSTED_MS = 30000;

export class ServerClock {
  /** @type {number | null} */
  #serverMs = null;
  #takenAt = 0;

  /**
   * Takes over a time that the server wrote; `steadyMs` is when it came.
   * @param {string | null} text ISO 8601
   * @param {number} steadyMs
   */
  take(text, steadyMs) {
    const ms = Date.parse(text ?? "");
    if (!Number.isFinite(ms)) return;
    // Messages are late by the way they took, never early: the newest estimate counts.
    const elapsed = steadyMs - this.#takenAt;
    if (this.#serverMs === null || ms > this.#serverMs + elapsed || elapsed > TRUSTED_MS) {
      this.#serverMs = ms;
      this.#takenAt = steadyMs;
    }
  }

  /**
   * Milliseconds since 1970 UTC by the server's clock; null before it has told one.
   * @param {number} steadyMs
   */
  at(steadyMs) {
    return this.#serverMs === null ? null : this.#serverMs + (steadyMs - this.#takenAt);
  }
}
