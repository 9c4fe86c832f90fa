// The page: one workbook, its sheets, its tools.
import { Link } from "./link.js";
import { Grid } from "./grid.js";
import { Editor } from "./editor.js";
import { make, cellName, areaName, figure, toast } from "./dom.js";
import { isDark, series } from "./colours.js";
import { Panel } from "./panel.js";

const $ = (id) => document.getElementById(id);
const page = { book: null, sheet: 0, state: {}, layouts: new Map(), places: new Map(), cell: null };
window.sheetml = page; // for those who look behind the scenes, and for measurements

// ---- the link

const link = new Link({
  onNews: (message) => takers[message.type]?.(message),
  onState: (state) => {
    $("link").textContent = state === "open" ? "" : "Not linked: is sheetml still running?";
    document.body.classList.toggle("apart", state !== "open");
    if (state === "open") begin();
  },
});
page.link = link;
page.ask = (what, more) => link.ask(what, more);
// A request whose failure is told at the edge of the page.
page.tell = (what, more) => link.ask(what, more).catch((error) => { toast(error.message, "error"); return null; });

const takers = {
  cells: (news) => {
    if (news.sheet !== page.sheet) return;
    grid.take(news.areas, news.cells, news.gone);
    page.painted?.();
  },
  extent: (news) => { if (news.sheet === page.sheet) grid.grow(news.rows, news.columns); },
  state: (news) => {
    const before = page.state;
    page.state = news;
    showState(before);
  },
};

// ---- the grid

const grid = new Grid($("grid"), {
  onLook: (sheet, areas) => link.look(sheet, areas),
  onSelect: (active, area, several) => selected(active, area, several),
  onEdit: () => startEditing(null, true),
  onHover: (row, column) => [grid.noteOf(row, column), ...(grid.markOf(row, column)?.texts || [])].filter(Boolean).join("\n\n"),
  onPoint: (place) => {
    if (!editor.active || place.head || place.side || !editor.wantsReference()) return false;
    editor.refer([place.row, place.column]);
    return true;
  },
});
page.grid = grid;

const editor = new Editor(grid, $("formula"), {
  onCommit: async (place, text, changed, down, right) => {
    grid.select(...place, { quiet: true });
    step(down, right);
    if (!changed) return;
    const area = page.sheet;
    page.started = performance.now();
    const back = grid.provisional(...place, text.startsWith("=") ? "…" : text);
    try {
      const { notices } = await link.ask("edit", { sheet: area, cells: [[...place, text]] });
      notices.forEach((notice) => toast(notice));
    } catch (error) {
      toast(error.message, "error");
      back(); // the cell as it was
    }
    inspectSoon();
  },
  onEnd: () => {},
});
page.editor = editor;
const startEditing = (text, caret) => { grid.reveal(...grid.active); grid.draw(); editor.begin(text, caret); };

let inspecting = 0;
const inspectSoon = () => { clearTimeout(inspecting); inspecting = setTimeout(inspectNow, 60); };
const inspectNow = async () => {
  const [row, column] = grid.active, sheet = page.sheet;
  try {
    const found = await link.ask("inspect", { sheet, row, column });
    if (sheet !== page.sheet || row !== grid.active[0] || column !== grid.active[1]) return;
    page.cell = found;
    if (!editor.active) $("formula").value = found.array ? `{${found.formula}}` : found.input;
    $("formula").readOnly = found.array;
    $("words").textContent = found.problem ? `Not computed: ${found.problem}` : found.words ? sentence(found.words) : "";
    $("words").classList.toggle("problem", Boolean(found.problem));
    lightReads(found);
    panel.cell(found);
  } catch { /* said where the link is shown */ }
};
const sentence = (text) => text[0].toUpperCase() + text.slice(1);
const lightReads = (found) => {
  const dark = isDark();
  grid.light(found.reads.map(([sheet, ...area], index) => ({ sheet, area, tone: series(index, dark) })));
};

