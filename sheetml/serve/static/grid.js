// The sheet: only the cells in view exist as elements. Frozen rows and columns stay, the others move beneath them.
import { Axis } from "./axis.js";
import { make, letters, cellName } from "./dom.js";
import { fill, ink, line, isDark } from "./colours.js";

const HEAD = 24, STRIDE = 16385, MOST_PIXELS = 15_000_000;
const key = (row, column) => row * STRIDE + column;
const BORDERS = {
  hair: "1px dotted", thin: "1px solid", medium: "2px solid", thick: "3px solid", double: "3px double", dotted: "1px dotted",
  dashed: "1px dashed", mediumDashed: "2px dashed", dashDot: "1px dashed", mediumDashDot: "2px dashed", dashDotDot: "1px dotted",
  mediumDashDotDot: "2px dotted", slantDashDot: "2px dashed",
};
const ICONS = {
  arrows: ["▼", "◢", "▶", "◥", "▲"], quarters: ["○", "◔", "◑", "◕", "●"], rating: ["▁", "▂", "▄", "▆", "█"],
  symbols: ["✖", "!", "✔"], flags: ["⚑", "⚑", "⚑"], stars: ["☆", "⯪", "★"], dots: ["●", "●", "●", "●", "●"],
};
const measure = document.createElement("canvas").getContext("2d");
const FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';
const widths = new Map();
const textWidth = (text, size, bold) => {
  const name = `${size}${bold}${text}`;
  if (!widths.has(name)) {
    if (widths.size > 30000) widths.clear();
    measure.font = `${bold ? "600 " : ""}${size}px ${FONT}`;
    widths.set(name, measure.measureText(text).width);
  }
  return widths.get(name);
};

export class Grid {
  constructor(element, handlers) {
    this.element = element;
    this.handlers = handlers;
    this.styles = [];
    this.rows = new Map(); // drawn rows by their number
    this.cells = new Map(); // what is known of cells, by key
    this.marks = new Map();
    this.lights = [];
    this.active = [1, 1];
    this.anchor = [1, 1];
    this.head = make("div", { class: "row heads", role: "row", "aria-rowindex": 1 });
    this.frozenRows = make("div", { class: "rows frozen", role: "rowgroup" });
    this.body = make("div", { class: "rows", role: "rowgroup" });
    this.headGroup = make("div", { class: "headgroup", role: "rowgroup" }, this.head);
    this.floats = make("div", { class: "floats", role: "presentation" });
    this.floatSlide = make("div", { class: "slide" });
    this.floats.append(this.floatSlide);
    this.lightLayer = make("div", { class: "lights", "aria-hidden": "true" });
    this.selection = make("div", { class: "selection", "aria-hidden": "true" });
    this.cursor = make("div", { class: "cursor", "aria-hidden": "true" });
    this.stage = make("div", { class: "stage", role: "presentation" }, this.headGroup, this.frozenRows, this.body, this.floats,
      this.lightLayer, this.selection, this.cursor);
    this.spacer = make("div", { class: "spacer", role: "presentation" });
    element.append(this.stage, this.spacer);
    this.layout = null;
    element.addEventListener("scroll", () => this.drawSoon(), { passive: true });
    new ResizeObserver(() => { this.resized = true; this.drawSoon(); }).observe(element);
    this.listen();
  }

  // ---- what is shown

  show(sheet, layout, place) {
    this.sheet = sheet;
    this.setLayout(layout);
    this.cells.clear();
    this.forget();
    this.lights = [];
    const top = layout.frozen[0] + 1, left = layout.frozen[1] + 1;
    [this.active, this.anchor] = place ? [place.active, place.anchor] : [[1, 1], [1, 1]];
    this.resize();
    this.element.scrollTop = place ? place.top : 0;
    this.element.scrollLeft = place ? place.left : 0;
    this.origin = [top, left];
    this.draw();
  }

