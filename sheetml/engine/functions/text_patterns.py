"""Regular expressions: whether a text matches one, what matches, and what is put in its place.

What a pattern means, and what bounds it has, is in patterns.py.
"""

from __future__ import annotations

import numpy as np
import regex

from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.lookup import argument, value_or
from sheetml.engine.functions.patterns import compiled, in_time, matches
from sheetml.engine.functions.registry import Item, function, one_by_one
from sheetml.engine.sizes import Split
from sheetml.engine.tracing.graph import frozen
from sheetml.engine.values import Value, as_number, first_error, from_objects
from sheetml.xlsx.model import ErrorCode

_FIRST, _ALL, _GROUPS = 0, 1, 2  # what REGEXEXTRACT returns


def _case(number: float) -> bool | None:
    """Whether case is disregarded (1), or not (0); None for another number."""
    return bool(int(number)) if int(number) in (0, 1) else None


@one_by_one("REGEXTEST", "text", "text", "number", defaults=(0.0,))
def is_match(text: str, pattern: str, case: float) -> Item:
    """Whether a regular expression matches any part of a text."""
    any_case = _case(case)
    known = None if any_case is None else compiled(pattern, any_case)
    return ErrorCode.VALUE if known is None else matches(known, text)


@one_by_one("REGEXREPLACE", "text", "text", "text", "number", "number", defaults=(0.0, 0.0))
def replaced(text: str, pattern: str, replacement: str, occurrence: float, case: float) -> Item:
    """A text with what a regular expression matches replaced: everywhere, or one of them, from the end if negative.

    $1, ${name} and $0 in the replacement stand for groups and for all that matches.
    """
    any_case = _case(case)
    known = None if any_case is None else compiled(pattern, any_case)
    if known is None:
        return ErrorCode.VALUE
    found = _found(known, text)
    wanted = int(occurrence)
    if wanted:
        place = wanted - 1 if wanted > 0 else wanted
        if not -len(found) <= place < len(found):
            return text
        found = [found[place]]
    parts, end = [], 0
    for match in found:
        put = _expanded(replacement, match)
        if put is None:
            return ErrorCode.VALUE
        parts += [text[end : match.start()], put]
        end = match.end()
    return "".join([*parts, text[end:]])


_INSERTION = regex.compile(r"\$(?:(\d+)|\{(\w+)\}|(\w+)|(\$))|\\(.)", regex.DOTALL)


def _expanded(replacement: str, match: regex.Match[str]) -> str | None:
    """The replacement with the groups of a match; None if it names one that is not there."""
    parts, end = [], 0
    for found in _INSERTION.finditer(replacement):
        number, braced, name, dollar, escaped = found.groups()
        try:
            if dollar or escaped:
                put = dollar or _ESCAPED.get(escaped, escaped)
            else:
                group = number or braced or name
                put = match.group(int(group) if group.isdecimal() else group) or ""
        except IndexError:
            return None
        parts += [replacement[end : found.start()], put]
        end = found.end()
    return "".join([*parts, replacement[end:]])


_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def _found(pattern: regex.Pattern[str], text: str) -> list[regex.Match[str]]:
    return in_time(pattern.pattern, lambda timeout: list(pattern.finditer(text, timeout=timeout)))


@function("REGEXEXTRACT", 2, 4, differentiable=False)
def extracted(context: Context, arguments: Arguments) -> Result:
    """What a regular expression matches in a text: the first match, all of them, or the groups of the first."""
    (texts, errors), (patterns, wrong) = context.text(arguments[0]), context.text(arguments[1])
    mode, mode_wrong = as_number(value_or(context, argument(arguments, 2), 0.0))
    case, case_wrong = as_number(value_or(context, argument(arguments, 3), 0.0))
    operands = np.broadcast_arrays(texts, patterns, frozen(mode), frozen(case))
    codes = first_error(errors, wrong, mode_wrong, case_wrong)
    spread = np.zeros(operands[0].shape, np.uint8) if codes is None else np.broadcast_to(codes, operands[0].shape)
    rows = [
        [ErrorCode(code)] if code else _pieces(*items)
        for code, *items in zip(spread.reshape(-1).tolist(), *(each.reshape(-1).tolist() for each in operands))
    ]
    if operands[0].shape[1:] != (1, 1):  # of an array each gives its first piece only
        return _items([row[0] for row in rows], operands[0].shape)
    if len({len(row) for row in rows}) > 1:
        raise Split
    return _items([item for row in rows for item in row], (len(rows), 1, len(rows[0])))


def _items(items: list[Item], shape: tuple[int, ...]) -> Value:
    array = np.empty(len(items), object)
    array[:] = items
    return from_objects(array.reshape(shape))


def _pieces(text: str, pattern: str, mode: float, case: float) -> list[Item]:
    any_case = _case(case)
    known = None if any_case is None else compiled(pattern, any_case)
    if known is None or int(mode) not in (_FIRST, _ALL, _GROUPS):
        return [ErrorCode.VALUE]
    if int(mode) == _ALL:
        return [match[0] for match in _found(known, text)] or [ErrorCode.NA]
    match = in_time(pattern, lambda timeout: known.search(text, timeout=timeout))
    if match is None:
        return [ErrorCode.NA]
    if int(mode) == _FIRST:
        return [match[0]]
    return [group or "" for group in match.groups()] or [ErrorCode.NA]
