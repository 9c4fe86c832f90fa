// The tools beside the grid. Each tool is a module of its own: begin, show, state, cell, sheet.
import { make } from "./dom.js";
import { CellTool } from "./cell.js";

export class Panel {
  constructor(page) {
    this.page = page;
    this.element = document.getElementById("panel");
    this.tools = { cell: new CellTool(page) };
    this.open = null;
    this.title = make("h2");
    this.body = make("div", { class: "tool" });
    this.element.append(
      make("header", {}, this.title, make("button", { class: "icon close", "aria-label": "Close", text: "×", onclick: () => this.show(null) })),
      this.body,
    );
    for (const button of document.querySelectorAll("[data-tool]")) {
      if (!this.tools[button.dataset.tool]) { button.hidden = true; continue; }
      button.addEventListener("click", () => this.show(this.open === button.dataset.tool ? null : button.dataset.tool));
    }
  }

  async begin(book) {
    for (const tool of Object.values(this.tools)) await tool.begin?.(book);
  }

  show(name) {
    if (this.open) this.tools[this.open].left?.();
    this.open = name;
    this.element.hidden = name === null;
    for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === name);
    if (name === null) { document.getElementById("grid").focus(); this.page.grid.drawSoon(); return; }
    const tool = this.tools[name];
    this.title.textContent = tool.title;
    this.element.setAttribute("aria-label", tool.title);
    this.body.replaceChildren(tool.element);
    tool.shown?.();
    if (this.page.cell) tool.cell?.(this.page.cell);
    this.page.grid.drawSoon();
  }

  first() { return this.element.hidden ? null : this.element.querySelector("button, input, select, [tabindex='0']"); }
  escape() {}
  cell(found) { for (const [name, tool] of Object.entries(this.tools)) if (tool.always || name === this.open) tool.cell?.(found); }
  sheet(position) { for (const tool of Object.values(this.tools)) tool.sheet?.(position); }
  state(state, before) { for (const tool of Object.values(this.tools)) tool.state?.(state, before); }
  repaint() { for (const tool of Object.values(this.tools)) tool.repaint?.(); }
}