  setLayout(layout) {
    this.layout = layout;
    const heights = layout.heights.map(([row, size]) => [row, row, size]);
    this.down = new Axis(layout.rows, layout.defaultHeight || 20, heights);
    this.across = new Axis(layout.columns, layout.defaultWidth, layout.widths);
    this.frozen = [Math.min(layout.frozen[0], 60), Math.min(layout.frozen[1], 40)];
    this.merged = new Map();
    for (const area of layout.merged) this.merged.set(key(area[0], area[1]), area);
    this.covered = new Map();
    for (const area of layout.merged) {
      if ((area[2] - area[0] + 1) * (area[3] - area[1] + 1) > 20000) continue;
      for (let row = area[0]; row <= area[2]; row++) for (let column = area[1]; column <= area[3]; column++) this.covered.set(key(row, column), area);
    }
    this.notes = new Map(layout.notes.map(([row, column, text]) => [key(row, column), text]));
    this.side = Math.max(40, 16 + 8 * String(layout.rows).length);
    this.element.setAttribute("aria-rowcount", layout.rows + 1);
    this.element.setAttribute("aria-colcount", layout.columns + 1);
    this.element.classList.toggle("plain", !layout.gridlines);
  }

  grow(rows, columns) {
    if (rows === this.layout.rows && columns === this.layout.columns) return;
    this.setLayout({ ...this.layout, rows, columns });
    this.resize();
    this.drawSoon();
  }

  take(areas, cells, gone) {
    for (const [row, column] of gone) { this.cells.delete(key(row, column)); this.stale(row); }
    for (const [row, column, text, kind, style, more] of cells) {
      this.cells.set(key(row, column), { text, kind, style, more });
      this.stale(row);
    }
    this.drawSoon();
  }

  stale(row) { const drawn = this.rows.get(row); if (drawn) drawn.stale = true; }
  refresh() { for (const drawn of this.rows.values()) { drawn.stale = true; drawn.fresh = true; } this.drawSoon(); }
  forget() { for (const drawn of this.rows.values()) drawn.element.remove(); this.rows.clear(); }

  provisional(row, column, text) { // what was typed, until the answer comes
    const known = this.cells.get(key(row, column)), { sheet } = this;
    this.cells.set(key(row, column), { text, kind: Number.isNaN(Number(text)) || text === "" ? "t" : "n", style: known ? known.style : 0, more: {} });
    this.stale(row);
    this.draw();
    return () => { // puts back what was there, if it turns out that this cannot be
      if (this.sheet !== sheet) return;
      if (known) this.cells.set(key(row, column), known); else this.cells.delete(key(row, column));
      this.stale(row);
      this.draw();
    };
  }

  // ---- geometry

