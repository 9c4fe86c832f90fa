"""Pieces of a text that is XML: FILTERXML, with which texts were split before there was TEXTSPLIT."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from lxml import etree

from sheetml.engine.division import alike
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import function
from sheetml.engine.values import first_error, from_objects
from sheetml.errors import CalculationError
from sheetml.xlsx.model import ErrorCode

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SEARCHES = re.compile(r"//|::|\.\.")  # parts of a path that may go through all of the text's nodes
_MOST_STEPS = 100_000_000  # that a path may ask for: nodes, to the power of how often it goes through them

Item = float | str | ErrorCode


@function("FILTERXML", 2, 2, differentiable=False)
def filter_xml(context: Context, arguments: Arguments) -> Result:
    """The texts of the nodes of an XML text that an XPath names, one below the other; numbers as numbers."""
    (texts, errors), (paths, wrong) = context.text(arguments[0]), context.text(arguments[1])
    texts, paths = np.broadcast_arrays(texts, paths)
    codes = first_error(errors, wrong)
    spread = np.zeros(texts.shape, np.uint8) if codes is None else np.broadcast_to(codes, texts.shape)
    found = [
        (ErrorCode(code),) if code else _found(text, path)
        for code, text, path in zip(spread.reshape(-1).tolist(), texts.reshape(-1), paths.reshape(-1))
    ]
    if texts.shape[1:] != (1, 1):  # of an array each gives its first node only
        return from_objects(_objects([items[0] for items in found]).reshape(texts.shape))
    alike(np.array([len(items) for items in found]))
    return from_objects(_objects([item for items in found for item in items]).reshape(len(found), -1, 1))


def _objects(items: list[Item]) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


@lru_cache(maxsize=256)
def _found(text: str, path: str) -> tuple[Item, ...]:
    """What a path finds; #VALUE! where the text is no XML or the path none, #N/A where there is nothing."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(text.encode(), parser)
        if root.getroottree().docinfo.doctype:
            return (ErrorCode.VALUE,)
        nodes = sum(1 for _ in root.iter()) + 1
        if nodes ** len(_SEARCHES.findall(path)) > _MOST_STEPS:
            raise CalculationError("the XPath would go through the text too often")
        result = etree.XPath(path)(root.getroottree())
    except (etree.XMLSyntaxError, etree.XPathError, ValueError):
        return (ErrorCode.VALUE,)
    if not isinstance(result, list):  # an expression that names no nodes
        return (ErrorCode.VALUE,)
    return tuple(map(_item, result)) or (ErrorCode.NA,)


def _item(node: object) -> Item:
    text = "".join(node.itertext()) if isinstance(node, etree._Element) else str(node)
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else text
