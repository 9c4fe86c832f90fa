// What is said of the selected cell.
import { make, areaName } from "./dom.js";

export class CellTool {
  constructor(page) {
    this.page = page;
    this.title = "Cell";
    this.element = make("div", { class: "about" });
  }

  cell(found) {
    const { page } = this;
    const line = (name, ...content) => (content.some((each) => each) ? [make("dt", { text: name }), make("dd", {}, ...content)] : []);
    const note = page.grid.noteOf(found.row, found.column), mark = page.grid.markOf(found.row, found.column);
    const places = found.reads.slice(0, 12).map(([sheet, ...area]) => this.place(sheet, area));
    this.element.replaceChildren(
      make("h3", { text: `${page.book.sheets[found.sheet].name}!${found.address}` }, found.label ? make("small", { text: found.label }) : null),
      make("dl", { class: "facts" },
        ...line("Value", make("output", { class: "figure", text: found.value || "blank" })),
        ...line("Formula", found.formula ? make("code", { text: found.formula }) : null),
        ...line("In words", found.formula ? make("span", { text: found.words }) : null),
        ...line("Not computed", found.problem ? make("span", { class: "problem", text: found.problem }) : null),
        ...line("Reads", found.reads.length ? make("span", { class: "chips" }, ...places, found.reads.length > 12 ? ` and ${found.reads.length - 12} more areas` : null) : null),
        ...line("Read by", found.readers.length ? make("span", { class: "chips" }, ...found.readers.map((text) => this.named(text))) : null),
        ...line("Format", found.format !== "General" ? make("code", { text: found.format }) : null),
        ...line("Note", note ? make("span", { class: "kept", text: note }) : null),
        ...(mark ? mark.texts.flatMap((text) => line("Mark", make("span", { class: "kept", text }))) : []),
      ),
    );
  }

  place(sheet, area) {
    const { page } = this;
    const name = areaName(area), home = sheet === page.sheet ? name : `${page.book.sheets[sheet].name}!${name}`;
    return make("button", { class: "chip", text: home, onclick: () => page.goTo(sheet, area) });
  }

  named(text) {
    const { page } = this, first = text.split(" and ")[0].split(", ")[0];
    return make("button", { class: "chip", text, onclick: async () => {
      const found = await page.tell("find", { sheet: page.sheet, text: first });
      if (found) page.goTo(found.sheet, found.area);
    } });
  }
}