  get headHeight() { return HEAD; }
  get frozenHeight() { return this.down.offset(this.frozen[0] + 1); }
  get frozenWidth() { return this.across.offset(this.frozen[1] + 1); }
  get limitedHeight() { return Math.min(this.down.total, MOST_PIXELS); }
  get top() { // how far the sheet is scrolled, in its own pixels
    const most = this.down.total - this.limitedHeight;
    const range = this.limitedHeight + HEAD - this.height;
    return this.element.scrollTop + (most > 0 && range > 0 ? (this.element.scrollTop / range) * most : 0);
  }
  set top(value) {
    const most = this.down.total - this.limitedHeight, range = this.limitedHeight + HEAD - this.height;
    this.element.scrollTop = most > 0 && range > 0 ? value / (1 + most / range) : value;
  }
  get left() { return this.element.scrollLeft; }
  x(column) {
    const at = this.across.offset(column);
    return this.side + (column <= this.frozen[1] + 1 ? (column <= this.frozen[1] ? at : Math.max(at, at - this.left)) : Math.max(this.frozenWidth, at - this.left));
  }
  edgeX(column) { // where a column begins on the stage; what is scrolled away begins where frozen columns end
    const at = this.across.offset(column);
    return this.side + (column <= this.frozen[1] ? at : Math.max(this.frozenWidth, at - this.left));
  }
  endX(column) { // where it ends
    const at = this.across.offset(column + 1);
    return this.side + (column <= this.frozen[1] ? at : Math.max(this.frozenWidth, at - this.left));
  }
  edgeY(row) {
    const at = this.down.offset(row);
    return HEAD + (row <= this.frozen[0] ? at : Math.max(this.frozenHeight, at - this.top));
  }
  endY(row) {
    const at = this.down.offset(row + 1);
    return HEAD + (row <= this.frozen[0] ? at : Math.max(this.frozenHeight, at - this.top));
  }
  rectangle([top, left, bottom, right]) {
    const x = this.edgeX(left), y = this.edgeY(top);
    return { x, y, width: this.endX(Math.min(right, this.layout.columns)) - x, height: this.endY(Math.min(bottom, this.layout.rows)) - y };
  }
  at(clientX, clientY) { // the cell under a point of the window
    const box = this.stage.getBoundingClientRect();
    const x = clientX - box.left - this.side, y = clientY - box.top - HEAD;
    const column = this.across.at(x < this.frozenWidth ? Math.max(x, 0) : x + this.left);
    const row = this.down.at(y < this.frozenHeight ? Math.max(y, 0) : y + this.top);
    return { row, column, head: y < 0, side: x < 0 };
  }

  resize() {
    this.resized = false;
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.stage.style.width = `${this.width}px`;
    this.stage.style.height = `${this.height}px`;
    this.stage.style.marginBottom = `${-this.height}px`;
    this.spacer.style.width = `${this.across.total + this.side}px`;
    this.spacer.style.height = `${this.limitedHeight + HEAD}px`;
  }

  // ---- drawing

  drawSoon() {
    if (this.waiting || !this.layout) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    if (!this.layout) return;
    if (this.resized || this.width === undefined) this.resize();
    const dark = isDark();
    if (dark !== this.dark) { this.dark = dark; this.looks = new Map(); for (const drawn of this.rows.values()) { drawn.stale = true; drawn.fresh = true; } }
    const top = this.top + this.frozenHeight, left = this.left + this.frozenWidth;
    const first = Math.max(this.down.at(top), this.frozen[0] + 1), last = this.down.at(this.top + this.height - HEAD);
    const firstColumn = Math.max(this.across.at(left), this.frozen[1] + 1);
    const lastColumn = this.across.at(this.left + this.width - this.side);
    this.view = { first, last, firstColumn, lastColumn };
    this.drawHeads(firstColumn, lastColumn);
    const wanted = new Set();
    for (let row = 1; row <= this.frozen[0]; row++) if (this.down.size(row)) wanted.add(row);
    for (let row = first; row <= last; row++) if (this.down.size(row)) wanted.add(row);
    for (const area of this.layout.merged) if (area[0] < first && area[2] >= first && area[0] > this.frozen[0]) wanted.add(area[0]);
    for (const [row, drawn] of this.rows) if (!wanted.has(row)) { drawn.element.remove(); this.rows.delete(row); }
    const order = [...wanted].sort((a, b) => a - b);
    for (const row of order) this.drawRow(row, firstColumn, lastColumn);
    this.frozenRows.style.height = `${this.frozenHeight}px`;
    this.frozenRows.classList.toggle("some", this.frozen[0] > 0);
    this.body.style.top = `${HEAD + this.frozenHeight}px`;
    this.body.style.height = `${Math.max(0, this.height - HEAD - this.frozenHeight)}px`;
    this.drawFloats();
    this.drawSelection();
    this.look();
  }

