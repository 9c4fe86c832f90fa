// Elements made in one line. Texts are always set as text.
export const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  set(element, attributes);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

export const draw = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(element, attributes);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

const set = (element, attributes) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key === "class") element.setAttribute("class", value);
    else if (key === "css") element.style.cssText = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else if (key === "checked" || key === "disabled" || key === "hidden") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
};

export const letters = (number) => {
  let text = "";
  for (; number > 0; number = Math.floor((number - 1) / 26)) text = String.fromCharCode(65 + ((number - 1) % 26)) + text;
  return text;
};
export const cellName = (row, column) => letters(column) + row;
export const areaName = ([top, left, bottom, right]) =>
  top === bottom && left === right ? cellName(top, left) : `${cellName(top, left)}:${cellName(bottom, right)}`;

// A number in a few digits, for people.
export const figure = (number, digits = 6) => {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size >= 1e7 || size < 1e-4) return number.toExponential(Math.max(digits - 3, 1)).replace("e+", "e").replace("-", "−");
  const text = Number(number.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 10 });
  return text.replace("-", "−");
};

let toasts;
export const toast = (text, kind = "") => {
  toasts ??= document.getElementById("toasts");
  const element = make("p", { class: `toast ${kind}`, text });
  toasts.append(element);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  setTimeout(() => element.remove(), kind === "error" ? 9000 : 6000);
};
