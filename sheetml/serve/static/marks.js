// The marks in the margin, with their sentences.
import { make, figure } from "./dom.js";
import { key } from "./grid.js";

const MOST = 20000; // cells of one mark that are marked one by one

export class MarksTool {
  constructor(page) {
    this.page = page;
    this.title = "Marks";
    this.element = make("div", { class: "marks" });
    this.marks = [];
    this.hand = [];
    this.known = false;
  }

  begin() { setTimeout(() => this.load(), 1200); } // the sheet comes first

  async load() {
    if (this.loading || this.known) return;
    this.loading = true;
    this.list();
    const found = await this.page.ask("marks").catch(() => ({ marks: null }));
    this.loading = false;
    if (found.marks === null) { // the state says when they are there, and may have said so already
      if (this.page.state.marks && !this.again) { this.again = true; this.load(); }
      return;
    }
    this.marks = found.marks;
    this.known = true;
    const count = document.getElementById("marks-count"), grave = this.marks.filter((mark) => ["error", "warning"].includes(mark.severity)).length;
    count.hidden = grave === 0;
    count.textContent = grave;
    count.setAttribute("aria-label", `${grave} marks`);
    this.list();
    this.paint();
  }

  sheet() { this.paint(); }
  state(state, before) { if (state.marks && !this.known) this.load(); }
  shown() { this.list(); this.load(); }

  compared(columns) { // derivatives compared by hand: each wrong cell is marked in its place
    this.hand = columns.flatMap((column) => column.wrong.map((each) => ({ kind: "derivative", severity: "error", place: column.against, text: `The exact derivative is ${figure(each.exact, 10)}.`, areas: [[each.sheet, each.row, each.column, each.row, each.column]] })));
    this.paint();
  }

  paint() {
    const found = new Map(), { sheet } = this.page;
    for (const mark of [...this.marks, ...this.hand]) {
      let left = MOST;
      for (const [place, top, first, bottom, last] of mark.areas) {
        if (place !== sheet) continue;
        for (let row = top; row <= bottom && left > 0; row++) {
          for (let column = first; column <= last && left > 0; column++, left--) {
            const at = key(row, column), known = found.get(at);
            if (known) known.texts.push(mark.text); else found.set(at, { severity: mark.severity, texts: [mark.text] });
          }
        }
      }
    }
    this.page.grid.setMarks(found);
  }

  list() {
    const words = { error: "Errors", warning: "Warnings", note: "Notes", right: "Checked" };
    if (!this.known) { this.element.replaceChildren(make("p", { class: "empty", text: "Looking the workbook over…" })); return; }
    if (!this.marks.length) { this.element.replaceChildren(make("p", { class: "empty", text: "Nothing found: all values are as Excel stored them, and the audit has nothing to say." })); return; }
    const groups = Object.entries(words).map(([severity, title]) => [title, this.marks.filter((mark) => mark.severity === severity), severity]).filter(([, all]) => all.length);
    this.element.replaceChildren(...groups.flatMap(([title, all, severity]) => [make("h4", { text: `${title} (${all.length})` }), make("ul", { class: "found" }, ...all.slice(0, 200).map((mark) => this.item(mark, severity)))]));
  }

  item(mark, severity) {
    const { page } = this;
    const place = mark.areas.length
      ? make("button", { class: "quiet", text: mark.place, onclick: () => page.goTo(mark.areas[0][0], mark.areas[0].slice(1)) })
      : make("span", { class: "dim", text: mark.place });
    return make("li", { class: severity }, place, make("span", { text: mark.text }), mark.mend ? make("span", { class: "dim", text: mark.mend }) : null);
  }
}