  drawHeads(first, last) {
    const columns = [];
    for (let column = 1; column <= this.frozen[1]; column++) columns.push(column);
    for (let column = first; column <= last; column++) columns.push(column);
    const wanted = columns.filter((column) => this.across.size(column) > 0);
    this.heads ??= new Map();
    for (const [column, element] of this.heads) if (!wanted.includes(column)) { element.remove(); this.heads.delete(column); }
    const [top, chosenFirst, , chosenLast] = this.area;
    let before = null;
    for (const column of wanted) {
      let element = this.heads.get(column);
      if (!element) {
        element = make("div", { class: "head", role: "columnheader", "aria-colindex": column + 1, text: letters(column) });
        this.heads.set(column, element);
      }
      if (element.previousSibling !== before || !element.parentNode) before ? before.after(element) : this.head.prepend(element);
      before = element;
      const at = this.across.offset(column), fixed = column <= this.frozen[1];
      element.style.cssText = `left:${this.side + at - (fixed ? 0 : this.left)}px;width:${this.across.size(column)}px`;
      element.className = `head${fixed ? " fixed" : ""}${column >= chosenFirst && column <= chosenLast ? " on" : ""}`;
    }
    this.corner ??= this.head.appendChild(make("div", { class: "head corner", role: "columnheader", "aria-colindex": 1, "aria-label": "All cells" }));
    this.corner.style.width = `${this.side}px`;
    this.element.style.setProperty("--side", `${this.side}px`);
    this.element.style.setProperty("--clip", `${this.side + this.frozenWidth}px`);
    return top;
  }

  drawRow(row, firstColumn, lastColumn) {
    const frozen = row <= this.frozen[0];
    let drawn = this.rows.get(row);
    if (!drawn) {
      const slide = make("div", { class: "slide", role: "presentation" });
      const scrolled = make("div", { class: "scrolled", role: "presentation" }, slide);
      const side = make("div", { class: "side", role: "rowheader", "aria-colindex": 1, text: String(row) });
      const fixed = make("div", { class: "fixed", role: "presentation" });
      const element = make("div", { class: "row", role: "row", "aria-rowindex": row + 1 }, side, fixed, scrolled);
      drawn = { element, slide, side, fixed, cells: new Map(), stale: true };
      this.rows.set(row, drawn);
      this.place(row, element, frozen ? this.frozenRows : this.body);
    }
    const y = this.down.offset(row) - (frozen ? 0 : this.top + this.frozenHeight);
    if (drawn.y !== y) { drawn.y = y; drawn.element.style.transform = `translateY(${y}px)`; }
    const height = this.down.size(row);
    if (drawn.height !== height) { drawn.height = height; drawn.element.style.height = `${height}px`; drawn.stale = true; }
    const on = row >= this.area[0] && row <= this.area[2];
    if (drawn.on !== on) { drawn.on = on; drawn.side.classList.toggle("on", on); }
    const left = this.left;
    if (drawn.left !== left) { drawn.left = left; drawn.slide.style.transform = `translateX(${-left}px)`; }
    if (drawn.stale || drawn.firstColumn !== firstColumn || drawn.lastColumn !== lastColumn) {
      this.drawCells(row, drawn, firstColumn, lastColumn);
      Object.assign(drawn, { stale: false, fresh: false, firstColumn, lastColumn });
    }
  }

  place(row, element, group) { // rows stand in their order, for those who hear them
    for (const other of group.children) {
      if (+other.getAttribute("aria-rowindex") > row + 1) { other.before(element); return; }
    }
    group.append(element);
  }

