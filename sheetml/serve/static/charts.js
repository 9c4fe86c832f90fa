// The file's charts, drawn from the values that their cells hold now.
import { draw, make, figure } from "./dom.js";
import { ticks, powers, scale } from "./lines.js";
import { fill, isDark, series as palette } from "./colours.js";

export const floats = (charts, layout, onPress) => [
  ...charts.map((chart) => ({ ...chart.anchor, chart, element: make("figure", { class: "file-chart", role: "img", "aria-label": describe(chart) }) })),
  ...layout.buttons.map((button) => ({ ...button.anchor, element: make("button", { class: "sheet-button", text: button.caption, title: `Run ${button.macro}`, onclick: () => onPress(button.macro) }) })),
];

export const paint = (item) => {
  const { width, height } = item.box;
  item.element.replaceChildren(picture(item.chart, Math.max(width - 2, 40), Math.max(height - 2, 40)));
};

const describe = (chart) => {
  const kinds = [...new Set(chart.plots.map((plot) => plot.kind))].join(" and ");
  const names = chart.plots.flatMap((plot) => plot.series.map((each) => each.name)).filter(Boolean);
  return `${chart.title ? `${chart.title.replace(/\n/g, " ")}, ` : ""}a ${kinds || "chart"} ${kinds ? "chart" : ""} of ${names.length ? names.join(", ") : "a series"}`;
};

const colourOf = (each, index, dark) => (each.colour ? readable(each.colour, dark) : palette(index, dark));
const readable = (hex, dark) => (dark ? lighten(hex) : hex);
const lighten = (hex) => { // a line on dark paper: as bright as it was dark
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)), bright = (0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2]) / 255;
  if (bright > 0.5) return hex;
  const share = Math.min(0.75, 0.65 - bright);
  return `#${parts.map((part) => Math.round(part + (255 - part) * share).toString(16).padStart(2, "0")).join("")}`;
};

const picture = (chart, width, height) => {
  const dark = isDark();
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  let top = 8;
  for (const line of chart.title ? chart.title.split("\n") : []) {
    top += 14;
    svg.append(draw("text", { class: "heading", x: width / 2, y: top, "text-anchor": "middle", text: line }));
    top += 4;
  }
  if (!chart.plots.length) {
    svg.append(draw("text", { class: "tick", x: width / 2, y: height / 2, "text-anchor": "middle", text: chart.unknown.length ? `a ${chart.unknown[0]} chart, which is not drawn here` : "an empty chart" }));
    return svg;
  }
  const all = chart.plots.flatMap((plot) => plot.series.map((each) => ({ ...each, plot })));
  all.forEach((each, index) => { each.paint = colourOf(each, index, dark); });
  let bottom = height - 8;
  const pie = chart.plots.find((plot) => plot.kind === "pie");
  const keys = pie ? pie.series[0].categories.map((name, index) => ({ name: name ?? index + 1, colour: palette(index, dark) })) : all.map((each, index) => ({ name: each.name || `Series ${index + 1}`, colour: each.paint }));
  if (chart.legend && keys.length) { key(svg, keys.slice(0, 12), width, bottom); bottom -= 20; }
  if (pie) slices(svg, pie, { left: 10, right: width - 10, top, bottom }, dark);
  else plots(svg, chart, all, { left: 10, right: width - 12, top: top + 4, bottom });
  return svg;
};

const key = (svg, items, width, y) => {
  const widths = items.map((item) => 24 + 6.4 * String(item.name).length), total = widths.reduce((a, b) => a + b, 0);
  let x = Math.max(8, (width - total) / 2);
  items.forEach((item, index) => {
    svg.append(draw("rect", { x, y: y - 9, width: 10, height: 10, rx: 2, fill: item.colour }), draw("text", { class: "tick", x: x + 14, y, text: item.name }));
    x += widths[index];
  });
};

const slices = (svg, plot, box, dark) => {
  const values = plot.series[0].values.map((value) => Math.max(value || 0, 0)), total = values.reduce((a, b) => a + b, 0);
  const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2, radius = Math.min(box.right - box.left, box.bottom - box.top) / 2 - 4, hole = radius * plot.hole;
  let angle = -Math.PI / 2;
  values.forEach((value, index) => {
    const turn = total ? (value / total) * 2 * Math.PI : 0, end = angle + Math.min(turn, 2 * Math.PI - 1e-4), large = turn > Math.PI ? 1 : 0;
    const at = (r, a) => `${(x + r * Math.cos(a)).toFixed(2)} ${(y + r * Math.sin(a)).toFixed(2)}`;
    if (turn > 0) svg.append(draw("path", { d: `M${at(radius, angle)}A${radius} ${radius} 0 ${large} 1 ${at(radius, end)}L${hole ? `${at(hole, end)}A${hole} ${hole} 0 ${large} 0 ${at(hole, angle)}` : `${x} ${y}`}Z`, fill: palette(index, dark), class: "slice" }));
    angle += turn;
  });
};

