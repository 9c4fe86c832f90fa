// A workbook in a notebook: the page's grid and editor, a formula bar, the sheets' tabs.
import { Grid } from "./grid.js";
import { Editor } from "./editor.js";
import { make, cellName, areaName } from "./dom.js";

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const PATIENCE = 20000; // milliseconds, after which a question counts as unanswered: the kernel may be busy

// Questions and answers of one view; what is new comes by itself.
class Messages {
  constructor(model, takers) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.waiting = new Map();
    this.next = 1;
    this.take = (message) => {
      if (message.view !== this.view) return;
      if (message.type === "answer") this.answered(message); else takers[message.type]?.(message);
    };
    model.on("msg:custom", this.take);
  }

  ask(what, more = {}) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.answered({ id, ok: false, error: "Python has not answered: is the kernel busy?" }), PATIENCE);
      this.waiting.set(id, { resolve, reject, timer });
      this.model.send({ ...more, view: this.view, id, ask: what });
    });
  }

  answered(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.ok) waiting.resolve(message); else waiting.reject(new Error(message.error));
  }

  look(sheet, areas) {
    const looking = JSON.stringify([sheet, areas]);
    if (looking === this.looking) return;
    this.looking = looking;
    this.model.send({ view: this.view, look: sheet, areas });
  }

  close() {
    this.model.off("msg:custom", this.take);
    this.model.send({ view: this.view, gone: true });
  }
}

class Sheet {
  constructor(model, element) {
    this.build(element);
    this.position = 0;
    this.messages = new Messages(model, {
      begin: () => this.begin(),
      cells: (news) => { if (news.sheet === this.position) this.grid.take(news.areas, news.cells, news.gone); },
      extent: (news) => { if (news.sheet === this.position) this.grid.grow(news.rows, news.columns); },
      state: (news) => {
        [this.undo.disabled, this.redo.disabled] = [!news.undo, !news.redo];
        if (!this.editor.active) this.inspectSoon();
      },
    });
    this.grid = new Grid(this.cells, {
      onLook: (sheet, areas) => this.messages.look(sheet, areas),
      onSelect: (active, area, several) => this.selected(active, area, several),
      onEdit: () => this.edit(null, true),
      onHover: (row, column) => this.grid.noteOf(row, column) || "",
      onPoint: (place) => {
        if (!this.editor.active || place.head || place.side || !this.editor.wantsReference()) return false;
        this.editor.refer([place.row, place.column]);
        return true;
      },
    });
    this.editor = new Editor(this.grid, this.content, {
      onCommit: (place, text, changed, down, right) => this.commit(place, text, changed, down, right),
      onEnd: () => {},
    });
    this.grid.table.addEventListener("keydown", (event) => this.key(event));
    this.grid.table.addEventListener("paste", (event) => this.paste(event));
  }

  build(element) {
    this.place = make("input", { class: "place", "aria-label": "Cell: type an address or a name to go there", spellcheck: "false", autocomplete: "off" });
    this.content = make("input", { class: "content", "aria-label": "Content of the cell", spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
    this.undo = make("button", { "aria-label": "Undo", title: "Undo (Ctrl+Z)", text: "↶", onclick: () => this.step_back("undo") });
    this.redo = make("button", { "aria-label": "Redo", title: "Redo (Ctrl+Y)", text: "↷", onclick: () => this.step_back("redo") });
    [this.undo.disabled, this.redo.disabled] = [true, true];
    this.words = make("p", { class: "words", role: "status", "aria-live": "polite" });
    this.cells = make("div", { class: "grid" });
    this.tabs = make("div", { class: "tabs", role: "tablist", "aria-label": "Sheets" });
    element.replaceChildren(
      make("section", { class: "formula", "aria-label": "Formula bar" }, this.place, make("span", { class: "fx", "aria-hidden": "true", text: "ƒ" }), this.content,
        make("div", { class: "history", role: "group", "aria-label": "History" }, this.undo, this.redo)),
      this.words, make("div", { class: "work" }, this.cells), make("footer", { class: "foot" }, this.tabs));
    this.place.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.find(this.place.value);
      if (event.key === "Escape") { this.place.value = cellName(...this.grid.active); this.grid.table.focus(); }
    });
  }

  tell(what, more) { return this.messages.ask(what, more).catch((error) => { this.say(error.message, true); return null; }); }
  say(text, problem = false) { this.words.textContent = text; this.words.classList.toggle("problem", problem); }

  // ---- sheets

  async begin() {
    const book = await this.tell("book");
    if (!book) return;
    const first = !this.book;
    this.book = book;
    this.grid.styles = book.styles;
    this.tabs.replaceChildren(...book.sheets.map((sheet, index) => ({ ...sheet, index })).filter((sheet) => sheet.visible).map((sheet) => make("button", {
      role: "tab", "data-sheet": sheet.index, text: sheet.name, css: sheet.tab ? `--tab:${sheet.tab}` : "", class: sheet.tab ? "coloured" : "",
      onclick: () => this.show(sheet.index),
    })));
    await this.show(first ? book.active : this.position);
  }

  async show(position) {
    const layout = await this.tell("layout", { sheet: position });
    if (!layout) return;
    this.position = position;
    for (const tab of this.tabs.children) tab.setAttribute("aria-selected", +tab.dataset.sheet === position);
    this.grid.table.setAttribute("aria-label", `Cells of ${this.book.sheets[position].name}`);
    this.messages.looking = null;
    this.grid.show(position, layout);
    this.selected(this.grid.active, this.grid.area, false);
  }

