// The gradient view: every cell coloured by how much it moves a chosen one, all by one pass back through the formulas.
import { make, figure, cellName } from "./dom.js";
import { key } from "./grid.js";

const UP = [217, 119, 6], DOWN = [37, 99, 235]; // moves it up, moves it down
const mix = ([r, g, b], share) => `#${[r, g, b].map((part) => Math.round(255 + (part - 255) * share).toString(16).padStart(2, "0")).join("")}`;

export class GradientTool {
  constructor(page) {
    this.page = page;
    this.title = "Gradient";
    this.by = "unit";
    this.target = null;
    this.heading = make("h3");
    this.about = make("p", { class: "empty", text: "Choose a cell with a formula: every cell that it depends on is coloured by how much it moves it." });
    this.choose = make("button", { class: "primary", id: "gradient-choose", text: "Show for the selected cell", onclick: () => this.pick() });
    this.key = make("div", { class: "colour-key", hidden: true }, make("span"), make("i", { "aria-hidden": "true" }), make("span"));
    const radio = (value, text) => { const input = make("input", { type: "radio", name: "gradient-by", id: `gradient-${value}`, value, checked: value === this.by, onchange: () => { this.by = value; this.paint(); } }); return make("label", { for: input.id }, input, make("span", { text })); };
    this.ways = make("div", { class: "row-of", role: "radiogroup", "aria-label": "Measured by", hidden: true }, radio("unit", "for each unit"), radio("share", "for 1 % of the cell"));
    this.table = make("table", { class: "loops" });
    const field = (name, label, placeholder) => make("label", { class: "field", for: `check-${name}` }, make("span", { text: label }), (this[name] = make("input", { id: `check-${name}`, placeholder, spellcheck: "false", autocomplete: "off" })));
    this.results = make("div", { "aria-live": "polite" });
    this.form = make("form", { class: "check", onsubmit: (event) => { event.preventDefault(); this.compare(); } },
      make("h4", { text: "Derivatives written by hand" }), make("p", { class: "empty", text: "Compares columns of derivatives with the exact ones, row by row: the first cells are named." }),
      field("of", "Of (the first cell of the column)", "F4"), field("wrt", "By", "C4 D4"), field("against", "Written in", "K4 L4"),
      make("div", { class: "buttons" }, make("button", { id: "check-derivatives", text: "Compare" })), this.results);
    this.element = make("div", { class: "gradient" }, make("div", { class: "buttons" }, this.choose), this.heading, this.about, this.key, this.ways, this.table, this.form);
  }

  pick() { const { grid, sheet } = this.page; this.target = { sheet, row: grid.active[0], column: grid.active[1] }; this.load(); }
  shown() { this.open = true; this.load(); }
  // What the selected cell holds may be known only after the tool was opened.
  cell(found) {
    const { grid, sheet } = this.page;
    const selected = found.sheet === sheet && found.row === grid.active[0] && found.column === grid.active[1];
    if (this.open && !this.target && selected && found.formula) this.pick();
  }
  left() { this.open = false; this.page.grid.setOverlay(null); }
  sheet() { if (this.open) this.load(); }
  repaint() { this.paint(); }
  state(state, before) { if (this.open && state.version !== before.version) this.loadSoon(); }
  loadSoon() { if (!this.later) this.later = setTimeout(() => { this.later = null; this.load(); }, 90); }

  async load() {
    if (!this.target || !this.open) return;
    const { page } = this;
    try {
      this.found = await page.ask("gradient", { ...this.target, on: page.sheet });
      this.failed = "";
    } catch (error) { this.found = null; this.failed = error.message; }
    if (this.open) this.paint();
  }

  paint() {
    const { page, found } = this;
    this.key.hidden = this.ways.hidden = !found || found.still;
    this.about.className = this.failed ? "problem" : "empty";
    if (!found) {
      if (this.failed) { this.heading.textContent = ""; this.about.textContent = this.failed; this.about.hidden = false; this.table.replaceChildren(); }
      page.grid.setOverlay(null);
      return;
    }
    this.heading.replaceChildren(`What moves ${found.name}`, make("small", { text: `${found.label ? `${found.label}, ` : ""}now ${figure(found.value, 8)}; ${found.count.toLocaleString("en-US")} cells` }));
    this.about.hidden = !found.still;
    this.about.textContent = found.still ? `Nothing moves it here: its largest derivative is ${figure(found.largest, 2)}. So it is at a minimum or a maximum.` : "";
    const weight = (slope, value) => (this.by === "unit" ? slope : (slope * value) / 100);
    let most = 0;
    for (const [, , slope, value] of found.cells) most = Math.max(most, Math.abs(weight(slope, value)));
    const overlay = new Map();
    if (!found.still && most > 0) {
      for (const [row, column, slope, value] of found.cells) {
        const size = weight(slope, value), share = Math.sqrt(Math.abs(size) / most);
        overlay.set(key(row, column), mix(size >= 0 ? UP : DOWN, size === 0 ? 0 : 0.08 + 0.72 * share));
      }
    }
    page.grid.setOverlay(overlay);
    const target = this.target.sheet === page.sheet ? [{ sheet: this.target.sheet, area: [this.target.row, this.target.column, this.target.row, this.target.column], tone: "var(--accent)" }] : [];
    page.grid.light(target);
    this.key.children[0].textContent = `−${figure(most, 3)}`;
    this.key.children[2].textContent = `+${figure(most, 3)}`;
    const rows = (found.still ? [] : found.first).map((each) => make("tr", {},
      make("td", {}, make("button", { class: "quiet", text: `${each.sheet === page.sheet ? "" : `${page.book.sheets[each.sheet].name}!`}${cellName(each.row, each.column)}`, onclick: () => page.goTo(each.sheet, [each.row, each.column, each.row, each.column]) })),
      make("td", { class: "dim", text: each.label || (each.formula ? "formula" : "") }), make("td", { class: "number", text: figure(each.slope, 4) })));
    this.table.replaceChildren(...(rows.length ? [make("thead", {}, make("tr", {}, make("th", { scope: "col", text: "Cell" }), make("th", { scope: "col", text: "Called" }), make("th", { scope: "col", class: "number", text: "Derivative" }))), make("tbody", {}, ...rows)] : []));
  }

  async compare() {
    const { page } = this;
    const found = await page.tell("compare derivatives", { sheet: page.sheet, of: this.of.value, wrt: this.wrt.value, against: this.against.value });
    if (!found) return;
    this.results.replaceChildren(...found.columns.map((each) => make("p", { class: each.right ? "done" : "stopped", text: `${each.against}: ${each.verdict}${each.largest ? `, off by at most ${figure(each.largest, 3)}` : ""}` })));
    page.panel.tools.marks.compared(found.columns);
  }
}
