// Live data from the collector: server-sent events, and polling of /data while those do not come through.
import { setServerTime } from "./clock.js";

const SILENT_MS = 7000; // the stream pings every 3 s
const FIRST_MS = 2500; // a stream that shows nothing by then is helped out by polling
const POLL_MS = 1000;
const RETRY_MS = 5000;
const HIDDEN_MS = 20000;

export class Feed {
  /** @type {string | null} */
  etag = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  leaving;
  openedAt = -Infinity;

  /**
   * `onData` gets plain objects shaped like /data, of all PLCs or of those that changed.
   * @param {(data: Record<string, any>, isWhole: boolean) => void} onData
   * @param {(state: "live" | "polling" | "lost") => void} onState
   */
  constructor(onData, onState) {
    this.onData = onData;
    this.onState = onState;
    this.state = "connecting";
    this.heardAt = performance.now();
    this.streamHeardAt = -Infinity;
    this.isPolling = false;
    this.source = this.openStream();
    setInterval(() => this.check(), 500);
    // Browsers allow six connections to a host: a tab that nobody looks at gives its own back. When it is looked at
    // again (also after the laptop slept) it starts afresh instead of trusting a dead socket.
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.leaving);
      if (document.hidden) this.leaving = setTimeout(() => this.source.close(), HIDDEN_MS);
      else if (this.source.readyState === EventSource.CLOSED || performance.now() - this.streamHeardAt > SILENT_MS) {
        this.heardAt = performance.now();
        this.source = this.openStream();
      }
    });
    addEventListener("pagehide", () => this.source.close());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.source = this.openStream();
    });
  }

  openStream() {
    this.source?.close();
    this.openedAt = performance.now();
    const source = new EventSource("/api/stream");
    for (const kind of ["snapshot", "change", "ping"]) {
      source.addEventListener(kind, (event) => this.fromStream(kind, event));
    }
    source.onerror = () => {
      this.streamHeardAt = -Infinity;
      if (source.readyState === EventSource.CLOSED) this.openedAt = performance.now();
      this.poll();
    };
    return source;
  }

  fromStream(kind, event) {
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return;
    }
    this.heardAt = this.streamHeardAt = performance.now();
    this.etag = null;
    setServerTime(message.time);
    if (kind !== "ping") this.onData(message.data, kind === "snapshot");
    this.setState("live");
  }

  check() {
    if (document.hidden) return;
    const now = performance.now();
    const isStreaming = now - this.streamHeardAt < SILENT_MS;
    if (!isStreaming && now - this.openedAt > FIRST_MS) this.poll();
    const isConnecting = this.source.readyState === EventSource.CONNECTING;
    if (!isStreaming && !isConnecting && now - this.openedAt > RETRY_MS) this.source = this.openStream();
    if (now - this.heardAt > (this.state === "connecting" ? 2 * FIRST_MS : 4000) && !isStreaming) this.setState("lost");
  }

  async poll() {
    if (this.isPolling) return;
    this.isPolling = true;
    const started = performance.now();
    try {
      /** @type {Record<string, string>} */
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      const response = await fetch("/data", { headers, cache: "no-store", signal: AbortSignal.timeout(3000) });
      if (!response.ok && response.status !== 304) throw new Error(String(response.status));
      setServerTime(response.headers.get("X-Server-Time"));
      if (response.status === 200) {
        const document = await response.json();
        if (performance.now() - this.streamHeardAt > SILENT_MS) {
          this.etag = response.headers.get("ETag");
          this.onData(document, true);
        }
      }
      this.heardAt = performance.now();
      if (this.heardAt - this.streamHeardAt > SILENT_MS) this.setState("polling");
    } catch {
      if (performance.now() - this.heardAt > 1500) this.setState("lost");
    } finally {
      const waitMs = Math.max(0, POLL_MS - 500 - (performance.now() - started));
      setTimeout(() => {
        this.isPolling = false;
      }, waitMs);
    }
  }

  setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }
}
