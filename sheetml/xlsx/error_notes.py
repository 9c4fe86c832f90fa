"""Notes in a file of which newer error a cell holds: #SPILL!, #CALC! and their kin.

Excel stores these errors as #VALUE!, for programs that do not know them, and has the cell's value metadata (`vm`)
refer to a rich value of the kind "_error". [MS-XLSX], 2.6 (rich value parts) and 2.3.6 (rich data); ECMA-376, part
1, 18.9 (metadata). What makes the error is not said: the subtype is 0, as Excel writes it of errors that are copied.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from sheetml.xlsx.model import ErrorCode
from sheetml.xlsx.new_sheets import free_identifier, inserted
from sheetml.xlsx.package import Package
from sheetml.xlsx.sheet_patch import utf8_part

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RICH = "http://schemas.microsoft.com/office/spreadsheetml/2017/richdata"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RICH_RELATIONSHIPS = "http://schemas.microsoft.com/office/2017/06/relationships"
_EXTENSION = "{3e2802c4-a4d2-4d8b-9148-e3be6c30e623}"  # of metadata that refers to rich values
_FLAGS = ("copy", "pasteAll", "pasteValues", "merge", "splitFirst", "rowColShift", "clearFormats", "clearComments")
_FIELDS = ("errorType", "subType")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A part that the notes need: what the workbook calls it, and how a new one begins."""

    kind: str
    name: str
    content_type: str
    root: str
    namespace: str
    relationships: str = _RICH_RELATIONSHIPS


_METADATA = _Kind(
    "sheetMetadata",
    "metadata.xml",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheetMetadata+xml",
    "metadata",
    _MAIN,
    _RELATIONSHIPS,
)
_VALUES = _Kind("rdRichValue", "richData/rdrichvalue.xml", "application/vnd.ms-excel.rdrichvalue+xml", "rvData", _RICH)
_STRUCTURES = _Kind(
    "rdRichValueStructure",
    "richData/rdrichvaluestructure.xml",
    "application/vnd.ms-excel.rdrichvaluestructure+xml",
    "rvStructures",
    _RICH,
)


@dataclass(slots=True)
class ErrorNotes:
    """What a file says of newer errors, `by_code`, with what has to be added for it to say so."""

    by_code: dict[ErrorCode, str]  # the vm attribute of cells with the error
    parts: dict[str, tuple[_Kind, bytes]] = field(default_factory=dict)  # changed or new, by the part's name

    def packaged(
        self, package: Package, patched: Mapping[str, bytes | None]
    ) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """What changes in the package's entries, and the entries that are new; `patched` is changed already."""
        changed: dict[str, bytes] = {}
        new = {name: content for name, (_, content) in self.parts.items() if not package.has(name)}
        for name, (_, content) in self.parts.items():
            if name not in new:
                changed[package.entry(name).filename] = content
        links, types = [], []
        taken = set(package.relationships(package.workbook_part()))
        for name in new:
            kind = self.parts[name][0]
            identifier = free_identifier(taken)
            links.append(
                f'{{}}Relationship Id="{identifier}" Type="{kind.relationships}/{kind.kind}" Target="/{name}"/>'
            )
            types.append(f'{{}}Override PartName="/{name}" ContentType="{kind.content_type}"/>')
        listings = (
            (package.relationships_part(package.workbook_part()), "Relationships", links),
            ("[Content_Types].xml", "Types", types),
        )
        for part, parent, elements in listings if new else ():
            entry = package.entry(part).filename
            data = patched.get(entry)
            content = utf8_part(package.read(part) if data is None else data)
            changed[entry] = inserted(package, part, content, parent, elements)
        return changed, new