const number = (value) => (typeof value === "number" ? value : value === null || value === "" ? null : Number.isFinite(Number(value)) ? Number(value) : null);

const plots = (svg, chart, all, box) => {
  const flat = all.some((each) => each.plot.kind === "bar"), scatter = all.every((each) => each.plot.kind === "scatter");
  const stacks = (each) => ["stacked", "percentStacked"].includes(each.plot.grouping);
  const count = Math.max(1, ...all.map((each) => each.values.length));
  for (const plot of chart.plots) { // what lies beneath each value
    const sums = new Array(count).fill(0), totals = new Array(count).fill(0);
    const own = all.filter((each) => each.plot === plot);
    if (plot.grouping === "percentStacked") for (const each of own) each.values.forEach((value, index) => { totals[index] += Math.abs(value || 0); });
    for (const each of own) {
      const share = (value, index) => (plot.grouping === "percentStacked" && totals[index] ? (value / totals[index]) * 100 : value);
      each.from = each.values.map((value, index) => (stacks(each) ? sums[index] : 0));
      each.to = each.values.map((value, index) => (value === null ? null : stacks(each) ? (sums[index] += share(value, index)) : value));
    }
  }
  const bars = all.filter((each) => ["column", "bar"].includes(each.plot.kind)), based = all.some((each) => ["column", "bar", "area"].includes(each.plot.kind));
  const reach = (values, axis, zero) => {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) if (value !== null && Number.isFinite(value) && (!axis.log || value > 0)) { low = Math.min(low, value); high = Math.max(high, value); }
    if (low > high) [low, high] = axis.log ? [1, 10] : [0, 1];
    if (!axis.log && (zero || (low > 0 && low < high * 0.84))) low = Math.min(low, 0);
    if (zero && high < 0) high = 0;
    if (low === high) high = low + (Math.abs(low) || 1);
    if (!axis.log) {
      const marks = ticks(low, high, 5), step = marks.length > 1 ? marks[1] - marks[0] : high - low;
      high = Math.ceil(high / step - 1e-9) * step; low = Math.floor(low / step + 1e-9) * step;
    }
    return [axis.low ?? low, axis.high ?? high];
  };
  const [low, high] = reach(all.flatMap((each) => [...each.to, ...(stacks(each) ? each.from : [])]), chart.up, based);
  const marks = chart.up.log ? powers(low, high) : ticks(low, high, Math.max(2, Math.floor((box.bottom - box.top) / 34)));
  const labels = marks.map((mark) => figure(mark, 4)), wide = Math.max(...labels.map((text) => text.length)) * 6.4 + 8;
  const names = (all.find((each) => each.categories.length) || { categories: [] }).categories;
  const label = (index) => (names[index] === undefined || names[index] === null ? String(index + 1) : String(names[index]));
  if (flat) {
    const longest = Math.min(120, Math.max(...Array.from({ length: count }, (_, index) => label(index).length)) * 6.4 + 8);
    const area = { left: box.left + longest, right: box.right - 8, top: box.top, bottom: box.bottom - 18 };
    const toX = scale(low, high, area.left, area.right, chart.up.log), band = (area.bottom - area.top) / count;
    for (const [index, mark] of marks.entries()) svg.append(draw("line", { class: "rule", x1: toX(mark), x2: toX(mark), y1: area.top, y2: area.bottom }), draw("text", { class: "tick", x: toX(mark), y: area.bottom + 14, "text-anchor": "middle", text: labels[index] }));
    rects(bars, band, (index, offset, thick, a, b, colour) => svg.append(draw("rect", { x: Math.min(toX(a), toX(b)), y: area.bottom - (index + 1) * band + offset, width: Math.abs(toX(b) - toX(a)), height: thick, fill: colour })), low);
    const every = Math.ceil(count / Math.max(1, Math.floor((area.bottom - area.top) / 14)));
    for (let index = 0; index < count; index += every) svg.append(draw("text", { class: "tick", x: area.left - 6, y: area.bottom - (index + 0.5) * band + 4, "text-anchor": "end", text: short(label(index), 18) }));
    return;
  }
  const area = { left: box.left + wide + (chart.up.title ? 14 : 0), right: box.right, top: box.top, bottom: box.bottom - 18 - (chart.across.title ? 15 : 0) };
  const toY = scale(low, high, area.bottom, area.top, chart.up.log);
  marks.forEach((mark, index) => { if (mark >= low && mark <= high) svg.append(draw("line", { class: "rule", x1: area.left, x2: area.right, y1: toY(mark), y2: toY(mark) }), draw("text", { class: "tick", x: area.left - 6, y: toY(mark) + 4, "text-anchor": "end", text: labels[index] })); });
  let toX, band = (area.right - area.left) / count;
  if (scatter) {
    for (const each of all) each.x = each.categories.length ? each.categories.map(number) : each.values.map((_, index) => index + 1);
    const [left, right] = reach(all.flatMap((each) => each.x), chart.across, false);
    toX = scale(left, right, area.left, area.right, chart.across.log);
    for (const mark of chart.across.log ? powers(left, right) : ticks(left, right, Math.max(2, Math.floor((area.right - area.left) / 70)))) svg.append(draw("text", { class: "tick", x: toX(mark), y: area.bottom + 14, "text-anchor": "middle", text: figure(mark, 4) }));
  } else {
    const between = based || count < 3 || bars.length > 0;
    toX = between ? (index) => area.left + (index + 0.5) * band : (index) => area.left + (index / Math.max(count - 1, 1)) * (area.right - area.left);
    const longest = Math.max(...Array.from({ length: count }, (_, index) => short(label(index), 14).length)) * 6.4 + 10;
    const every = Math.max(1, Math.ceil(longest / ((area.right - area.left) / count))), round = every > 1 ? [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000].find((each) => each >= every) || every : 1;
    for (let index = 0; index < count; index += round) svg.append(draw("text", { class: "tick", x: toX(index), y: area.bottom + 14, "text-anchor": "middle", text: short(label(index), 14) }));
  }
  if (chart.across.title) svg.append(draw("text", { class: "tick", x: (area.left + area.right) / 2, y: box.bottom, "text-anchor": "middle", text: chart.across.title }));
  if (chart.up.title) { const y = (area.top + area.bottom) / 2; svg.append(draw("text", { class: "tick", x: box.left + 6, y, transform: `rotate(-90 ${box.left + 6} ${y})`, "text-anchor": "middle", text: chart.up.title })); }
  const ground = toY(Math.min(Math.max(chart.up.log ? low : 0, low), high));
  svg.append(draw("line", { class: "axis", x1: area.left, x2: area.right, y1: ground, y2: ground }));
  rects(bars, band, (index, offset, thick, a, b, colour) => svg.append(draw("rect", { x: area.left + index * band + offset, y: Math.min(toY(a), toY(b)), width: thick, height: Math.abs(toY(b) - toY(a)), fill: colour })), low);
  for (const each of all.filter((one) => ["line", "area", "scatter"].includes(one.plot.kind))) {
    const points = each.to.map((value, index) => [scatter ? each.x[index] : index, value, index]).filter(([x, y]) => x !== null && y !== null && (!chart.up.log || y > 0));
    const runs = [];
    points.forEach((point, index) => { if (!index || (!scatter && point[2] !== points[index - 1][2] + 1)) runs.push([]); runs[runs.length - 1].push(point); });
    const at = ([x, y]) => `${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
    for (const run of runs) {
      if (each.plot.kind === "area") svg.append(draw("path", { d: `M${run.map(at).join("L")}L${[...run].reverse().map(([x, , index]) => `${toX(x).toFixed(1)} ${toY(Math.max(each.from[index], low)).toFixed(1)}`).join("L")}Z`, fill: each.paint, opacity: 0.75 }));
      else if (each.line) svg.append(draw("path", { class: "curve", d: `M${run.map(at).join("L")}`, stroke: each.paint, "stroke-width": 2 }));
    }
    if ((each.markers || !each.line) && points.length <= 600) for (const point of points) svg.append(draw("circle", { cx: toX(point[0]), cy: toY(point[1]), r: 3, fill: each.paint }));
  }
};

const rects = (bars, band, put, low) => { // bars of one place side by side, or on top of each other
  const groups = [];
  for (const each of bars) {
    const stacked = ["stacked", "percentStacked"].includes(each.plot.grouping);
    const home = stacked && groups.find((group) => group[0].plot === each.plot);
    home ? home.push(each) : groups.push([each]);
  }
  const room = band * 0.72, thick = Math.max(room / Math.max(groups.length, 1), 0.6);
  groups.forEach((group, place) => { for (const each of group) each.to.forEach((value, index) => { if (value !== null) put(index, (band - room) / 2 + place * thick, Math.max(thick - (groups.length > 1 ? 1 : 0), 0.6), Math.max(each.from[index], low), Math.max(value, low), each.paint); }); });
};

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
export const chartFill = fill;
