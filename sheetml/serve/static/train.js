// Training loops: run and reset one, or all side by side; who gets there first; the way over the loss.
import { make, draw, figure } from "./dom.js";
import { lineChart, thinned, scale, ticks } from "./lines.js";
import { isDark, series } from "./colours.js";

export class TrainTool {
  constructor(page) {
    this.page = page;
    this.title = "Training";
    this.element = make("div", { class: "train" });
    this.loops = [];
    this.tracks = new Map();
    this.surfaces = new Map();
    this.off = new Set();
    this.build();
  }

  begin() { this.find(); } // the sheet need not wait for it

  async find() {
    const { loops } = await this.page.ask("loops");
    this.loops = loops;
    document.getElementById("tool-train").hidden = loops.length === 0;
    await this.pull();
    this.showHere();
    this.list();
  }

  build() {
    this.epochs = make("select", { id: "train-epochs", "aria-label": "Epochs" }, ...[1, 5, 20, 100, 500, 2000].map((count) => make("option", { value: count, text: `${count.toLocaleString("en-US")} epoch${count > 1 ? "s" : ""}` })));
    this.epochs.value = "100";
    this.runButton = make("button", { class: "primary", id: "train-run", text: "Run", onclick: () => this.run([this.sheetName], false) });
    this.resetButton = make("button", { id: "train-reset", text: "Reset", onclick: () => this.page.tell("train", { sheets: [this.sheetName], epochs: 0, reset: true }) });
    this.raceButton = make("button", { class: "primary", id: "train-race", text: "Race all from the start", onclick: () => this.run(this.loops.map((loop) => loop.sheet).filter((sheet) => !this.off.has(sheet)), true) });
    this.stopButton = make("button", { class: "primary stop", id: "train-stop", text: "Stop", hidden: true, onclick: () => this.page.tell("stop") });
    this.watch = make("input", { type: "checkbox", id: "train-watch", checked: true });
    this.here = make("h3");
    this.progress = make("p", { class: "dim", "aria-live": "polite" });
    this.curve = make("div", { class: "curve-box" });
    this.path = make("div", { class: "path-box" });
    this.table = make("table", { class: "loops" });
    this.measure = "loss";
    this.choice = make("div", { class: "row-of", role: "radiogroup", "aria-label": "What the chart shows" }, ...[["loss", "Loss"], ["const", "Intercept"], ["slope", "Slope"]].map(([value, text]) => {
      const input = make("input", { type: "radio", name: "measure", value, id: `measure-${value}`, checked: value === "loss", onchange: () => { this.measure = value; this.draw(); } });
      return make("label", { for: input.id }, input, make("span", { text }));
    }));
    this.own = make("div", { class: "buttons" }, this.runButton, this.resetButton);
    this.element.append(this.here, this.own, make("div", { class: "buttons" }, this.raceButton, this.stopButton, this.epochs),
      make("label", { class: "tick-box", for: "train-watch" }, this.watch, make("span", { text: "Slow enough to watch" })),
      this.progress, this.choice, this.curve, make("h4", { text: "The way over the loss" }), this.path, this.table);
  }

  get sheetName() { return this.page.book.sheets[this.page.sheet].name; }
  run(sheets, reset) { this.page.tell("train", { sheets, epochs: +this.epochs.value, reset, watch: this.watch.checked }); }
  sheet() { this.showHere(); if (this.element.isConnected) this.draw(); }
  shown() { this.showHere(); this.list(); this.draw(); }
  repaint() { this.list(); this.draw(); }

  showHere() {
    this.raceButton.hidden = Boolean(this.page.state.job?.running) || this.loops.length < 2;
    const loop = this.loops.find((each) => each.sheet === this.sheetName);
    this.own.hidden = !loop;
    this.here.replaceChildren(loop ? loop.kind : "No training loop on this sheet", ...(loop ? [make("small", { text: `${loop.sheet}${loop.rate ? `, learning rate ${figure(loop.rate, 3)}` : ""}${loop.macros.length ? ", by the workbook’s own macros" : ""}` })] : []));
  }

  async state(state) {
    const job = ["train", "race"].includes(state.job?.kind) ? state.job : null, busy = Boolean(state.job?.running);
    this.runButton.disabled = this.resetButton.disabled = this.raceButton.disabled = busy;
    this.raceButton.hidden = Boolean(job?.running) || this.loops.length < 2;
    this.stopButton.hidden = !job?.running;
    if (!job) return;
    this.progress.textContent = job.failed ? job.message : job.running ? `Epoch ${job.epochs.toLocaleString("en-US")} of ${job.of.toLocaleString("en-US")}` : job.message;
    this.progress.classList.toggle("problem", job.failed);
    await this.pull();
    if (!job.running) this.list();
  }

