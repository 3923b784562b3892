// A client of /v1/stream: docs/serving.md has the messages.

export class Live {
  // events: {ready, partial, final, end, error}, functions that take the message.
  constructor(start, key, events) {
    const url = new URL("/v1/stream", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const protocols = key ? ["open-seq2seq", `api-key.${key}`] : ["open-seq2seq"];
    this.ended = false;
    this.socket = new WebSocket(url, protocols);
    this.socket.onopen = () => this.socket.send(JSON.stringify({ type: "start", ...start }));
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "error") {
        this.ended = true;
        events.error(message.error.message);
      } else {
        if (message.type === "end") this.ended = true;
        events[message.type]?.(message);
      }
    };
    this.socket.onclose = () => {
      if (this.ended) return;
      this.ended = true;
      events.error("The connection to the server is lost. What was recognised until then is kept.");
    };
  }

  // Samples in [-1, 1]; returns what was sent, as 16-bit integers.
  send(samples) {
    const whole = toInt16(samples);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(whole);
    return whole;
  }

  // Seconds that wait for a slow connection.
  waiting(rate) {
    return this.socket.bufferedAmount / (2 * rate);
  }

  finish() {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type": "finish"}');
  }
}

export function toInt16(samples) {
  return Int16Array.from(samples, (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32768))));
}
