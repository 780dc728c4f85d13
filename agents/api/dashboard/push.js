// Server push, read by `fetch`, so that a token travels in a header: server-sent events, resumed where they broke off.

import { headers, refusal } from "./api.js";

const SILENT_MS = 40_000; // the server says something each 15 s; who is silent for longer is gone
const LEAST_MS = 500;
const MOST_MS = 15_000;

/** Takes pieces of text, gives the events that are whole. Remembers the last id and how long to wait before coming back. */
class Frames {
  constructor(last = "") {
    this.last = last;
    this.retry = null;
    this._rest = "";
    this._event = "";
    this._data = [];
  }

  *take(piece) {
    this._rest += piece;
    const lines = this._rest.split(/\r\n|\n|\r(?!$)/);
    this._rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this._data.length) yield { event: this._event || "message", data: this._data.join("\n") };
        this._event = "";
        this._data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this._event = value;
      else if (field === "data") this._data.push(value);
      else if (field === "id" && !value.includes("\0")) this.last = value;
      else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    }
  }
}

/**
 * Follows an address until it is ended. `on.event(name, data)` gets each event, `on.state(name, why)` how the connection is:
 * `open`, `away` (it comes back by itself) or `barred` (it does not: who asks is not let in).
 */
export function follow(address, on) {
  let ended = false;
  let stop = new AbortController();
  let frames = new Frames();
  let failed = 0;

  async function once() {
    stop = new AbortController();
    const resumed = frames.last ? { "last-event-id": frames.last } : {};
    const answer = await fetch(address, { headers: { ...headers(), ...resumed }, signal: stop.signal, cache: "no-store" });
    if (!answer.ok) throw await refusal(answer);
    on.state("open");
    frames = new Frames(frames.last);
    const reader = answer.body.getReader();
    const text = new TextDecoder();
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => stop.abort(), SILENT_MS);
    };
    try {
      for (alive(); ; alive()) {
        const { done, value } = await reader.read();
        if (done) return;
        for (const { event, data } of frames.take(text.decode(value, { stream: true }))) {
          failed = 0;
          on.event(event, JSON.parse(data));
        }
      }
    } finally {
      clearTimeout(watch);
    }
  }

  async function run() {
    while (!ended) {
      let why = "the connection ended";
      try {
        await once();
      } catch (error) {
        if (ended) return;
        if (error.barred) return on.state("barred", error);
        if (error.status === 422) frames = new Frames(); // a cursor that this server does not know
        why = error.status ? error.message : "the server does not answer";
      }
      if (ended) return;
      on.state("away", why);
      const wait = Math.min(MOST_MS, Math.max(LEAST_MS, frames.retry ?? 0) * 2 ** Math.min(failed, 5));
      failed += 1;
      await new Promise((wake) => setTimeout(wake, wait * (0.75 + Math.random() / 2)));
    }
  }

  run();
  return () => {
    ended = true;
    stop.abort();
  };
}