  async pull() { // only what is not known yet
    if (this.pulling) { this.again = true; return; }
    this.pulling = true;
    do {
      this.again = false;
      const known = Object.fromEntries([...this.tracks].map(([sheet, track]) => [sheet, [track.generation, track.loss.length]]));
      const found = await this.page.ask("tracks", { known }).catch(() => ({ tracks: [] }));
      for (const news of found.tracks) {
        let track = this.tracks.get(news.sheet);
        if (!track || news.from === 0) this.tracks.set(news.sheet, (track = { generation: news.generation, const: [], slope: [], loss: [] }));
        for (const part of ["const", "slope", "loss"]) track[part].push(...news[part]);
      }
      if (found.tracks.length) { this.draw(); this.figures(); }
    } while (this.again);
    this.pulling = false;
  }

  colour(sheet) { return series(this.loops.findIndex((loop) => loop.sheet === sheet), isDark()); }

  list() {
    const rows = this.loops.map((loop) => {
      const box = make("input", { type: "checkbox", checked: !this.off.has(loop.sheet), "aria-label": `Show ${loop.sheet}`, onchange: () => { box.checked ? this.off.delete(loop.sheet) : this.off.add(loop.sheet); this.draw(); } });
      return make("tr", { "data-loop": loop.sheet }, make("td", {}, box), make("td", {}, make("i", { class: "dot", css: `background:${this.colour(loop.sheet)}` }), make("button", { class: "quiet", text: loop.sheet, title: loop.kind, onclick: () => this.page.showSheet(this.page.book.sheets.findIndex((sheet) => sheet.name === loop.sheet)) })),
        make("td", { class: "number" }), make("td", { class: "number" }), make("td", { class: "number" }));
    });
    this.table.replaceChildren(make("caption", { class: "unseen", text: "Where each optimizer stands" }), make("thead", {}, make("tr", {}, ...["", "Optimizer", "Intercept", "Slope", "Loss"].map((text, index) => make("th", { scope: "col", class: index > 1 ? "number" : "" }, text || make("span", { class: "unseen", text: "Shown" }))))), make("tbody", {}, ...rows));
    this.figures();
  }

  figures() {
    for (const row of this.table.querySelectorAll("[data-loop]")) {
      const track = this.tracks.get(row.dataset.loop), loop = this.loops.find((each) => each.sheet === row.dataset.loop);
      const last = (part) => (track ? track[part][track[part].length - 1] : loop[part]);
      ["const", "slope", "loss"].forEach((part, index) => { row.children[index + 2].textContent = figure(last(part), 4); });
    }
  }

  // ---- pictures

  draw() {
    if (!this.element.isConnected || this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => { this.drawing = false; this.drawCurve(); this.drawPath(); });
  }

  get shownTracks() { return [...this.tracks].filter(([sheet, track]) => !this.off.has(sheet) && track.loss.length > 1); }

  drawCurve() {
    const shown = this.shownTracks, width = Math.max(280, this.curve.clientWidth || 400);
    const lines = shown.map(([sheet, track]) => ({
      name: sheet, colour: this.colour(sheet), width: sheet === this.sheetName ? 3 : 1.75,
      points: thinned(track.loss.length, 260).map((epoch) => [epoch, track[this.measure][epoch]]),
    }));
    const what = { loss: "Loss", const: "Intercept", slope: "Slope" }[this.measure];
    this.curve.replaceChildren(lines.length
      ? lineChart({ lines, width, height: lines.length > 4 ? 290 : 210, log: this.measure === "loss", named: true, x: "epoch", label: `${what} by epoch of ${lines.length} optimizers` })
      : make("p", { class: "empty", text: "Run one, or race them all, and their losses are drawn here." }));
  }

