"""A module of a VBA project: its declarations and its procedures, each parsed only once it is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sheetml.errors import MacroError
from sheetml.macros import tree
from sheetml.macros.parser import SUFFIX_TYPES, Parser
from sheetml.macros.tokens import Line, logical_lines, tokenise
from sheetml.xlsx.vba_source import VbaModule

_HEAD = re.compile(
    r"\s*(?:(?P<scope>Public|Private|Friend|Global)\s+)?(?:(?P<static>Static)\s+)?"
    r"(?P<kind>Sub|Function|Property\s+(?:Get|Let|Set))\s+(?P<name>\w+)",
    re.IGNORECASE,
)
_TAIL = re.compile(r"(?:.*:)?\s*End\s+(Sub|Function|Property)\b", re.IGNORECASE)
_CONDITIONAL = re.compile(r"\s*#\s*(If|ElseIf|Else|End\s+If|Const)\b", re.IGNORECASE)


@dataclass(slots=True)
class Section:
    """The lines of one procedure, head and tail included."""

    name: str
    kind: str
    public: bool
    lines: list[Line]


@dataclass(slots=True)
class Declarations:
    """What stands before the procedures."""

    variables: dict[str, tree.Declared] = field(default_factory=dict)
    constants: dict[str, tree.Const] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # where a variable is declared
    public: set[str] = field(default_factory=set)
    enumerations: set[str] = field(default_factory=set)
    unsupported: dict[str, tuple[int, str]] = field(default_factory=dict)  # a name: its line, and what it is
    explicit: bool = False
    base: int = 0
    compare_text: bool = False


class Module:
    """One module of the project, split into sections without being parsed."""

    def __init__(self, source: VbaModule) -> None:
        self.source = source
        self.name = source.name
        self.sections: dict[str, Section] = {}
        self.head: list[Line] = []
        self._split()
        self._declarations: Declarations | None = None
        self._parsed: dict[str, tree.Procedure] = {}

    def _split(self) -> None:
        current: Section | None = None
        for line, text in _without_conditions(logical_lines(self.source.source, self.name)):
            match = None if current else _HEAD.match(text)
            if match:
                kind = " ".join(match["kind"].title().split())
                public = (match["scope"] or "public").lower() != "private"
                current = Section(match["name"], kind, public, [])
                self.sections.setdefault(f"{kind[9:]} {match['name']}".strip().casefold(), current)
            if current is None:
                self.head.append((line, text))
                continue
            current.lines.append((line, text))
            if _TAIL.match(_without_strings(text)):
                current = None

    # ---- procedures

    def procedure(self, name: str) -> tree.Procedure | None:
        """The Sub or Function of this name, parsed; None where there is none."""
        key = name.casefold()
        if key not in self._parsed:
            section = self.sections.get(key)
            if section is None:
                return None
            self._parsed[key] = _parsed(section, self.name)
        return self._parsed[key]

    def forget(self, name: str) -> None:
        """Lets a procedure be parsed anew."""
        self._parsed.pop(name.casefold(), None)

    def has_property(self, name: str) -> Section | None:
        """A Property procedure of this name."""
        for kind in ("get", "let", "set"):
            section = self.sections.get(f"{kind} {name.casefold()}")
            if section is not None:
                return section
        return None

    @property
    def declarations(self) -> Declarations:
        if self._declarations is None:
            self._declarations = _declarations(self.head, self.name)
        return self._declarations


def _without_strings(text: str) -> str:
    """The text with its strings and comments emptied."""
    return re.sub(r'"(?:[^"]|"")*"|\'.*', "", text)


# ---- conditional compilation -------------------------------------------------------------------

_COMPILER_CONSTANTS = {"vba7": True, "vba6": True, "win32": True, "win64": True, "win16": False, "mac": False}


def _without_conditions(lines: list[Line]) -> Iterator[Line]:
    """The lines that #If leaves; its conditions know VBA7, Win64, Mac and their kin only."""
    taken: list[tuple[bool, bool]] = []  # for each open #If: whether lines count now, whether any branch did
    for line, text in lines:
        match = _CONDITIONAL.match(text)
        if match is None:
            if all(active for active, _ in taken):
                yield line, text
            continue
        word = " ".join(match[1].lower().split())
        if word == "const":
            yield line, text
        elif word == "if":
            holds = _condition(text[match.end() :])
            taken.append((holds, holds))
        elif taken and word == "end if":
            taken.pop()
        elif taken:
            done = taken[-1][1]
            holds = not done and (word == "else" or _condition(text[match.end() :]))
            taken[-1] = (holds, done or holds)


def _condition(text: str) -> bool:
    words = [word for word in re.findall(r"\w+", _without_strings(text).lower()) if word != "then"]
    negated = words[:1] == ["not"]
    known = _COMPILER_CONSTANTS.get(words[-1], False) if words else False
    return known != negated


# ---- parsing -----------------------------------------------------------------------------------


def _parsed(section: Section, module: str) -> tree.Procedure:
    parser = Parser(tokenise(section.lines, module), module)
    procedure = _head(parser, section, module)
    procedure.body = parser.body("end")
    while parser.token.kind == "end":
        parser.place += 1
    parser.expect("end", section.kind.split()[0].lower())
    return procedure