  drawCells(row, drawn, firstColumn, lastColumn) {
    const columns = [];
    for (let column = 1; column <= this.frozen[1]; column++) columns.push(column);
    const from = Math.max(this.frozen[1] + 1, firstColumn - 4); // texts reach in from the left
    for (let column = from; column <= lastColumn; column++) columns.push(column);
    for (const area of this.layout.merged) {
      if (area[0] === row && area[1] < from && area[3] >= from && area[1] > this.frozen[1]) columns.push(area[1]);
    }
    const wanted = new Set(columns);
    for (const [column, element] of drawn.cells) if (!wanted.has(column)) { element.remove(); drawn.cells.delete(column); }
    const mark = this.rowMarks ? this.rowMarks.get(row) : "";
    drawn.side.dataset.mark = mark || "";
    for (const column of columns.sort((a, b) => a - b)) {
      const width = this.across.size(column);
      const merged = this.covered.get(key(row, column));
      if (!width || (merged && (merged[0] !== row || merged[1] !== column))) {
        drawn.cells.get(column)?.remove();
        drawn.cells.delete(column);
        continue;
      }
      let element = drawn.cells.get(column);
      if (!element) {
        element = make("div", { class: "cell", role: "gridcell", "aria-colindex": column + 1, id: `cell-${row}-${column}` });
        drawn.cells.set(column, element);
        const group = column <= this.frozen[1] ? drawn.fixed : drawn.slide;
        const after = [...group.children].find((other) => +other.getAttribute("aria-colindex") > column + 1);
        group.insertBefore(element, after || null);
      }
      this.drawCell(element, row, column, merged, drawn.fresh);
    }
  }

  drawCell(element, row, column, merged, fresh) {
    const known = this.cells.get(key(row, column));
    const note = this.notes.get(key(row, column)), mark = this.marks.get(key(row, column));
    let width = this.across.size(column), height = this.down.size(row), left = this.across.offset(column);
    if (merged) {
      width = this.across.offset(merged[3] + 1) - left;
      height = this.down.offset(merged[2] + 1) - this.down.offset(row);
    }
    const style = known ? this.styles[known.style] || {} : {};
    const more = known ? known.more : {};
    let text = known && !more.hide ? known.text : "";
    const size = style.z ? (style.z / 11) * 13 : 13;
    let spill = 0, squeezed = 0;
    if (text && known.kind === "t" && !style.w && !merged && !style.r && text.indexOf("\n") < 0) {
      const needed = textWidth(text, size, style.b) + 8 + 8 * (style.n || 0) - width;
      if (needed > 0 && style.a !== "fill") [spill, left] = this.spill(row, column, needed, left, style.a === "right");
    } else if (text && known.kind !== "t" && !merged) { // a number is made to fit, or not shown: never cut
      const needed = textWidth(text, size, style.b || more.b), room = width - 7;
      if (needed > room * 1.4) text = "#".repeat(Math.max(1, Math.floor(room / 9)));
      else if (needed > room) squeezed = (size * room) / needed;
    }
    const signature = `${text}|${known ? known.kind : ""}|${known ? known.style : ""}|${JSON.stringify(more)}|${width}|${height}|${left}|${spill}|${note ? 1 : 0}|${mark ? mark.severity : ""}`;
    if (!fresh && element.signature === signature) return;
    element.signature = signature;
    element.className = `cell${spill ? " spill" : ""}${merged ? " merged" : ""}${note ? " note" : ""}${mark ? ` mark ${mark.severity}` : ""}${known && known.kind === "e" ? " error" : ""}`;
    element.style.cssText = `left:${left}px;width:${width + spill}px;height:${height}px;${this.css(style, more, known ? known.kind : "")}${squeezed ? `font-size:${squeezed.toFixed(2)}px` : ""}`;
    if (more.icon) {
      const icon = this.icon(more.icon);
      element.replaceChildren(icon, make("span", { class: "text", text }));
    } else if (style.r && text) {
      element.replaceChildren(make("span", { class: "turned", css: this.turn(style.r), text }));
    } else if (element.textContent !== text || element.firstElementChild) {
      element.textContent = text;
    }
  }

  spill(row, column, needed, left, leftwards) {
    let room = 0, other = column;
    while (room < needed) {
      other += leftwards ? -1 : 1;
      if (other < 1 || other > this.layout.columns || this.cells.has(key(row, other)) || this.covered.has(key(row, other))) break;
      if (other === this.frozen[1] + (leftwards ? 0 : 1)) break; // not across the edge of what is frozen
      room += this.across.size(other);
    }
    return [room, leftwards ? left - room : left];
  }