  async drawPath() {
    const shown = this.shownTracks, width = Math.max(280, this.path.clientWidth || 400), height = Math.round(width * 0.72);
    if (!shown.length) { this.path.replaceChildren(make("p", { class: "empty", text: "Each epoch’s intercept and slope, over the loss that the sheet computes for them." })); return; }
    const all = (part) => shown.flatMap(([, track]) => track[part].filter((value) => Number.isFinite(value) && Math.abs(value) < 1e4));
    const range = (values, step) => {
      let low = Math.min(...thin(values)), high = Math.max(...thin(values));
      const pad = Math.max((high - low) * 0.12, step / 2);
      low = Math.floor((low - pad) / step) * step; high = Math.ceil((high + pad) / step) * step;
      return [low, high];
    };
    const [lowX, highX] = range(all("const"), 5), [lowY, highY] = range(all("slope"), 0.5);
    const loop = shown.some(([sheet]) => sheet === this.sheetName) ? this.sheetName : shown[0][0];
    const name = `${loop}|${lowX}|${highX}|${lowY}|${highY}`;
    if (!this.surfaces.has(name) && this.fetching !== name) {
      this.fetching = name;
      this.page.ask("surface", { loop, low: [lowX, lowY], high: [highX, highY] }).then(({ surface }) => { this.surfaces.set(name, surface); this.lastSurface = surface; this.draw(); }).catch(() => this.surfaces.set(name, {}));
    }
    const surface = this.surfaces.get(name);
    const dark = isDark(), box = { left: 40, top: 8, right: width - 10, bottom: height - 34 };
    const toX = scale(lowX, highX, box.left, box.right), toY = scale(lowY, highY, box.bottom, box.top);
    const svg = draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "The way of intercept and slope over the loss" });
    if (surface?.loss) this.contours(svg, surface, toX, toY, dark);
    for (const tick of ticks(lowX, highX, 5)) svg.append(draw("text", { class: "tick", x: toX(tick), y: box.bottom + 15, "text-anchor": "middle", text: figure(tick, 4) }));
    for (const tick of ticks(lowY, highY, 4)) svg.append(draw("text", { class: "tick", x: box.left - 6, y: toY(tick) + 4, "text-anchor": "end", text: figure(tick, 4) }));
    svg.append(draw("text", { class: "tick", x: (box.left + box.right) / 2, y: height - 4, "text-anchor": "middle", text: "intercept" }), draw("text", { class: "tick", x: 10, y: (box.top + box.bottom) / 2, transform: `rotate(-90 10 ${(box.top + box.bottom) / 2})`, "text-anchor": "middle", text: "slope" }));
    const clip = draw("clipPath", { id: "path-clip" }, draw("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }));
    const paths = draw("g", { "clip-path": "url(#path-clip)" });
    svg.append(clip, paths);
    for (const [sheet, track] of shown) {
      const colour = this.colour(sheet), points = thinned(track.const.length, 220).map((epoch) => [track.const[epoch], track.slope[epoch]]).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
      if (!points.length) continue;
      paths.append(draw("path", { class: "curve halo", d: points.map(([a, b], index) => `${index ? "L" : "M"}${toX(a).toFixed(1)} ${toY(b).toFixed(1)}`).join("") }),
        draw("path", { class: "curve", stroke: colour, "stroke-width": sheet === this.sheetName ? 3 : 2, d: points.map(([a, b], index) => `${index ? "L" : "M"}${toX(a).toFixed(1)} ${toY(b).toFixed(1)}`).join("") }));
      const [a, b] = points[points.length - 1];
      paths.append(draw("circle", { cx: toX(a), cy: toY(b), r: 4, fill: colour, class: "halo-ring" }));
    }
    this.path.replaceChildren(svg);
  }

  contours(svg, coarse, toX, toY, dark) {
    const { const: across, slope: down, loss } = finer(coarse, 3);
    const flat = loss.flat().filter((value) => value !== null && value > 0).map(Math.log);
    if (!flat.length) return;
    const low = Math.min(...flat), high = Math.max(...flat), bands = 12;
    const wide = Math.abs(toX(across[1]) - toX(across[0])), tall = Math.abs(toY(down[1]) - toY(down[0]));
    const cells = draw("g", { "shape-rendering": "crispEdges" });
    for (let row = 0; row < down.length; row++) {
      for (let start = 0; start < across.length; ) {
        const band = bandOf(loss[row][start]);
        let end = start + 1;
        while (end < across.length && bandOf(loss[row][end]) === band) end++;
        const left = Math.max(toX(across[start]) - wide / 2, 40);
        const right = Math.min(toX(across[end - 1]) + wide / 2, toX(across[across.length - 1]));
        const top = Math.max(toY(down[row]) - tall / 2, toY(down[down.length - 1])), bottom = Math.min(toY(down[row]) + tall / 2, toY(down[0]));
        cells.append(draw("rect", { x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0), fill: shade(band / (bands - 1)) }));
        start = end;
      }
    }
    svg.append(cells);
    function bandOf(value) { return value === null ? bands - 1 : value <= 0 ? 0 : Math.min(bands - 1, Math.floor(((Math.log(value) - low) / (high - low || 1)) * bands)); }
    function shade(share) { return dark ? `oklch(${(0.46 - 0.26 * share).toFixed(3)} ${(0.075 * (1 - share) + 0.01).toFixed(3)} 190)` : `oklch(${(0.8 + 0.175 * share).toFixed(3)} ${(0.07 * (1 - share)).toFixed(3)} 190)`; }
  }
}

const finer = ({ const: across, slope: down, loss }, times) => { // points between, in the logarithm of the loss
  const between = (axis) => Array.from({ length: (axis.length - 1) * times + 1 }, (_, index) => {
    const low = Math.min(Math.floor(index / times), axis.length - 2), share = index / times - low;
    return axis[low] + (axis[low + 1] - axis[low]) * share;
  });
  const logs = loss.map((row) => row.map((value) => (value === null ? null : Math.log(Math.max(value, 1e-300)))));
  const at = (row, column) => {
    const r = Math.min(Math.floor(row / times), down.length - 2), c = Math.min(Math.floor(column / times), across.length - 2);
    const corners = [logs[r][c], logs[r][c + 1], logs[r + 1][c], logs[r + 1][c + 1]];
    if (corners.includes(null)) return null;
    const y = row / times - r, x = column / times - c;
    return Math.exp(corners[0] * (1 - x) * (1 - y) + corners[1] * x * (1 - y) + corners[2] * (1 - x) * y + corners[3] * x * y);
  };
  const columns = between(across), rows = between(down);
  return { const: columns, slope: rows, loss: rows.map((_, row) => columns.map((__, column) => at(row, column))) };
};

const thin = (values) => (values.length > 5000 ? thinned(values.length, 5000).map((index) => values[index]) : values);
