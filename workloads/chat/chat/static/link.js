// The connection: comes back by itself, says what it has seen, and sends what was not answered again.
const PAUSE_AT_MOST_MS = 8000;
const ANSWER_MS = 10000;
const STABLE_MS = 5000;

export class Link {
  // `positions()` gives {room: last seq seen or null}; the rest are callbacks.
  constructor({ token, positions, onState, onFrame, onRefused }) {
    this.token = token;
    this.positions = positions;
    this.onState = onState;
    this.onFrame = onFrame;
    this.onRefused = onRefused;
    this.outbox = new Map();
    this.failures = 0;
    this.closed = false;
    this.open();
    addEventListener("online", this.wake = () => this.hurry());
  }

  open() {
    clearTimeout(this.timer);
    this.onState(this.failures ? "reconnecting" : "connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = this.socket = new WebSocket(`${scheme}//${location.host}/ws`);
    socket.onopen = () => socket.send(JSON.stringify(
      { type: "hello", token: this.token, rooms: this.positions() }));
    socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    socket.onclose = (event) => this.lost(socket, event.code);
  }

  receive(frame) {
    if (frame.type === "welcome") {
      this.stable = setTimeout(() => { this.failures = 0; }, STABLE_MS);
      this.onState("online", frame);
      for (const item of this.outbox.values()) this.put(item);
    } else if (frame.type === "sent") {
      this.done(frame.id);
    } else if (frame.type === "error" && frame.id && this.outbox.has(frame.id)) {
      const item = this.outbox.get(frame.id);
      if (frame.status >= 500) { // nobody knows yet whether it is stored: the same id again
        clearTimeout(item.timer);
        item.timer = setTimeout(() => this.put(item), 1000);
        return;
      }
      this.done(frame.id);
    }
    this.onFrame(frame);
  }

  send(room, id, text) {
    const item = { room, id, text };
    this.outbox.set(id, item);
    this.put(item);
  }

  put(item) {
    clearTimeout(item.timer);
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.say({ type: "send", room: item.room, id: item.id, text: item.text });
    item.timer = setTimeout(() => this.put(item), ANSWER_MS);
  }

  done(id) {
    clearTimeout(this.outbox.get(id)?.timer);
    this.outbox.delete(id);
  }

  say(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  lost(socket, code) {
    if (socket !== this.socket || this.closed) return;
    clearTimeout(this.stable);
    if (code === 4401) { this.close(); this.onRefused(); return; }
    this.onState("reconnecting");
    const restart = code === 1012 && this.failures === 0; // the instance goes: another one is there
    const pause = restart ? 200 : Math.min(500 * 2 ** this.failures, PAUSE_AT_MOST_MS);
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), pause * (0.5 + Math.random()));
  }

  hurry() {
    if (!this.closed && this.socket.readyState === WebSocket.CLOSED) this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.wake);
    for (const item of this.outbox.values()) clearTimeout(item.timer);
    this.socket.close();
  }
}
