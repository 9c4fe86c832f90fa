"""Colours as files state them: by value, by the theme with a tint, or by the old palette's numbers."""

from __future__ import annotations

import colorsys

from lxml import etree

from sheetml.xlsx.package import Package

# What files mean by a number of the palette (ECMA-376 part 1, 18.8.27), where they state no palette of their own.
_PALETTE = """
    000000 FFFFFF FF0000 00FF00 0000FF FFFF00 FF00FF 00FFFF
    000000 FFFFFF FF0000 00FF00 0000FF FFFF00 FF00FF 00FFFF
    800000 008000 000080 808000 800080 008080 C0C0C0 808080
    9999FF 993366 FFFFCC CCFFFF 660066 FF8080 0066CC CCCCFF
    000080 FF00FF FFFF00 00FFFF 800080 800000 008080 0000FF
    00CCFF CCFFFF CCFFCC FFFF99 99CCFF FF99CC CC99FF FFCC99
    3366FF 33CCCC 99CC00 FFCC00 FF9900 FF6600 666699 969696
    003366 339966 003300 333300 993300 993366 333399 333333
""".split()  # noqa: SIM905
_SYSTEM = {64: "000000", 65: "FFFFFF"}  # text and window

# Office's own theme, by which files without one are shown, in the order in which cells number its colours.
_OFFICE = ("FFFFFF", "000000", "E7E6E6", "44546A", "5B9BD5", "ED7D31", "A5A5A5", "FFC000", "4472C4", "70AD47", "0563C1",
           "954F72")  # fmt: skip
_NAMES = ("lt1", "dk1", "lt2", "dk2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6", "hlink",
          "folHlink")  # fmt: skip
_SAME = {"bg1": "lt1", "tx1": "dk1", "bg2": "lt2", "tx2": "dk2"}  # what drawings call them


class Colours:
    """The colours of a workbook: `of` gives "#rrggbb" for an element that states one."""

    def __init__(self, package: Package) -> None:
        self.theme = _theme(package)
        self.palette = _palette(package)

    def of(self, element: etree._Element | None) -> str | None:
        """The colour that a cell's style states (color, fgColor, bgColor); None where it is automatic."""
        if element is None or element.get("auto", "0") in ("1", "true"):
            return None
        found = self._base(element)
        tint = _fraction(element.get("tint"))
        return None if found is None else f"#{tinted(found, tint)}"

    def _base(self, element: etree._Element) -> str | None:
        rgb, theme, index = (element.get(name) for name in ("rgb", "theme", "indexed"))
        if rgb is not None:
            return _hexadecimal(rgb)
        if theme is not None and theme.isdecimal() and int(theme) < len(_NAMES):
            return self.theme[_NAMES[int(theme)]]
        if index is not None and index.isdecimal():
            number = int(index)
            return self.palette[number] if number < len(self.palette) else _SYSTEM.get(number)
        return None

    def drawn(self, parent: etree._Element | None) -> str | None:
        """The colour of a drawing's fill or line: the element that holds solidFill; None where there is none."""
        fill = None if parent is None else parent.find("{*}solidFill")
        for element in fill if fill is not None else ():
            name = etree.QName(element).localname
            value = element.get("val" if name != "sysClr" else "lastClr", "")
            found = self.theme.get(_SAME.get(value, value)) if name == "schemeClr" else _hexadecimal(value)
            if found is not None:
                return f"#{_adjusted(found, element)}"
        return None

    def accent(self, number: int) -> str:
        """The colour of a chart's series by its number, from 0."""
        return f"#{self.theme[f'accent{number % 6 + 1}']}"


def tinted(colour: str, tint: float) -> str:
    """A colour made lighter (tint above 0) or darker: ECMA-376 part 1, 18.8.19, in hue, lightness, saturation."""
    if not tint:
        return colour
    hue, light, saturation = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)))
    light = light * (1 + tint) if tint < 0 else light * (1 - tint) + tint
    return "".join(f"{round(255 * part):02X}" for part in colorsys.hls_to_rgb(hue, light, saturation))


def _adjusted(colour: str, element: etree._Element) -> str:
    """A drawing's colour with its own changes of lightness, which are stated in thousandths of a percent."""
    changes = {etree.QName(child).localname: _fraction(child.get("val")) / 100_000 for child in element}
    hue, light, saturation = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)))
    light = min(max(light * changes.get("lumMod", 1.0) + changes.get("lumOff", 0.0), 0.0), 1.0)
    return "".join(f"{round(255 * part):02X}" for part in colorsys.hls_to_rgb(hue, light, saturation))


def _theme(package: Package) -> dict[str, str]:
    known = dict(zip(_NAMES, _OFFICE))
    part = package.parts_by_kind.get("theme")
    scheme = package.root(part).find("{*}themeElements/{*}clrScheme") if part and package.has(part) else None
    for element in scheme if scheme is not None else ():
        for stated in element.iterchildren("{*}srgbClr", "{*}sysClr"):
            colour = _hexadecimal(stated.get("val", "")) or _hexadecimal(stated.get("lastClr", ""))
            name = etree.QName(element).localname
            if colour is not None and name in known:
                known[name] = colour
    return known


def _palette(package: Package) -> list[str]:
    part = package.parts_by_kind.get("styles")
    if part is None or not package.has(part):
        return list(_PALETTE)
    stated = package.root(part).iterfind("{*}colors/{*}indexedColors/{*}rgbColor")
    own = [_hexadecimal(element.get("rgb", "")) for element in stated]
    return [colour or "000000" for colour in own] + _PALETTE[len(own) :]


def _hexadecimal(text: str) -> str | None:
    """RRGGBB of RRGGBB or AARRGGBB."""
    text = text[-6:].upper() if len(text) in (6, 8) else ""
    return text if len(text) == 6 and all(digit in "0123456789ABCDEF" for digit in text) else None


def _fraction(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
