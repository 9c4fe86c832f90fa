// The file's colours on this page: as they are on light paper, turned round in lightness on dark paper.
const toLinear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const fromLinear = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

const parse = (hex) => [1, 3, 5].map((i) => toLinear(parseInt(hex.slice(i, i + 2), 16) / 255));
const text = (rgb) => "#" + rgb.map((c) => Math.round(255 * Math.min(1, Math.max(0, fromLinear(c)))).toString(16).padStart(2, "0")).join("");

// Björn Ottosson's Oklab: lightness, and two axes of colour.
const toLab = ([r, g, b]) => {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
  ];
};
const fromLab = ([L, a, b]) => {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.2914855480 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
};

const PAPER = 0.205; // lightness of the dark paper
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

const known = new Map();
const remembered = (key, compute) => {
  if (!known.has(key)) { if (known.size > 20000) known.clear(); known.set(key, compute()); }
  return known.get(key);
};

export const fill = (hex, dark) => (dark ? remembered("f" + hex, () => {
  const [L, a, b] = toLab(parse(hex));
  return text(fromLab([PAPER + (1 - L) * 0.95 * (1 - PAPER), a * 1.05, b * 1.05]));
}) : hex);

// A text colour that can be read on a background: the one asked for where it can, else lighter or darker.
export const ink = (hex, background, dark) => remembered(`i${hex}${background}${dark}`, () => {
  const paper = background ? fill(background, dark) : dark ? "#14181d" : "#ffffff";
  const ground = luminance(parse(paper));
  const usual = ground > 0.32 ? "#1a222b" : "#eef1f4";
  if (!hex || hex === "#000000") return background ? usual : "";
  let [L, a, b] = toLab(parse(hex));
  if (dark && !background) L = 1 - L * 0.6;
  for (let step = 0; step < 24 && contrast(luminance(fromLab([L, a, b]).map((c) => Math.max(c, 0))), ground) < 4.5; step++) {
    L = ground > 0.32 ? L - 0.04 : L + 0.04;
  }
  return text(fromLab([Math.min(Math.max(L, 0), 1), a, b]));
});

export const line = (hex, dark) => (hex && !(hex === "#000000") ? (dark ? fill(hex, true) : hex) : dark ? "#8f9aa6" : "#4a5560");

export const PALETTE = {
  light: ["#0b6e69", "#c2570c", "#4059ad", "#a3195b", "#4d7c0f", "#7e3ac8", "#0369a1", "#b7791f", "#be123c", "#115e59", "#6d28d9", "#854d0e", "#1d4ed8", "#9d174d", "#3f6212"],
  dark: ["#5eead4", "#fb923c", "#93b4ff", "#f472b6", "#a3e635", "#c9a5ff", "#5cc8f7", "#facc6b", "#fb7185", "#2dd4bf", "#a78bfa", "#eab308", "#60a5fa", "#f9a8d4", "#bef264"],
};
export const series = (index, dark) => PALETTE[dark ? "dark" : "light"][index % 15];
