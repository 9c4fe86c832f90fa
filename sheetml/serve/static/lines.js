// Curves in SVG: one chart for the objective of the Solver, the losses of the optimizers, the charts of the file.
import { draw, figure, make } from "./dom.js";

export const ticks = (low, high, count = 5) => {
  if (!(high > low)) return [low];
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return found;
};

export const powers = (low, high) => { // ticks of a logarithmic axis
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), step = Math.max(1, Math.ceil((last - first) / 6));
  const found = [];
  for (let power = first; power <= last; power += step) if (10 ** power >= low * 0.999 && 10 ** power <= high * 1.001) found.push(10 ** power);
  if (found.length >= 2) return found;
  return ticks(low, high, 4).filter((each) => each > 0);
};

export const scale = (low, high, from, to, log = false) => {
  const turn = log ? Math.log10 : (value) => value;
  const a = turn(low), b = turn(high), span = b - a || 1;
  return (value) => from + ((turn(value) - a) / span) * (to - from);
};

const shortTick = (value) => {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(0).replace("e+", "e").replace("-", "−");
  return figure(value, 4);
};

// lines: [{ name, colour, points: [[x, y], ...], width }]; returns an SVG element.
export const lineChart = ({ lines, width, height, log = false, x = "", y = "", label, named = false, end = null }) => {
  const right = named ? 114 : 10;
  const box = { left: 44, top: 10, right: width - right, bottom: height - (x ? 34 : 22) };
  const points = lines.flatMap((each) => each.points).filter(([, value]) => Number.isFinite(value) && (!log || value > 0));
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  if (!points.length) return svg;
  let [lowX, highX] = [Infinity, -Infinity], [low, high] = [Infinity, -Infinity];
  for (const [a, b] of points) { lowX = Math.min(lowX, a); highX = Math.max(highX, a); low = Math.min(low, b); high = Math.max(high, b); }
  if (end !== null) highX = Math.max(highX, end);
  if (highX === lowX) highX = lowX + 1;
  if (high === low) { const pad = Math.abs(high) * 0.1 || 1; low -= log ? low * 0.5 : pad; high += pad; }
  else if (!log) { const pad = (high - low) * 0.05; if (low > 0 && low < high * 0.35) low = 0; else low -= pad; high += pad; }
  const toX = scale(lowX, highX, box.left, box.right), toY = scale(low, high, box.bottom, box.top, log);
  for (const tick of log ? powers(low, high) : ticks(low, high, 4)) {
    const at = toY(tick);
    svg.append(draw("line", { class: "rule", x1: box.left, x2: box.right, y1: at, y2: at }), draw("text", { class: "tick", x: box.left - 6, y: at + 4, "text-anchor": "end", text: shortTick(tick) }));
  }
  for (const tick of ticks(lowX, highX, width > 420 ? 6 : 4)) svg.append(draw("text", { class: "tick", x: toX(tick), y: box.bottom + 16, "text-anchor": "middle", text: shortTick(tick) }));
  svg.append(draw("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  if (x) svg.append(draw("text", { class: "tick", x: (box.left + box.right) / 2, y: height - 4, "text-anchor": "middle", text: x }));
  const labels = [];
  for (const each of lines) {
    let path = "", pen = false;
    for (const [a, b] of each.points) {
      if (!Number.isFinite(b) || (log && b <= 0)) { pen = false; continue; }
      path += `${pen ? "L" : "M"}${toX(a).toFixed(1)} ${toY(b).toFixed(1)}`;
      pen = true;
    }
    svg.append(draw("path", { class: "curve", d: path, stroke: each.colour, "stroke-width": each.width || 2, opacity: each.faint ? 0.25 : 1 }));
    const last = [...each.points].reverse().find(([, b]) => Number.isFinite(b) && (!log || b > 0));
    if (last) {
      svg.append(draw("circle", { cx: toX(last[0]), cy: toY(last[1]), r: 3, fill: each.colour, opacity: each.faint ? 0.25 : 1 }));
      if (named && !each.faint) labels.push({ at: toY(last[1]), name: each.name, colour: each.colour, x: box.right + 8 });
    }
  }
  spread(labels, 13, box.top + 4, box.bottom);
  for (const each of labels) svg.append(draw("text", { class: "name", x: each.x, y: each.at + 4, fill: each.colour, text: each.name }));
  return svg;
};

const spread = (labels, gap, top, bottom) => { // no name over another
  labels.sort((a, b) => a.at - b.at);
  for (let index = 1; index < labels.length; index++) labels[index].at = Math.max(labels[index].at, labels[index - 1].at + gap);
  const over = labels.length ? labels[labels.length - 1].at - bottom : 0;
  if (over > 0) {
    labels[labels.length - 1].at = bottom;
    for (let index = labels.length - 2; index >= 0; index--) labels[index].at = Math.min(labels[index].at, labels[index + 1].at - gap);
  }
  if (labels.length && labels[0].at < top) labels.forEach((each, index) => { each.at = Math.max(each.at, top + index * gap); });
};

export const thinned = (length, most) => { // the positions of at most so many of a list, the last among them
  const step = Math.max(1, Math.ceil(length / most)), found = [];
  for (let index = 0; index < length; index += step) found.push(index);
  if (length && found[found.length - 1] !== length - 1) found.push(length - 1);
  return found;
};

export const legend = (items) => make("p", { class: "legend" }, ...items.map(({ name, colour }) => make("span", {}, make("i", { css: `background:${colour}` }), name)));