  turn(angle) {
    if (angle === 255) return "writing-mode:vertical-rl;text-orientation:upright";
    if (angle === 90) return "writing-mode:vertical-rl;transform:rotate(180deg)";
    if (angle === 180) return "writing-mode:vertical-rl";
    return `transform:rotate(${angle > 90 ? angle - 90 : -angle}deg)`;
  }

  css(style, more, kind) {
    const background = more.g || more.f || style.f;
    let css = "";
    const paper = background ? fill(background, this.dark) : "";
    if (paper) css += `background-color:${paper};border-color:${paper};`;
    const colour = ink(more.c || style.c, background, this.dark);
    if (colour) css += `color:${colour};`;
    if (more.bar) {
      const [from, to, bar] = more.bar, shade = fill(bar, this.dark) + "99";
      css += `background-image:linear-gradient(90deg,transparent ${from * 100}%,${shade} ${from * 100}%,${shade} ${to * 100}%,transparent ${to * 100}%);`;
    }
    if (more.b ?? style.b) css += "font-weight:600;";
    if (more.i ?? style.i) css += "font-style:italic;";
    const lines = [style.u && "underline", (more.s ?? style.s) && "line-through"].filter(Boolean).join(" ");
    if (lines) css += `text-decoration:${lines};`;
    if (style.z) css += `font-size:${((style.z / 11) * 13).toFixed(2)}px;`;
    const across = !style.a || style.a === "general" ? (kind === "n" ? "right" : kind === "b" || kind === "e" ? "center" : "left") : style.a;
    css += `justify-content:${{ right: "flex-end", center: "center", centerContinuous: "center", distributed: "center" }[across] || "flex-start"};`;
    if (across === "right") css += "text-align:right;"; else if (across === "center") css += "text-align:center;";
    const down = style.v || "bottom";
    css += `align-items:${{ top: "flex-start", center: "center" }[down] || "flex-end"};`;
    if (style.w) css += "white-space:pre-wrap;overflow-wrap:anywhere;";
    if (style.n) css += `padding-${across === "right" ? "right" : "left"}:${4 + 9 * style.n}px;`;
    if (style.e) {
      ["left", "right", "top", "bottom"].forEach((side, index) => {
        const edge = style.e[index];
        if (edge) css += `border-${side}:${BORDERS[edge[0]] || "1px solid"} ${line(edge[1], this.dark)};`;
      });
    }
    return css;
  }

  icon([family, which, count]) {
    const kind = family.toLowerCase();
    const name = Object.keys(ICONS).find((each) => kind.includes(each)) || "dots";
    const signs = ICONS[name], place = count > 1 ? which / (count - 1) : 1;
    const colours = kind.includes("gray") || name === "quarters" || name === "rating" ? ["dim", "dim", "dim"] : ["bad", "middling", "good"];
    return make("span", { class: `sign ${colours[Math.round(place * 2)]}`, "aria-hidden": "true", text: signs[Math.round(place * (signs.length - 1))] });
  }

  // ---- charts, buttons: whatever lies over the cells

  setFloats(items) {
    this.floating = items;
    this.floatSlide.replaceChildren(...items.map((item) => item.element));
    for (const item of items) {
      const x = this.across.offset(item.from[1]) + item.from[2], y = this.down.offset(item.from[0]) + item.from[3];
      const right = item.to ? this.across.offset(item.to[1]) + item.to[2] : x + item.size[0];
      const bottom = item.to ? this.down.offset(item.to[0]) + item.to[3] : y + item.size[1];
      item.element.style.cssText = `left:${x}px;top:${y}px;width:${Math.max(right - x, 8)}px;height:${Math.max(bottom - y, 8)}px`;
      item.box = { width: Math.max(right - x, 8), height: Math.max(bottom - y, 8) };
    }
    this.drawFloats();
  }