def error_notes(package: Package, known: Mapping[ErrorCode, str], wanted: Iterable[ErrorCode]) -> ErrorNotes:
    """The notes of all wanted errors: those the file has, and new ones for the others.

    Where the file names a part of them that is not there, it gets no new ones.
    """
    missing = sorted({code for code in wanted if ErrorCode.SPILL <= code <= ErrorCode.CALC} - set(known))
    roots = {kind: _root(package, kind) for kind in (_METADATA, _VALUES, _STRUCTURES)} if missing else {}
    if not missing or None in roots.values():
        return ErrorNotes(dict(known))
    trees = {kind: root[1] for kind, root in roots.items() if root is not None}
    structure = _structure(trees[_STRUCTURES])
    first = len(trees[_VALUES])
    for code in missing:
        value = _added(trees[_VALUES], "rv", s=str(structure))
        for text in (str(code - 1), "0"):  # error types count from 0 where ERROR.TYPE counts from 1
            _added(value, "v").text = text
    _counted(trees[_VALUES])
    notes = _noted(trees[_METADATA], range(first, first + len(missing)))
    parts = {
        root[0]: (kind, etree.tostring(root[1], xml_declaration=True, encoding="UTF-8", standalone=True))
        for kind, root in roots.items()
        if root is not None
    }
    return ErrorNotes({**known, **dict(zip(missing, notes))}, parts)


def _root(package: Package, kind: _Kind) -> tuple[str, etree._Element] | None:
    """A part's name and its root, or those of a new one; None where the file's own is not there."""
    part = package.parts_by_kind.get(kind.kind)
    if part is not None:
        return (part, package.root(part)) if package.has(part) else None
    name = posixpath.join(posixpath.dirname(package.workbook_part()), kind.name)
    return (
        None
        if package.has(name)
        else (name, etree.Element(f"{{{kind.namespace}}}{kind.root}", nsmap={None: kind.namespace}))
    )


def _added(parent: etree._Element, tag: str, /, **attributes: str) -> etree._Element:
    """A new last child in the parent's namespace."""
    namespace = etree.QName(parent).namespace
    return etree.SubElement(parent, f"{{{namespace}}}{tag}" if namespace else tag, attributes)


def _counted(element: etree._Element) -> None:
    element.set("count", str(len(element)))


def _structure(root: etree._Element) -> int:
    """The place of the structure of rich values that are errors."""
    for place, structure in enumerate(root.iterfind("{*}s")):
        if structure.get("t") == "_error" and tuple(key.get("n") for key in structure.iterfind("{*}k")) == _FIELDS:
            return place
    made = _added(root, "s", t="_error")
    for name in _FIELDS:
        _added(made, "k", n=name, t="i")
    _counted(root)
    return len(root) - 1


def _noted(root: etree._Element, values: Sequence[int]) -> list[str]:
    """Metadata that refers to each of the rich values: the numbers by which cells refer to it."""
    types = _block(root, "metadataTypes", ())
    names = [each.get("name") for each in types]
    if "XLRICHVALUE" not in names:
        flags = dict.fromkeys((*_FLAGS, "assign", "coerce"), "1")
        _added(types, "metadataType", name="XLRICHVALUE", minSupportedVersion="120000", **flags)
        names.append("XLRICHVALUE")
        _counted(types)
    future = next((each for each in root.iterfind("{*}futureMetadata") if each.get("name") == "XLRICHVALUE"), None)
    if future is None:
        future = _block(root, "futureMetadata", ("metadataTypes", "metadataStrings", "mdxMetadata", "futureMetadata"))
        future.set("name", "XLRICHVALUE")
    before = ("metadataTypes", "metadataStrings", "mdxMetadata", "futureMetadata", "cellMetadata")
    existing = root.find("{*}valueMetadata")
    noted = _block(root, "valueMetadata", before) if existing is None else existing
    numbers = []
    for value in values:
        extension = _added(_added(_added(future, "bk"), "extLst"), "ext", uri=_EXTENSION)
        etree.SubElement(extension, f"{{{_RICH}}}rvb", {"i": str(value)}, nsmap={"xlrd": _RICH})
        _added(_added(noted, "bk"), "rc", t=str(names.index("XLRICHVALUE") + 1), v=str(len(future) - 1))
        numbers.append(str(len(noted)))
    _counted(future)
    _counted(noted)
    return numbers


def _block(root: etree._Element, name: str, after: Sequence[str]) -> etree._Element:
    """A block of the metadata: metadataTypes as it stands, any other anew after those that come before it."""
    existing = root.find(f"{{*}}{name}")
    if existing is not None and not after:
        return existing
    made = _added(root, name)
    place = sum(1 for each in root if etree.QName(each).localname in after and each is not made)
    root.insert(place, made)
    return made
