"use strict";
// Two grids of the same lines side by side. Only the cells in view exist as elements; all texts from the
// workbooks are set as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const ROW = 22, HEAD = 22, SIDE = 56;
  const grids = [0, 1].map((side) => document.getElementById("grid" + side));
  const spaces = grids.map((grid) => grid.firstElementChild);
  const detail = document.getElementById("detail"), tip = document.getElementById("tip");
  const tabs = document.getElementById("tabs"), where = document.getElementById("where");
  let sheet = null, current = 0, selected = [0, 0];

  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const letters = (number) => {
    let text = "";
    for (; number > 0; number = Math.floor((number - 1) / 26)) text = String.fromCharCode(65 + ((number - 1) % 26)) + text;
    return text;
  };

  // ---- what a cell holds. A cell is [column, text, is a number, formula's number or -1].
  const prepare = (raw) => {
    const lefts = [SIDE];
    for (const width of raw.widths) lefts.push(lefts[lefts.length - 1] + width);
    const cells = raw.cells.map((rows) => rows.map((row) => new Map(row.map((cell) => [cell[0], cell]))));
    const changes = new Map(raw.changes.map((change) => [change[0] * 16384 + change[1], change]));
    return { ...raw, lefts, cells, changeAt: changes, order: raw.changes };
  };
  const cellAt = (side, row, column) => sheet.cells[side][row] && sheet.cells[side][row].get(column);
  const changeAt = (row, column) => sheet.changeAt.get(row * 16384 + column);
  // a changed number is told to as many digits as it takes; a cell shows those of its format
  const valueOf = (cell, change, side) => (change && cell && cell[2] ? change[6 + side] : cell ? cell[1] : "");
  const formulaOf = (cell) => (cell && cell[3] >= 0 ? "=" + data.formulas[cell[3]] : "");
  const address = (side, row, column) => {
    const line = sheet.rows[row][side], place = sheet.columns[column][side];
    return line && place ? letters(place) + line : "";
  };
  const strength = (size) => Math.max(0.12, Math.min(0.65, 0.65 * (1 + Math.log10(Math.max(size, 1e-12)) / 4)));

  const paint = (element, side, row, column) => {
    const change = changeAt(row, column);
    if (!sheet.rows[row][side] || !sheet.columns[column][side]) element.classList.add("absent");
    if (!change) return;
    const [, , what, size, direction] = change;
    if (what === "added" || what === "removed" || what === "moved") {
      element.classList.add(what);
    } else {
      if (what === "formula" || size === null) element.classList.add("formula");
      if (size !== null && direction !== 0) {
        element.classList.add("sized");
        element.style.backgroundColor = `rgba(var(--${direction > 0 ? "up" : "down"}), ${strength(size).toFixed(3)})`;
      }
    }
  };

  // ---- drawing what is in view
  const first = (array, value) => {
    let low = 0, high = array.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (array[middle] <= value) low = middle; else high = middle - 1;
    }
    return low;
  };

  const draw = (side) => {
    const grid = grids[side], space = spaces[side];
    const top = grid.scrollTop, left = grid.scrollLeft;
    const startRow = Math.max(0, Math.floor(top / ROW) - 2);
    const endRow = Math.min(sheet.rows.length, Math.ceil((top + grid.clientHeight) / ROW) + 2);
    const startColumn = first(sheet.lefts, left + SIDE);
    let endColumn = startColumn;
    while (endColumn < sheet.columns.length && sheet.lefts[endColumn] < left + grid.clientWidth) endColumn++;
    const found = document.createDocumentFragment();
    const put = (className, x, y, width, text) => {
      const element = make("div", className, text);
      element.style.left = x + "px"; element.style.top = y + "px"; element.style.width = width + "px";
      found.append(element);
      return element;
    };
    for (let row = startRow; row < endRow; row++) {
      for (let column = startColumn; column < endColumn; column++) {
        const cell = cellAt(side, row, column);
        const element = put("cell" + (cell && cell[2] ? " n" : ""), sheet.lefts[column], HEAD + row * ROW, sheet.widths[column], cell ? cell[1] : "");
        element.setAttribute("role", "gridcell");
        element.dataset.row = row; element.dataset.column = column;
        paint(element, side, row, column);
        if (row === selected[0] && column === selected[1]) {
          element.classList.add("selected");
          element.setAttribute("aria-selected", "true");
          element.id = "selected" + side;
        }
      }
      const line = sheet.rows[row][side];
      put("head" + (line ? "" : " absent"), left, HEAD + row * ROW, SIDE, line || "");
    }
    for (let column = startColumn; column < endColumn; column++) {
      const place = sheet.columns[column][side];
      put("head column" + (place ? "" : " absent"), sheet.lefts[column], top, sheet.widths[column], place ? letters(place) : "");
    }
    put("head corner", left, top, SIDE, "");
    space.replaceChildren(found);
    if (document.getElementById("selected" + side)) grid.setAttribute("aria-activedescendant", "selected" + side);
    else grid.removeAttribute("aria-activedescendant");
  };

  let waiting = false;
  const drawSoon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(0); draw(1); });
  };
  grids.forEach((grid, side) => grid.addEventListener("scroll", () => {
    const other = grids[1 - side];
    if (other.scrollTop !== grid.scrollTop) other.scrollTop = grid.scrollTop;
    if (other.scrollLeft !== grid.scrollLeft) other.scrollLeft = grid.scrollLeft;
    drawSoon();
  }));
  window.addEventListener("resize", drawSoon);

  // ---- the selected cell
  const describe = () => {
    const [row, column] = selected;
    detail.replaceChildren();
    const change = changeAt(row, column), sides = [0, 1].map((side) => cellAt(side, row, column));
    const list = make("dl");
    const line = (name, values) => {
      list.append(make("dt", "", name));
      values.forEach((value) => list.append(make("dd", values.length === 1 ? "wide" : "", value)));
    };
    line("", ["Before", "After"]);
    line("cell", [0, 1].map((side) => address(side, row, column) || "—"));
    line("value", sides.map((cell, side) => valueOf(cell, change, side)));
    if (sides.some((cell) => formulaOf(cell))) line("formula", sides.map(formulaOf));
    if (change) line("change", [data.kinds[change[2]] + (change[5] ? ": " + change[5] : "")]);
    detail.append(list);
    const position = sheet.order.findIndex((each) => each[0] === row && each[1] === column);
    where.textContent = sheet.order.length ? (position >= 0 ? `change ${position + 1} of ${sheet.order.length}` : `${sheet.order.length} changes`) : "no changes on this sheet";
  };

  const select = (row, column, centred) => {
    row = Math.max(0, Math.min(sheet.rows.length - 1, row));
    column = Math.max(0, Math.min(sheet.columns.length - 1, column));
    selected = [row, column];
    const grid = grids[0], y = row * ROW, x = sheet.lefts[column], right = x + sheet.widths[column];
    let top = grid.scrollTop, left = grid.scrollLeft;
    const outside = y < top || y + ROW + HEAD > top + grid.clientHeight || x < left + SIDE || right > left + grid.clientWidth;
    if (centred && outside) {
      top = Math.max(0, y - grid.clientHeight / 2);
      left = Math.max(0, (x + right - SIDE - grid.clientWidth) / 2);
    }
    if (y < top) top = y;
    if (y + ROW + HEAD > top + grid.clientHeight) top = y + ROW + HEAD - grid.clientHeight;
    if (x < left + SIDE) left = x - SIDE;
    if (right > left + grid.clientWidth) left = Math.min(x - SIDE, right - grid.clientWidth);
    for (const each of grids) { each.scrollTop = top; each.scrollLeft = left; }
    describe();
    draw(0); draw(1);
  };

  const toChange = (step) => {
    const order = sheet.order;
    if (!order.length) return;
    const [row, column] = selected;
    let position = order.findIndex((each) => each[0] > row || (each[0] === row && each[1] >= column));
    if (position < 0) position = order.length;
    const here = position < order.length && order[position][0] === row && order[position][1] === column;
    position = step > 0 ? position + (here ? 1 : 0) : position - 1;
    const change = order[(position + order.length) % order.length];
    select(change[0], change[1], true);
  };
  document.getElementById("next").addEventListener("click", () => toChange(1));
  document.getElementById("former").addEventListener("click", () => toChange(-1));

  grids.forEach((grid) => {
    grid.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (cell) select(+cell.dataset.row, +cell.dataset.column);
    });
    grid.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const [row, column] = selected, page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
      const moves = {
        ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
        PageDown: [row + page, column], PageUp: [row - page, column], Home: [row, 0], End: [row, sheet.columns.length - 1],
      };
      if (moves[event.key]) select(...moves[event.key]);
      else if (event.key === "n") toChange(1);
      else if (event.key === "p") toChange(-1);
      else return;
      event.preventDefault();
    });
    grid.addEventListener("mousemove", (event) => {
      const cell = event.target.closest(".cell");
      if (!cell) { tip.hidden = true; return; }
      const row = +cell.dataset.row, column = +cell.dataset.column;
      const change = changeAt(row, column);
      const lines = [0, 1].map((side) => {
        const held = cellAt(side, row, column), formula = formulaOf(held);
        return held ? `${side ? "after" : "before"} ${address(side, row, column)}: ${valueOf(held, change, side)}${formula ? "\n" + formula : ""}` : "";
      }).filter(Boolean);
      if (change) lines.push(data.kinds[change[2]] + (change[5] ? ": " + change[5] : ""));
      tip.textContent = lines.join("\n");
      tip.hidden = !lines.length;
      tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
      tip.style.top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8) + "px";
    });
    grid.addEventListener("mouseleave", () => { tip.hidden = true; });
  });

  // ---- sheets
  const show = (index) => {
    current = index;
    sheet = data.sheets[index].prepared || (data.sheets[index].prepared = prepare(data.sheets[index]));
    [...tabs.children].forEach((tab, position) => {
      tab.setAttribute("aria-selected", position === index);
      tab.tabIndex = position === index ? 0 : -1;
    });
    [0, 1].forEach((side) => {
      document.getElementById("title" + side).textContent = sheet.titles[side];
      spaces[side].style.width = sheet.lefts[sheet.lefts.length - 1] + "px";
      spaces[side].style.height = HEAD + sheet.rows.length * ROW + "px";
      grids[side].scrollTop = grids[side].scrollLeft = 0;
      grids[side].setAttribute("aria-rowcount", sheet.rows.length);
      grids[side].setAttribute("aria-colcount", sheet.columns.length);
    });
    const change = sheet.order[0];
    select(change ? change[0] : 0, change ? change[1] : 0, true);
  };
  data.sheets.forEach((each, index) => {
    const tab = make("button", "", each.name);
    tab.setAttribute("role", "tab");
    if (each.badge) tab.append(make("span", "count", each.badge));
    tab.addEventListener("click", () => show(index));
    tabs.append(tab);
  });
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    show((current + step + data.sheets.length) % data.sheets.length);
    tabs.children[current].focus();
  });

  const body = document.querySelector("#largest tbody");
  const kinds = Object.keys(data.kinds);
  const keys = [(each) => each[0] * 1e13 + each[1] * 16384 + each[2], (each) => kinds.indexOf(each[4]), null, null, (each) => -each[8]];
  document.querySelectorAll("#largest th").forEach((heading, place, all) => {
    if (!keys[place]) return;
    heading.firstElementChild.addEventListener("click", () => {
      const backwards = heading.getAttribute("aria-sort") === (place === 4 ? "descending" : "ascending");
      all.forEach((each) => { if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", "none"); });
      heading.setAttribute("aria-sort", backwards === (place === 4) ? "ascending" : "descending");
      const order = data.largest.map((each, index) => [keys[place](each), index]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      if (backwards) order.reverse();
      const lines = data.largest.map((_, index) => body.querySelector(`[data-index="${index}"]`));
      body.append(...order.map(([, index]) => lines[index]));
      document.getElementById("order").textContent = heading.textContent.toLowerCase() + (backwards ? ", backwards" : "");
    });
  });
  data.largest.forEach(([index, row, column, cell, what, before, after, change], position) => {
    const line = make("tr"), place = make("td"), jump = make("button", "", cell);
    jump.addEventListener("click", () => { show(index); select(row, column, true); grids[1].focus(); });
    place.append(jump);
    line.append(place, make("td", "", data.kinds[what]), make("td", "", before), make("td", "", after), make("td", "number", change));
    line.dataset.index = position;
    body.append(line);
  });
  const changed = data.sheets.findIndex((each) => each.changes.length);
  show(changed < 0 ? 0 : changed);
})();