def _head(parser: Parser, section: Section, module: str) -> tree.Procedure:
    line = parser.token.line
    parser.take("public", "private", "friend", "global")
    static = parser.take("static")
    for word in section.kind.lower().split():
        parser.expect(word)
    name = parser.name()
    parameters = _parameters(parser) if parser.at("(") else []
    result = ""
    if section.kind == "Function":
        result = SUFFIX_TYPES.get(name.suffix, "Variant")
        if parser.take("as"):
            result = parser.type_name()
            if parser.take("("):
                parser.expect(")")
                result = "Variant"
    return tree.Procedure(line, module, name.text, section.kind, parameters, result, section.public, static)


def _parameters(parser: Parser) -> list[tree.Parameter]:
    parser.expect("(")
    parameters: list[tree.Parameter] = []
    while not parser.take(")"):
        parameters.append(_parameter(parser))
        if not parser.at(")"):
            parser.expect(",")
    return parameters


def _parameter(parser: Parser) -> tree.Parameter:
    optional = parser.take("optional")
    by_value = parser.take("byval")
    parser.take("byref")
    param_array = parser.take("paramarray")
    token = parser.name()
    is_array = parser.take("(")
    if is_array:
        parser.expect(")")
    declared = SUFFIX_TYPES.get(token.suffix, "Variant")
    if parser.take("as"):
        declared = parser.type_name()
    default = parser.expression() if parser.take("=") else None
    return tree.Parameter(token.text, declared, by_value, optional, default, param_array, is_array)


def _declarations(lines: list[Line], module: str) -> Declarations:
    found = Declarations()
    block = ""  # "type" or "enum" while inside one
    previous: str | None = None  # the member of an Enum before, whose value plus 1 is the default
    for number, text in lines:
        words = _without_strings(text).split()
        if not words or words[0].lower() == "rem":
            continue
        lowered = [word.lower() for word in words]
        if block:
            if lowered[:2] == ["end", block]:
                block, previous = "", None
            elif block == "enum":
                previous = _enum_member(found, previous, (number, text), module)
            continue
        scope = lowered.pop(0) if lowered[0] in ("public", "private", "global", "friend") else ""
        if lowered and lowered[0] in ("type", "enum") and len(lowered) > 1:
            block = lowered[0]
            if block == "enum":
                found.enumerations.add(lowered[1])
            else:
                found.unsupported[lowered[1]] = (number, f"Type {words[-1]}")
        elif lowered and lowered[0] == "option":
            _option(found, lowered, number, module)
        elif lowered:
            _declaration(found, scope, (number, text), module)
    return found


def _enum_member(found: Declarations, previous: str | None, line: Line, module: str) -> str:
    """A member of an Enum is a constant: as stated, or one more than the member before it."""
    parser = Parser(tokenise([line], module), module)
    name = parser.name().text
    if parser.take("="):
        value = parser.expression()
    elif previous is None:
        value = tree.Literal(line[0], 0)
    else:
        value = tree.Binary(line[0], "+", tree.Name(line[0], previous), tree.Literal(line[0], 1))
    found.constants[name.casefold()] = tree.Const(line[0], name, "Long", value)
    found.public.add(name.casefold())
    return name


def _option(found: Declarations, words: list[str], line: int, module: str) -> None:
    if words[1:2] == ["explicit"]:
        found.explicit = True
    elif words[1:2] == ["base"]:
        found.base = int(words[2] == "1")
    elif words[1:3] == ["compare", "text"]:
        found.compare_text = True
    elif words[1:2] not in (["private"], ["compare"]):
        raise MacroError(f"{module}, line {line}: Option {' '.join(words[1:])} is not supported.")


_DECLARED_NAME = re.compile(r"\b(?:Sub|Function|Event|Implements|#\s*Const)\s+(\w+)", re.IGNORECASE)


def _declaration(found: Declarations, scope: str, line: Line, module: str) -> None:
    parser = Parser(tokenise([line], module), module)
    public = parser.take("public", "global") and scope in ("public", "global")
    parser.take("private", "friend")
    if parser.at("const"):
        for constant in parser.statement():
            assert isinstance(constant, tree.Const), "what _const gives"
            found.constants[constant.name.casefold()] = constant
            _publish(found, constant.name, public)
    elif parser.at("declare", "event", "implements", "#") or (parser.word() or "").startswith("def"):
        match = _DECLARED_NAME.search(line[1])
        name = match[1] if match else parser.word(1) or line[1].split()[0]
        found.unsupported[name.casefold()] = (line[0], _UNSUPPORTED_DECLARATIONS.get(parser.word(), parser.word()))
        if parser.word().startswith("def"):
            raise MacroError(f"{module}, line {line[0]}: {parser.token.text} is not supported.")
    else:
        parser.take("dim")
        for variable in parser.declared_list():
            found.variables[variable.name.casefold()] = variable
            found.lines[variable.name.casefold()] = line[0]
            _publish(found, variable.name, public)


_UNSUPPORTED_DECLARATIONS = {
    "declare": "Declare (a function of a DLL)",
    "event": "Event",
    "implements": "Implements",
    "#": "#Const",
}


def _publish(found: Declarations, name: str, public: bool) -> None:
    if public:
        found.public.add(name.casefold())