const selected = (active, area, several) => {
  if (editor.active && !editor.wantsReference()) return;
  $("place").value = several ? areaName(area) : cellName(...active);
  const known = grid.cells.get(active[0] * 16385 + active[1]);
  $("formula").value = known ? known.text : "";
  $("words").textContent = "";
  grid.light([]);
  inspectSoon();
  sumSoon(area, several);
};

let summing = 0;
const sumSoon = (area, several) => {
  clearTimeout(summing);
  if (!several) { $("figures").textContent = ""; return; }
  summing = setTimeout(async () => {
    const found = await link.ask("sum", { sheet: page.sheet, area }).catch(() => null);
    if (!found) return;
    $("figures").textContent = found.numbers
      ? `Sum ${figure(found.sum)} · Mean ${figure(found.mean)} · ${figure(found.least)} to ${figure(found.most)} · ${found.numbers.toLocaleString("en-US")} numbers`
      : found.filled ? `${found.filled.toLocaleString("en-US")} filled` : "";
  }, 80);
};

const step = (down, right) => {
  if (!down && !right) return;
  grid.select(down ? grid.down.next(grid.active[0], down) : grid.active[0], right ? grid.across.next(grid.active[1], right) : grid.active[1]);
};

// ---- keys on the grid

$("grid").addEventListener("keydown", (event) => {
  if (event.target !== $("grid") || event.isComposing) return;
  const { key, shiftKey: extend } = event, control = event.ctrlKey || event.metaKey;
  const [row, column] = extend ? grid.anchor : grid.active;
  const go = (r, c) => { event.preventDefault(); grid.select(r, c, { extend }); };
  const pageRows = Math.max(1, grid.view.last - grid.view.first - 1);
  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (arrows[key] && !event.altKey) {
    const [down, right] = arrows[key];
    if (control) { event.preventDefault(); jump(row, column, down, right, extend); }
    else go(down ? grid.down.next(row, down) : row, right ? grid.across.next(column, right) : column);
  } else if (key === "PageDown" && !control) go(Math.min(row + pageRows, grid.layout.rows), column);
  else if (key === "PageUp" && !control) go(Math.max(row - pageRows, 1), column);
  else if (control && (key === "PageDown" || key === "PageUp")) { event.preventDefault(); nextSheet(key === "PageDown" ? 1 : -1); }
  else if (key === "Home") go(control ? grid.frozen[0] + 1 : row, control ? grid.frozen[1] + 1 : 1);
  else if (key === "End") { event.preventDefault(); control ? jumpEnd(extend) : jump(row, column, 0, 2, extend); }
  else if (key === "Tab" && !control && !event.altKey) { event.preventDefault(); step(0, extend ? -1 : 1); }
  else if (key === "Enter") { event.preventDefault(); step(extend ? -1 : 1, 0); }
  else if (key === "F2") { event.preventDefault(); startEditing(null, true); }
  else if (key === "Delete" || key === "Backspace") { event.preventDefault(); page.tell("clear", { sheet: page.sheet, area: grid.area }).then(inspectSoon); }
  else if (key === "Escape") { grid.copied = null; grid.select(...grid.active); panel.escape(); }
  else if (control && key.toLowerCase() === "a") { event.preventDefault(); page.ask("used", { sheet: page.sheet }).then(({ area }) => grid.selectArea(area, false)); }
  else if (control && key.toLowerCase() === "c") { event.preventDefault(); copy(); }
  else if (control && key.toLowerCase() === "x") { event.preventDefault(); copy().then(() => page.tell("clear", { sheet: page.sheet, area: grid.area })); }
  else if (control && key.toLowerCase() === "d") { event.preventDefault(); fillDown(); }
  else if (!control && !event.altKey && key.length === 1) startEditing("", false);
});

window.addEventListener("keydown", (event) => {
  const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  const typing = event.target.matches("input, textarea, select") && event.target.id !== "grid";
  if (control && key === "s") { event.preventDefault(); download(); }
  else if (control && !typing && key === "z") { event.preventDefault(); event.shiftKey ? redo() : undo(); }
  else if (control && !typing && key === "y") { event.preventDefault(); redo(); }
  else if (event.key === "F6") { event.preventDefault(); region(event.shiftKey ? -1 : 1); }
  else if (control && key === "g") { event.preventDefault(); $("place").focus(); $("place").select(); }
});

