// The link to the server: requests with answers, and news, of which the newest is taken up before more is asked for.
export class Link {
  constructor({ onNews, onState }) {
    this.onNews = onNews;
    this.onState = onState;
    this.waiting = new Map();
    this.number = 0;
    this.tries = 0;
    this.looking = null;
    this.connect();
  }

  connect() {
    const address = new URL("link", location.href);
    address.protocol = "ws:";
    this.socket = new WebSocket(address);
    this.socket.addEventListener("open", () => {
      this.tries = 0;
      this.onState("open");
      if (this.looking) this.send(this.looking);
    });
    this.socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.closed());
  }

  closed() {
    for (const { reject } of this.waiting.values()) reject(new Error("The link to sheetml is broken."));
    this.waiting.clear();
    this.onState("closed");
    this.tries += 1;
    setTimeout(() => this.connect(), Math.min(400 * this.tries, 4000));
  }

  take(message) {
    if (message.type === "answer") {
      const asked = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (asked) (message.ok ? asked.resolve(message) : asked.reject(new Error(message.error)));
      return;
    }
    for (const each of message.news) this.onNews(each);
    let told = false;
    const taken = () => { if (!told) { told = true; this.send({ ask: "taken" }); } };
    requestAnimationFrame(taken);
    setTimeout(taken, 300); // a page in the background paints nothing
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  ask(what, more = {}) {
    return new Promise((resolve, reject) => {
      if (this.socket.readyState !== WebSocket.OPEN) { reject(new Error("The link to sheetml is broken.")); return; }
      this.number += 1;
      this.waiting.set(this.number, { resolve, reject });
      this.send({ ...more, ask: what, id: this.number });
    });
  }

  look(sheet, areas) {
    const message = { ask: "look", sheet, areas };
    if (JSON.stringify(message) === JSON.stringify(this.looking)) return;
    this.looking = message;
    this.send(message);
  }
}
