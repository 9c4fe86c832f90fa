// The Solver: its dialog, the run as it goes, and what there is to look back on.
import { make, figure, toast } from "./dom.js";
import { lineChart } from "./lines.js";
import { isDark } from "./colours.js";

const ENGINES = [["grg", "GRG Nonlinear (smooth)"], ["lp", "Simplex LP (linear)"], ["evolutionary", "Evolutionary (anything)"], ["global", "Global (proves its answer)"]];
const REPORTS = ["answer", "sensitivity", "limits", "feasibility", "linearity"];
const blank = (sheet) => ({ sheet, objective: "", sense: "min", value: 0, by: "", constraints: [], engine: "grg", nonNegative: true, precision: 1e-6, convergence: 1e-4, maxTime: null, maxIterations: null, multistart: false, population: 100, seed: 0, ignoreIntegers: false, scaling: true });

export class SolveTool {
  constructor(page) {
    this.page = page;
    this.title = "Solver";
    this.element = make("div", { class: "solve" });
    this.models = new Map();
    this.drafts = new Map();
    this.build();
  }

  async begin() {
    const { models } = await this.page.ask("models");
    this.models = new Map(models.map((model) => [model.sheet, model]));
  }

  // ---- the dialog

  build() {
    const field = (name, label, attributes = {}) => {
      const input = make("input", { id: `solve-${name}`, spellcheck: "false", autocomplete: "off", onchange: () => this.read(), ...attributes });
      this[name] = input;
      return make("label", { class: "field", for: input.id }, make("span", { text: label }), input);
    };
    const tick = (name, label) => {
      const input = make("input", { type: "checkbox", id: `solve-${name}`, onchange: () => this.read() });
      this[name] = input;
      return make("label", { class: "tick-box", for: input.id }, input, make("span", { text: label }));
    };
    const number = (name, label) => field(name, label, { inputmode: "decimal", class: "short" });
    this.senses = ["min", "max", "value"].map((sense) => make("input", { type: "radio", name: "sense", value: sense, id: `sense-${sense}`, onchange: () => this.read() }));
    const radio = (index, label) => make("label", { for: this.senses[index].id }, this.senses[index], make("span", { text: label }));
    this.engine = make("select", { id: "solve-engine", onchange: () => this.read() }, ...ENGINES.map(([value, text]) => make("option", { value, text })));
    this.constraints = make("div", { class: "constraints" });
    this.solveButton = make("button", { class: "primary", id: "solve-start", text: "Solve", onclick: () => this.start() });
    this.stopButton = make("button", { class: "primary stop", id: "solve-stop", text: "Stop", hidden: true, onclick: () => this.page.tell("stop") });
    this.restoreButton = make("button", { id: "solve-restore", text: "Restore", title: "Bring the old values back", disabled: true, onclick: () => this.page.tell("restore").then(() => { this.restored = true; this.show(); }) });
    this.keepButton = make("button", { id: "solve-keep", text: "Keep model", title: "Store the model in the workbook, as Excel's dialog shows it", onclick: () => this.keep() });
    this.watch = make("input", { type: "checkbox", id: "solve-watch", checked: true });
    this.form = make("form", { onsubmit: (event) => { event.preventDefault(); this.start(); } },
      field("objective", "Objective"),
      make("div", { class: "row-of", role: "radiogroup", "aria-label": "Goal" }, radio(0, "Min"), radio(1, "Max"), radio(2, "Value of"), this.value = make("input", { class: "short", "aria-label": "Value to be reached", inputmode: "decimal", onchange: () => this.read() })),
      field("by", "By changing"),
      make("fieldset", {}, make("legend", { text: "Subject to" }), this.constraints, make("button", { type: "button", class: "quiet", text: "Add a constraint", onclick: () => this.addConstraint() })),
      tick("nonNegative", "Cells without a bound are at least 0"),
      make("label", { class: "field", for: "solve-engine" }, make("span", { text: "Method" }), this.engine),
      make("details", {}, make("summary", { text: "Options" }),
        make("div", { class: "options" }, number("precision", "Constraint precision"), number("convergence", "Convergence"), number("maxTime", "Seconds, at most"), number("maxIterations", "Iterations, at most"), number("population", "Starts, population"), number("seed", "Seed")),
        tick("multistart", "Several starts"), tick("ignoreIntegers", "Ignore whole-number constraints"), tick("scaling", "Automatic scaling")),
    );
    this.note = make("p", { class: "empty" });
    this.outcome = make("div", { class: "outcome", "aria-live": "polite" });
    this.curve = make("div", { class: "curve-box" });
    this.slider = make("input", { type: "range", id: "solve-frame", min: 0, max: 0, step: 1, "aria-label": "Replay: step of the run", oninput: () => this.frame() });
    this.frameText = make("span", { class: "dim" });
    this.replay = make("div", { class: "replay", hidden: true }, make("button", { type: "button", class: "round", "aria-label": "Replay the run", text: "▶", onclick: () => this.play() }), this.slider, this.frameText);
    this.reportChoice = make("div", { class: "chips", hidden: true }, ...REPORTS.map((kind) => make("button", { class: "chip", text: `${kind[0].toUpperCase()}${kind.slice(1)} report`, onclick: () => this.report(kind) })));
    this.element.append(
      make("div", { class: "buttons" }, this.solveButton, this.stopButton, this.restoreButton, make("span", { class: "space" }), this.keepButton),
      make("label", { class: "tick-box", for: "solve-watch" }, this.watch, make("span", { text: "Slow enough to watch" })),
      this.curve, this.replay, this.outcome, this.reportChoice, this.note, this.form,
    );
  }