const region = (step) => { // from one part of the page to the next
  const parts = [$("undo").disabled ? $("tool-cell") : $("undo"), $("place"), $("grid"), panel.first(), $("tabs").querySelector("[aria-selected=true]")].filter(Boolean);
  const homes = [$("toolbar"), document.querySelector(".formula"), $("grid"), $("panel"), $("tabs")].filter((home) => !home.hidden);
  const at = homes.findIndex((home) => home.contains(document.activeElement));
  parts[(at + step + parts.length) % parts.length]?.focus();
};

const jump = async (row, column, down, right, extend) => {
  const found = await page.tell("jump", { sheet: page.sheet, row, column, down, right });
  if (found) grid.select(found.row, found.column, { extend });
};
const jumpEnd = async (extend) => {
  const found = await page.tell("used", { sheet: page.sheet });
  if (found) grid.select(found.area[2], found.area[3], { extend });
};

// ---- clipboard

let clipboard = null;
const copy = async () => {
  const from = { sheet: page.sheet, area: grid.area };
  const found = await page.tell("copy", from);
  if (!found) return;
  clipboard = { ...from, text: found.text };
  grid.copied = { sheet: from.sheet, area: from.area, kind: "copied" };
  grid.drawLights();
  try { await navigator.clipboard.writeText(found.text); } catch { toast("The browser does not let the page use the clipboard; pasting within the page works."); }
};
$("grid").addEventListener("paste", (event) => {
  event.preventDefault();
  paste(event.clipboardData.getData("text/plain"));
});
const paste = async (text) => {
  const [top, left, bottom, right] = grid.area, sheet = page.sheet;
  const plain = (each) => each.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  if (clipboard && (text === "" || plain(text) === plain(clipboard.text))) {
    const found = await page.tell("paste", { from: clipboard.sheet, area: clipboard.area, sheet, target: [top, left, bottom, right] });
    if (found) grid.selectArea(found.area, false);
    return;
  }
  const rows = table(plain(text));
  const cells = rows.flatMap((cellsOfRow, down) => cellsOfRow.map((cell, across) => [top + down, left + across, cell]));
  const found = await page.tell("edit", { sheet, cells });
  if (found) {
    found.notices.forEach((notice) => toast(notice));
    grid.selectArea([top, left, top + rows.length - 1, left + Math.max(...rows.map((each) => each.length)) - 1], false);
  }
};
const table = (text) => { // lines of cells between tabs; quoted where they hold either
  const rows = [[]];
  const pattern = /"((?:[^"]|"")*)"(?=[\t\n]|$)|([^\t\n]*)/y;
  for (let at = 0; at <= text.length; ) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    rows[rows.length - 1].push(match[1] !== undefined ? match[1].replace(/""/g, '"') : match[2]);
    at = pattern.lastIndex;
    if (at >= text.length) break;
    if (text[at] === "\n") rows.push([]);
    at += 1;
    if (at === text.length) { rows[rows.length - 1].push(""); break; }
  }
  return rows;
};
const fillDown = () => {
  const [top, left, bottom, right] = grid.area;
  if (bottom > top) page.tell("paste", { from: page.sheet, area: [top, left, top, right], sheet: page.sheet, target: [top + 1, left, bottom, right] });
};

// ---- undo, download, theme

const undo = () => undone("undo");
const redo = () => undone("redo");
const undone = async (what) => {
  const found = await page.tell(what);
  if (!found || found.name === null) return;
  if (found.sheet !== page.sheet) await showSheet(found.sheet);
  grid.select(found.row, found.column);
};
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);

const download = () => {
  const anchor = make("a", { href: "download", download: page.book ? page.book.name : "" });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
};
$("download").addEventListener("click", download);
$("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("sheetml-theme", document.documentElement.dataset.theme); } catch { /* for this visit only */ }
  repaint();
});
const repaint = () => { grid.draw(); panel.repaint(); if (page.cell) lightReads(page.cell); };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
try { const chosen = localStorage.getItem("sheetml-theme"); if (chosen) document.documentElement.dataset.theme = chosen; } catch { /* as the system has it */ }

