// Typing into cells: over the cell or in the formula bar. Arrows leave a cell that one only types into (as in any
// spreadsheet); after F2 or a click into the text they move the caret.
import { make, cellName, areaName } from "./dom.js";

export class Editor {
  constructor(grid, bar, { onCommit, onEnd }) {
    this.grid = grid;
    this.bar = bar;
    this.onCommit = onCommit;
    this.onEnd = onEnd;
    this.box = make("textarea", { class: "editor", rows: 1, spellcheck: "false", autocomplete: "off", autocapitalize: "off", hidden: true });
    grid.stage.append(this.box);
    this.active = false;
    this.box.addEventListener("input", () => { this.bar.value = this.box.value; this.fit(); this.pointed = null; });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("pointerdown", () => { this.caret = true; });
    this.box.addEventListener("blur", () => setTimeout(() => { if (this.active && document.activeElement !== this.bar && document.activeElement !== this.box) this.commit(0, 0); }, 0));
    bar.addEventListener("focus", () => { if (!this.active) this.begin(null, true, true); });
    bar.addEventListener("input", () => { this.box.value = this.bar.value; this.fit(); this.pointed = null; });
    bar.addEventListener("keydown", (event) => this.key(event));
    bar.addEventListener("blur", () => setTimeout(() => { if (this.active && document.activeElement !== this.box && document.activeElement !== this.bar) this.commit(0, 0); }, 0));
  }

  begin(text, caret, inBar = false) { // text null: what the cell holds
    this.active = true;
    this.caret = caret;
    this.pointed = null;
    this.place = [...this.grid.active];
    this.before = this.bar.value;
    this.box.value = text === null ? this.bar.value : text;
    if (text !== null) this.bar.value = text;
    this.box.hidden = false;
    this.box.setAttribute("aria-label", `Editing ${cellName(...this.place)}`);
    this.position();
    this.fit();
    if (!inBar) {
      this.box.focus({ preventScroll: true });
      this.box.setSelectionRange(this.box.value.length, this.box.value.length);
    }
  }

  position() {
    const merged = this.grid.covered.get(this.place[0] * 16385 + this.place[1]);
    const box = this.grid.rectangle(merged || [...this.place, ...this.place]);
    this.room = this.grid.width - box.x - 6;
    this.least = box;
    Object.assign(this.box.style, { left: `${box.x - 1}px`, top: `${box.y - 1}px` });
  }

  fit() {
    const { box } = this;
    box.style.width = "0"; box.style.height = "0";
    const width = Math.max(this.least.width + 1, Math.min(Math.max(box.scrollWidth + 14, 60), Math.max(this.room, 120)));
    box.style.width = `${width}px`;
    box.style.height = `${Math.max(this.least.height + 1, Math.min(box.scrollHeight + 2, 220))}px`;
  }

  get source() { return document.activeElement === this.bar ? this.bar : this.box; }

  key(event) {
    if (event.isComposing) return;
    const { key } = event;
    const move = (down, right) => { event.preventDefault(); event.stopPropagation(); this.commit(down, right); };
    if (key === "Enter" && event.altKey && this.source === this.box) {
      event.preventDefault();
      this.box.setRangeText("\n", this.box.selectionStart, this.box.selectionEnd, "end");
      this.bar.value = this.box.value; this.fit();
    } else if (key === "Enter") move(event.shiftKey ? -1 : 1, 0);
    else if (key === "Tab") move(0, event.shiftKey ? -1 : 1);
    else if (key === "Escape") { event.preventDefault(); event.stopPropagation(); this.cancel(); }
    else if (key === "F2") { event.preventDefault(); this.caret = !this.caret; }
    else if (key === "F4") { event.preventDefault(); this.fix(); }
    else if (!this.caret && key.startsWith("Arrow") && this.source === this.box && !event.ctrlKey) {
      const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
      if (this.wantsReference()) {
        event.preventDefault();
        const from = this.pointed ? this.pointed.at : this.place;
        this.refer([Math.max(1, from[0] + down), Math.max(1, from[1] + right)]);
      } else move(down, right);
    }
    event.stopPropagation();
  }

  // ---- addresses by pointing

  wantsReference() {
    const { source } = this, before = source.value.slice(0, source.selectionStart);
    return source.value.startsWith("=") && (this.pointed !== null || /[=+\-*/^&(,;:<>{ ]$/.test(before));
  }

  refer(at, area = null) {
    const { source } = this, text = area ? areaName(area) : cellName(...at);
    const start = this.pointed ? this.pointed.start : source.selectionStart;
    const end = this.pointed ? this.pointed.end : source.selectionEnd;
    source.setRangeText(text, start, end, "end");
    this.pointed = { at, start, end: start + text.length };
    (source === this.bar ? this.box : this.bar).value = source.value;
    this.fit();
    source.focus({ preventScroll: true });
  }

  fix() { // F4: A1, $A$1, A$1, $A1
    const { source } = this, caret = source.selectionStart;
    const pattern = /\$?[A-Za-z]{1,3}\$?[0-9]+/g;
    for (let match; (match = pattern.exec(source.value)); ) {
      if (match.index > caret || match.index + match[0].length < caret) continue;
      const [, column, row] = match[0].match(/\$?([A-Za-z]+)\$?([0-9]+)/);
      const forms = [column + row, `$${column}$${row}`, `${column}$${row}`, `$${column}${row}`];
      const next = forms[(forms.indexOf(match[0]) + 1) % 4];
      source.setRangeText(next, match.index, match.index + match[0].length, "end");
      (source === this.bar ? this.box : this.bar).value = source.value;
      return;
    }
  }

  commit(down, right) {
    if (!this.active) return;
    const text = this.box.value, { place, before } = this;
    this.end();
    this.onCommit(place, text, text !== before, down, right);
  }

  cancel() {
    this.bar.value = this.before;
    this.end();
    this.onEnd();
  }

  end() {
    this.active = false;
    this.pointed = null;
    this.box.hidden = true;
    this.grid.element.focus({ preventScroll: true });
  }
}