  get draft() {
    const { sheet } = this.page;
    if (!this.drafts.has(sheet)) {
      const stored = this.models.get(sheet);
      this.drafts.set(sheet, stored && !stored.problem ? structuredClone(stored) : blank(sheet));
    }
    return this.drafts.get(sheet);
  }

  sheet() { this.show(); }
  shown() { this.show(); this.draw(); }
  repaint() { this.draw(); }

  show() {
    const model = this.draft, stored = this.models.get(this.page.sheet);
    this.note.textContent = stored?.problem ? stored.problem : stored ? "" : "No model is stored on this sheet. State one: a cell to be made small or large, and the cells to change.";
    this.note.hidden = !this.note.textContent;
    for (const name of ["objective", "by", "value", "precision", "convergence", "maxTime", "maxIterations", "population", "seed"]) this[name].value = model[name] ?? "";
    for (const name of ["nonNegative", "multistart", "ignoreIntegers", "scaling"]) this[name].checked = model[name];
    for (const each of this.senses) each.checked = each.value === model.sense;
    this.engine.value = model.engine;
    this.constraints.replaceChildren(...model.constraints.map((text, index) => this.constraint(text, index)));
  }

  constraint(text, index) {
    const input = make("input", { value: text, spellcheck: "false", "aria-label": `Constraint ${index + 1}`, placeholder: "B2:B4 <= C2:C4", onchange: () => this.read() });
    const remove = make("button", { type: "button", class: "icon", "aria-label": `Remove constraint ${index + 1}`, text: "×", onclick: () => { this.draft.constraints.splice(index, 1); this.show(); } });
    return make("div", { class: "one" }, input, remove);
  }

  addConstraint() {
    this.read();
    this.draft.constraints.push("");
    this.show();
    this.constraints.lastChild.querySelector("input").focus();
  }

  read() {
    const model = this.draft, number = (input, otherwise) => (input.value.trim() === "" ? otherwise : Number(input.value));
    model.sheet = this.page.sheet;
    model.objective = this.objective.value.trim();
    model.by = this.by.value.trim();
    model.sense = this.senses.find((each) => each.checked)?.value || "min";
    for (const [name, otherwise] of [["value", 0], ["precision", 1e-6], ["convergence", 1e-4], ["maxTime", null], ["maxIterations", null], ["population", 100], ["seed", 0]]) model[name] = number(this[name], otherwise);
    for (const name of ["nonNegative", "multistart", "ignoreIntegers", "scaling"]) model[name] = this[name].checked;
    model.engine = this.engine.value;
    model.constraints = [...this.constraints.querySelectorAll("input")].map((each) => each.value);
  }

  async start() {
    this.read();
    this.restored = false;
    await this.page.tell("solve", { model: this.draft, watch: this.watch.checked });
  }

  async keep() {
    this.read();
    if (await this.page.tell("keep model", { model: this.draft })) {
      toast("The model is the sheet's own now: the download holds it.");
      await this.begin();
    }
  }

  // ---- a run