  drawFloats() {
    this.floats.style.cssText = `left:${this.side + this.frozenWidth}px;top:${HEAD + this.frozenHeight}px`;
    this.floatSlide.style.transform = `translate(${-this.left - this.frozenWidth}px,${-this.top - this.frozenHeight}px)`;
  }

  // ---- selection

  get area() {
    const [a, b] = [this.active, this.anchor];
    let area = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
    for (const merged of this.layout.merged) {
      const meets = merged[0] <= area[2] && merged[2] >= area[0] && merged[1] <= area[3] && merged[3] >= area[1];
      if (meets) area = [Math.min(area[0], merged[0]), Math.min(area[1], merged[1]), Math.max(area[2], merged[2]), Math.max(area[3], merged[3])];
    }
    return area;
  }

  select(row, column, { extend = false, reveal = true, quiet = false } = {}) {
    row = Math.max(1, Math.min(this.layout.rows, row));
    column = Math.max(1, Math.min(this.layout.columns, column));
    const merged = this.covered.get(key(row, column));
    if (merged && !extend) [row, column] = merged;
    if (extend) this.anchor = [row, column]; else { this.active = [row, column]; this.anchor = [row, column]; }
    if (reveal) this.reveal(row, column);
    this.draw();
    if (!quiet) this.handlers.onSelect(this.active, this.area, extend);
  }

  selectArea([top, left, bottom, right], reveal = true) {
    this.active = [top, left];
    this.anchor = [Math.min(bottom, this.layout.rows), Math.min(right, this.layout.columns)];
    if (reveal) this.reveal(top, left);
    this.draw();
    this.handlers.onSelect(this.active, this.area, top !== bottom || left !== right);
  }

  reveal(row, column) {
    if (row > this.frozen[0]) {
      const y = this.down.offset(row), height = this.down.size(row), room = this.height - HEAD;
      if (y < this.top + this.frozenHeight) this.top = y - this.frozenHeight;
      else if (y + height > this.top + room) this.top = y + height - room;
    }
    if (column > this.frozen[1]) {
      const x = this.across.offset(column), width = this.across.size(column), room = this.width - this.side;
      if (x < this.left + this.frozenWidth) this.element.scrollLeft = x - this.frozenWidth;
      else if (x + width > this.left + room) this.element.scrollLeft = Math.min(x - this.frozenWidth, x + width - room);
    }
  }

  drawSelection() {
    const put = (element, area, grow) => {
      const box = this.rectangle(area);
      const out = box.width <= 0 || box.height <= 0 || box.x > this.width || box.y > this.height;
      element.style.display = out ? "none" : "block";
      element.style.cssText += `;left:${box.x - grow}px;top:${box.y - grow}px;width:${box.width + grow}px;height:${box.height + grow}px`;
    };
    const area = this.area;
    put(this.selection, area, 1);
    this.selection.classList.toggle("many", area[0] !== area[2] || area[1] !== area[3]);
    const merged = this.covered.get(key(...this.active));
    put(this.cursor, merged || [...this.active, ...this.active], 1);
    const name = `cell-${this.active[0]}-${this.active[1]}`, element = document.getElementById(name);
    if (this.described && this.described !== element) { this.described.removeAttribute("aria-selected"); this.described.removeAttribute("aria-label"); }
    if (element) {
      this.element.setAttribute("aria-activedescendant", name);
      element.setAttribute("aria-selected", "true");
      element.setAttribute("aria-label", `${cellName(...this.active)}: ${element.textContent || "blank"}${this.noteOf(...this.active) ? ", has a note" : ""}`);
    } else this.element.removeAttribute("aria-activedescendant");
    this.described = element;
    this.drawLights();
  }

  noteOf(row, column) { return this.notes.get(key(row, column)); }
  markOf(row, column) { return this.marks.get(key(row, column)); }