$("place").addEventListener("keydown", async (event) => {
  if (event.key === "Escape") { $("place").value = cellName(...grid.active); $("grid").focus(); }
  if (event.key !== "Enter") return;
  const found = await page.tell("find", { sheet: page.sheet, text: $("place").value });
  if (found) goTo(found.sheet, found.area);
});
$("place").addEventListener("focus", () => $("place").select());

const goTo = async (sheet, area) => {
  if (sheet !== page.sheet) await showSheet(sheet);
  if (area[2] > grid.layout.rows || area[3] > grid.layout.columns) grid.grow(Math.max(area[2] + 40, grid.layout.rows), Math.max(area[3] + 12, grid.layout.columns));
  grid.selectArea(area);
  $("grid").focus();
};
page.goTo = goTo;

// ---- sheets

const showSheet = async (position) => {
  if (page.layouts.has(page.sheet) && grid.layout) {
    page.places.set(page.sheet, { active: grid.active, anchor: grid.anchor, top: grid.element.scrollTop, left: grid.element.scrollLeft });
  }
  const layout = await link.ask("layout", { sheet: position });
  page.layouts.set(position, layout);
  page.sheet = position;
  for (const tab of $("tabs").children) {
    const on = +tab.dataset.sheet === position;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    if (on) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  $("grid").setAttribute("aria-label", `Cells of ${page.book.sheets[position].name}`);
  link.looking = null;
  grid.show(position, layout, page.places.get(position));
  panel.sheet(position);
  selected(grid.active, grid.area, false);
};
page.showSheet = showSheet;
const visible = () => page.book.sheets.map((sheet, index) => ({ ...sheet, index })).filter((sheet) => sheet.visible);
const nextSheet = (step) => {
  const all = visible(), at = all.findIndex((sheet) => sheet.index === page.sheet);
  showSheet(all[(at + step + all.length) % all.length].index);
};

const begin = async () => {
  try {
    const book = await link.ask("book");
    const first = page.book === null;
    page.book = book;
    document.title = `${book.name} · sheetml`;
    $("name").textContent = book.name;
    grid.styles = book.styles;
    const tabs = visible().map((sheet) => make("button", {
      role: "tab", "data-sheet": sheet.index, text: sheet.name, "aria-controls": "grid", tabindex: "-1",
      css: sheet.tab ? `--tab:${sheet.tab}` : "", class: sheet.tab ? "coloured" : "", onclick: () => showSheet(sheet.index),
    }));
    $("tabs").replaceChildren(...tabs);
    await panel.begin(book);
    const wanted = first ? remembered(book) : page.sheet;
    await showSheet(wanted);
    if (first) $("grid").focus();
    document.body.classList.add("ready");
  } catch (error) { toast(error.message, "error"); }
};
const remembered = (book) => {
  const named = decodeURIComponent(location.hash.slice(1));
  const found = book.sheets.findIndex((sheet) => sheet.name === named);
  return found >= 0 ? found : book.active;
};
$("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  nextSheet(step);
  setTimeout(() => $("tabs").querySelector("[aria-selected=true]")?.focus(), 30);
});

// ---- state

const showState = (before) => {
  const { undo: back, redo: forth, job, version } = page.state;
  $("undo").disabled = !back || job?.running;
  $("redo").disabled = !forth || job?.running;
  $("undo").title = back ? `Undo ${back} (Ctrl+Z)` : "Undo (Ctrl+Z)";
  $("redo").title = forth ? `Redo ${forth} (Ctrl+Y)` : "Redo (Ctrl+Y)";
  document.body.classList.toggle("busy", Boolean(job?.running));
  panel.state(page.state, before);
  if (before.version !== version && !job?.running && !editor.active) inspectSoon();
};

const panel = new Panel(page);
page.panel = panel;
window.addEventListener("beforeunload", () => {});