  state(state) {
    const job = state.job?.kind === "solve" ? state.job : null, running = Boolean(job?.running);
    this.solveButton.hidden = running;
    this.solveButton.disabled = Boolean(state.job?.running);
    this.stopButton.hidden = !running;
    this.stopButton.textContent = job?.stopping ? "Stopping…" : "Stop";
    this.restoreButton.disabled = running || !job?.result || this.restored;
    for (const element of this.form.elements) element.disabled = running;
    if (job === null) return;
    const ended = this.running && !running;
    this.running = running;
    this.job = job;
    if (ended && job.result) { this.slider.max = job.frames - 1; this.slider.value = job.frames - 1; this.frameText.textContent = ""; }
    this.replay.hidden = running || !job.result || job.frames < 2;
    this.reportChoice.hidden = running || !job.result;
    this.tell(job);
    this.draw();
  }

  tell(job) {
    const { result } = job;
    const facts = (rows) => make("dl", { class: "pairs" }, ...rows.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]));
    if (job.failed) this.outcome.replaceChildren(make("p", { class: "problem", text: job.message }));
    else if (result) {
      this.outcome.replaceChildren(
        make("p", { class: result.success ? "done" : "stopped", text: job.message }),
        facts([[result.objective || "Objective", `${figure(result.before, 8)} → ${figure(result.after, 8)}`], ["Iterations", `${result.iterations.toLocaleString("en-US")}, ${result.evaluations.toLocaleString("en-US")} evaluations`],
          ["Time", `${figure(result.seconds, 3)} s`], ["Method", result.method], ...(result.gradient === null ? [] : [["Gradient norm", figure(result.gradient, 3)]]), ...(result.violation ? [["Constraints missed by", figure(result.violation, 3)]] : [])]));
    } else {
      this.outcome.replaceChildren(facts([["Objective", job.objective === null ? "…" : figure(job.objective, 8)], ["Iterations", job.iterations.toLocaleString("en-US")]]));
    }
  }

  draw() {
    const { job } = this;
    if (!job || !this.element.isConnected) return;
    const points = job.series;
    const positive = points.length > 3 && points.every(([, y]) => y > 0);
    const log = positive && points[0][1] / points[points.length - 1][1] > 50;
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    const width = Math.max(260, this.curve.clientWidth || 312);
    this.curve.replaceChildren(points.length > 1 ? lineChart({ lines: [{ name: "objective", colour, points }], width, height: 150, log, x: "iteration", label: `Objective by iteration, now ${figure(job.objective)}` }) : "");
    this.dark = isDark();
  }

  async frame() {
    const number = +this.slider.value;
    this.wanted = number;
    if (this.asking) return;
    this.asking = true;
    while (this.wanted !== null) {
      const asked = this.wanted;
      this.wanted = null;
      const found = await this.page.tell("frame", { number: asked });
      if (found) this.frameText.textContent = `iteration ${found.iteration}: ${figure(found.objective, 5)}`;
    }
    this.asking = false;
  }

  async play() {
    if (this.playing) { this.playing = false; return; }
    this.playing = true;
    const count = +this.slider.max + 1, started = performance.now(), seconds = Math.min(6, Math.max(1.5, count * 0.05));
    while (this.playing) {
      const share = Math.min(1, (performance.now() - started) / 1000 / seconds);
      this.slider.value = Math.round(share * (count - 1));
      await this.frame();
      if (share >= 1) break;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    this.playing = false;
  }

  async report(kind) {
    const found = await this.page.tell("report", { kind });
    if (!found) return;
    const table = ({ title, headings, rows }) => make("table", {}, make("caption", { text: title }), make("thead", {}, make("tr", {}, ...headings.map((text) => make("th", { scope: "col", text })))), make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((text) => make("td", { text, class: text !== "" && !Number.isNaN(Number(text)) ? "number" : "" }))))));
    const dialog = make("dialog", { class: "report", "aria-label": found.title, onclose: () => dialog.remove() },
      make("header", {}, make("h2", { text: found.title }), make("button", { class: "icon close", "aria-label": "Close", text: "×", onclick: () => dialog.close() })),
      make("div", { class: "report-body", tabindex: "0" }, ...found.lines.map((text) => make("p", { text })), ...found.tables.map(table)));
    document.body.append(dialog);
    dialog.showModal();
  }
}