  light(areas) { this.lights = areas; this.drawLights(); }

  drawLights() {
    const boxes = [...this.lights, ...(this.copied ? [this.copied] : [])].filter((each) => each.sheet === this.sheet).map((each) => {
      const box = this.rectangle(each.area);
      if (box.width <= 0 || box.height <= 0) return null;
      return make("div", { class: `light ${each.kind || ""}`, css: `left:${box.x - 1}px;top:${box.y - 1}px;width:${box.width + 1}px;height:${box.height + 1}px;--tone:${each.tone || "var(--accent)"}` });
    });
    this.lightLayer.replaceChildren(...boxes.filter(Boolean));
  }

  // ---- what the server is asked for: what is in view, and some way around it

  look() {
    const { first, last, firstColumn, lastColumn } = this.view;
    const rows = last - first + 1, steps = Math.max(20, Math.ceil(rows / 20) * 20);
    const top = Math.max(this.frozen[0] + 1, Math.floor((first - rows) / 20) * 20 + 1), bottom = Math.min(this.layout.rows, Math.ceil((last + steps) / 20) * 20);
    const left = Math.max(this.frozen[1] + 1, Math.floor((firstColumn - 6) / 10) * 10 + 1), right = Math.min(this.layout.columns, Math.ceil((lastColumn + 6) / 10) * 10);
    const areas = [[top, left, bottom, right]];
    const [rowsFrozen, columnsFrozen] = this.frozen;
    if (rowsFrozen) areas.push([1, left, rowsFrozen, right]);
    if (columnsFrozen) areas.push([top, 1, bottom, columnsFrozen]);
    if (rowsFrozen && columnsFrozen) areas.push([1, 1, rowsFrozen, columnsFrozen]);
    this.handlers.onLook(this.sheet, areas.filter(([a, b, c, d]) => a <= c && b <= d));
  }

  // ---- mouse and touch

  listen() {
    const element = this.element;
    let dragging = null;
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.target.closest(".floats > .slide > *") || event.target.closest(".editor")) return;
      const place = this.at(event.clientX, event.clientY);
      if (this.handlers.onPoint && this.handlers.onPoint(place, event)) { event.preventDefault(); return; }
      if (place.head && place.side) this.selectArea([1, 1, this.layout.rows, this.layout.columns], false);
      else if (place.head) { this.selectArea([1, place.column, this.layout.rows, place.column], false); dragging = "column"; }
      else if (place.side) { this.selectArea([place.row, 1, place.row, this.layout.columns], false); dragging = "row"; }
      else {
        this.select(place.row, place.column, { extend: event.shiftKey, reveal: event.pointerType === "mouse" });
        dragging = event.pointerType === "mouse" ? "cells" : null;
      }
      element.focus({ preventScroll: true });
    });
    window.addEventListener("pointermove", (event) => {
      if (!dragging || !(event.buttons & 1)) { dragging = null; return; }
      const place = this.at(event.clientX, event.clientY);
      if (dragging === "cells") this.select(place.row, place.column, { extend: true });
      else if (dragging === "column") { this.anchor = [this.layout.rows, place.column]; this.draw(); this.handlers.onSelect(this.active, this.area, true); }
      else { this.anchor = [place.row, this.layout.columns]; this.draw(); this.handlers.onSelect(this.active, this.area, true); }
    });
    window.addEventListener("pointerup", () => { dragging = null; });
    this.stage.addEventListener("dblclick", (event) => {
      const place = this.at(event.clientX, event.clientY);
      if (!place.head && !place.side && !event.target.closest(".floats > .slide > *")) this.handlers.onEdit();
    });
    this.stage.addEventListener("mousemove", (event) => {
      const place = this.at(event.clientX, event.clientY);
      const text = place.head || place.side ? "" : this.handlers.onHover(place.row, place.column);
      if (this.stage.title !== text) this.stage.title = text;
    });
  }
}