  async find(text) {
    const found = await this.tell("find", { sheet: this.position, text });
    if (!found) return;
    if (found.sheet !== this.position) await this.show(found.sheet);
    this.grid.selectArea(found.area);
    this.grid.table.focus();
  }

  // ---- cells

  selected(active, area, several) {
    if (this.editor?.active && !this.editor.wantsReference()) return;
    this.place.value = several ? areaName(area) : cellName(...active);
    this.inspectSoon();
  }

  inspectSoon() { clearTimeout(this.inspecting); this.inspecting = setTimeout(() => this.inspect(), 60); }

  async inspect() {
    if (!this.grid.layout) return;
    const [row, column] = this.grid.active, sheet = this.position;
    const found = await this.messages.ask("inspect", { sheet, row, column }).catch(() => null);
    if (!found || sheet !== this.position || row !== this.grid.active[0] || column !== this.grid.active[1] || this.editor.active) return;
    this.content.value = found.array ? `{${found.formula}}` : found.input;
    this.content.readOnly = Boolean(found.array);
    this.say(found.problem ? `Not computed: ${found.problem}` : found.words ? found.words[0].toUpperCase() + found.words.slice(1) : "", Boolean(found.problem));
  }

  edit(text, caret) { this.grid.reveal(...this.grid.active); this.grid.draw(); this.editor.begin(text, caret); }

  async commit(place, text, changed, down, right) {
    this.grid.select(...place, { quiet: true });
    this.move(down, right);
    if (!changed) return;
    const back = this.grid.provisional(...place, text.startsWith("=") ? "…" : text);
    try {
      const { notices } = await this.messages.ask("edit", { sheet: this.position, cells: [[...place, text]] });
      if (notices.length) this.say(notices.join(" ")); else this.inspectSoon();
    } catch (error) {
      back(); // the cell as it was
      clearTimeout(this.inspecting);
      this.say(error.message, true);
    }
  }

  move(down, right) {
    const { grid } = this, [row, column] = grid.active;
    if (down || right) grid.select(down ? grid.down.next(row, down) : row, right ? grid.across.next(column, right) : column);
  }

  async step_back(what) {
    const found = await this.tell(what);
    if (!found || found.name === null) return;
    if (found.sheet !== this.position) await this.show(found.sheet);
    this.grid.select(found.row, found.column);
  }

  async paste(event) {
    event.preventDefault();
    const [top, left] = this.grid.area, lines = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
    const cells = lines.flatMap((line, down) => line.split("\t").map((text, across) => [top + down, left + across, text]));
    const found = await this.tell("edit", { sheet: this.position, cells });
    if (found?.notices.length) this.say(found.notices.join(" "));
  }

  async copy() {
    const found = await this.tell("copy", { sheet: this.position, area: this.grid.area });
    if (found) navigator.clipboard.writeText(found.text).catch(() => this.say("The browser does not let the notebook use the clipboard.", true));
  }

  key(event) {
    if (event.target !== this.grid.table || event.isComposing) return;
    const { grid } = this, { key, shiftKey: extend } = event, control = event.ctrlKey || event.metaKey;
    const [row, column] = extend ? grid.anchor : grid.active, letter = key.toLowerCase(), sheet = this.position;
    const rows = grid.view ? Math.max(1, grid.view.last - grid.view.first - 1) : 1;
    const go = (r, c) => grid.select(r, c, { extend });
    if (ARROWS[key] && !event.altKey) {
      const [down, right] = ARROWS[key];
      if (control) this.tell("jump", { sheet, row, column, down, right }).then((found) => found && go(found.row, found.column));
      else go(down ? grid.down.next(row, down) : row, right ? grid.across.next(column, right) : column);
    } else if (key === "PageDown") go(Math.min(row + rows, grid.layout.rows), column);
    else if (key === "PageUp") go(Math.max(row - rows, 1), column);
    else if (key === "Home") go(control ? grid.frozen[0] + 1 : row, control ? grid.frozen[1] + 1 : 1);
    else if (key === "Enter") this.move(extend ? -1 : 1, 0);
    else if (key === "F2") this.edit(null, true);
    else if (key === "Delete" || key === "Backspace") this.tell("clear", { sheet, area: grid.area });
    else if (control && letter === "z") this.step_back(extend ? "redo" : "undo");
    else if (control && letter === "y") this.step_back("redo");
    else if (control && letter === "c") this.copy();
    else if (control && letter === "a") this.tell("used", { sheet }).then((found) => found && grid.selectArea(found.area, false));
    else {
      if (!control && !event.altKey && key.length === 1) this.edit("", false); // and the key itself goes into the editor
      return; // Tab leads on through the notebook
    }
    event.preventDefault();
  }
}

export const render = ({ model, el }) => {
  const root = make("div", { class: "sheetml", "data-lm-suppress-shortcuts": "true" });
  const fit = () => { root.style.height = `${model.get("height")}px`; };
  root.addEventListener("keydown", (event) => event.stopPropagation()); // keys are the grid's, and no shortcuts of the notebook
  el.append(root);
  fit();
  model.on("change:height", fit);
  const sheet = new Sheet(model, root);
  sheet.begin();
  return () => { model.off("change:height", fit); sheet.messages.close(); };
};
