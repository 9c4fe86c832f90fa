"""Tokens of VBA into a syntax tree. What the subset does not hold becomes an Unsupported statement."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sheetml.errors import MacroError
from sheetml.macros import tree
from sheetml.macros.errors import VbaError
from sheetml.macros.tokens import Token
from sheetml.macros.values import (
    NOTHING,
    NULL,
    Integer,
    LongLong,
    based_number,
    date_in,
    to_currency,
    to_single,
    type_name,
)

DEEPEST = 60  # nesting of expressions and statements

SUFFIX_TYPES = {
    "%": "Integer",
    "&": "Long",
    "^": "LongLong",
    "!": "Single",
    "#": "Double",
    "@": "Currency",
    "$": "String",
}
TYPE_NAMES = {
    name.lower(): name
    for name in (
        "Boolean", "Byte", "Integer", "Long", "LongLong", "LongPtr", "Single", "Double", "Currency", "Date",
        "String", "Variant", "Object",
    )
}  # fmt: skip

# Operators from the weakest; those of one row bind alike, from left to right. "not" is a prefix.
_PRECEDENCE: list[tuple[str, ...]] = [
    ("imp",),
    ("eqv",),
    ("xor",),
    ("or",),
    ("and",),
    ("not",),
    ("=", "<>", "><", "<", ">", "<=", "=<", ">=", "=>", "like", "is"),
    ("&",),
    ("+", "-"),
    ("mod",),
    ("\\",),
    ("*", "/"),
    ("^",),
]
_LEVELS = {word: level for level, words in enumerate(_PRECEDENCE) for word in words if word != "not"}
_COMPARISONS = {"><": "<>", "=<": "<=", "=>": ">="}
_NOT, _POWER = 5, 12

UNSUPPORTED_STATEMENTS = {
    "open": "Open (a file)", "close": "Close (a file)", "print": "Print # (a file)", "write": "Write # (a file)",
    "input": "Input # (a file)", "line": "Line Input # (a file)", "get": "Get (a file)", "put": "Put (a file)",
    "seek": "Seek (a file)", "lock": "Lock (a file)", "unlock": "Unlock (a file)", "reset": "Reset (all files)",
    "width": "Width # (a file)",
    "kill": "Kill (deletes files)", "filecopy": "FileCopy", "mkdir": "MkDir", "rmdir": "RmDir", "chdir": "ChDir",
    "chdrive": "ChDrive", "setattr": "SetAttr (a file)", "savesetting": "SaveSetting (the registry)",
    "deletesetting": "DeleteSetting (the registry)", "sendkeys": "SendKeys", "appactivate": "AppActivate",
    "load": "Load (a form)", "unload": "Unload (a form)", "raiseevent": "RaiseEvent", "gosub": "GoSub",
    "return": "Return (from GoSub)", "lset": "LSet", "rset": "RSet", "declare": "Declare (a function of a DLL)",
    "type": "Type", "implements": "Implements", "event": "Event",
}  # fmt: skip


class Parser:
    def __init__(self, tokens: list[Token], module: str) -> None:
        self.tokens = tokens
        self.place = 0
        self.module = module
        self.depth = 0
        self.open_next = 0  # loops that a "Next j, i" still closes

    # ---- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.place] if self.place < len(self.tokens) else self._after_last()

    def _after_last(self) -> Token:
        return Token("end", "", self.tokens[-1].line if self.tokens else 0, False)

    def word(self, ahead: int = 0) -> str:
        """The token as a keyword or operator; "" where it is neither."""
        place = self.place + ahead
        if place >= len(self.tokens):
            return ""
        token = self.tokens[place]
        if token.kind == "name":
            return "" if token.suffix and token.suffix != "$" else token.text.lower()
        return token.text if token.kind == "operator" else ""

    def at(self, *words: str) -> bool:
        return self.word() in words

    def take(self, *words: str) -> bool:
        """Whether the next token is one of these words, which it then passes over."""
        if self.word() in words:
            self.place += 1
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.take(word):
                raise self.failure(f"{word!r} is missing")

    def at_end(self) -> bool:
        """At the end of a statement."""
        return self.token.kind == "end" or (self.token.text == ":" and self.token.kind == "operator")

    def skip_statement(self) -> None:
        while not self.at_end():
            self.place += 1

    def failure(self, problem: str, line: int | None = None) -> MacroError:
        token = self.token
        near = "the end of the line" if token.kind == "end" else repr(token.text)
        return MacroError(f"{self.module}, line {line or token.line}: at {near}, {problem}.")

    def name(self) -> Token:
        token = self.token
        if token.kind != "name" or token.text.startswith("["):
            raise self.failure("a name is missing")
        self.place += 1
        return token

    def nested(self, parse: Callable[[], Any]) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.failure("the code is nested too deeply")
        result = parse()
        self.depth -= 1
        return result

    # ---- statements

    def body(self, *closing: str) -> list[tree.Statement]:
        """Statements up to one of the closing words, which is left standing."""
        return self.nested(lambda: self._body(closing))

    def _body(self, closing: tuple[str, ...]) -> list[tree.Statement]:
        statements: list[tree.Statement] = []
        while True:
            while self.token.kind == "end" or self.at(":"):
                if self.place >= len(self.tokens):
                    if closing:
                        raise self.failure(f"{closing[0].title()!r} is missing")
                    return statements
                self.place += 1
            if self._closes(closing):
                return statements
            statements += self.statement()
            if self.open_next and "next" in closing:
                return statements

    def _closes(self, closing: tuple[str, ...]) -> bool:
        word = self.word()
        if word == "end" and self.word(1) in ("if", "select", "with", "sub", "function", "property"):
            return True
        return word in closing and word != "end"

    def statement(self) -> list[tree.Statement]:
        token = self.token
        line = token.line
        if token.kind == "number" and self.tokens[self.place - 1].kind == "end":
            self.place += 1
            return [tree.Label(line, token.text)]
        if token.kind == "name" and not token.suffix and self.word(1) == ":" and self._starts_line():
            self.place += 2
            if token.text.lower() not in _STATEMENTS:
                return [tree.Label(line, token.text.lower())]
            self.place -= 2
        word = self.word()
        parse = _STATEMENTS.get(word)
        if parse is not None and not self._is_plain_name():
            return parse(self, line)
        if word in UNSUPPORTED_STATEMENTS and not self._is_plain_name():
            self.skip_statement()
            return [tree.Unsupported(line, UNSUPPORTED_STATEMENTS[word])]
        return [self._assignment_or_call(line)]

    def _starts_line(self) -> bool:
        return self.place == 0 or self.tokens[self.place - 1].kind == "end"

    def _is_plain_name(self) -> bool:
        """Whether a word that could begin a statement is a variable, a call or a member here."""
        following = self.word(1)
        if following == "=":
            return True
        next_token = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else self._after_last()
        if next_token.spaced:
            return False
        return following == "." or (following == "(" and self.word() not in ("if", "while", "mid"))

    def end_of_statement(self) -> None:
        if not self.at_end() and not self.at("else"):
            raise self.failure("the end of the statement is expected")

    def _assignment_or_call(self, line: int) -> tree.Statement:
        if self.word() == "debug" and self.word(1) == ".":
            return self._debug(line)
        target = self.postfix(statement=True)
        if self.take("="):
            value = self.expression()
            self.end_of_statement()
            return tree.Assign(line, target, value)
        if self.at_end() or self.at("else"):
            if isinstance(target, tree.Apply):
                return tree.Invoke(line, target.callee, target.arguments)
            return tree.Invoke(line, target, [])
        arguments = self.arguments(until_end=True)
        return tree.Invoke(line, target, arguments)

    def _debug(self, line: int) -> tree.Statement:
        self.place += 2
        method = self.name().text.lower()
        if method != "print":
            self.skip_statement()
            return tree.Unsupported(line, f"Debug.{method.title()}")
        items: list[tuple[tree.Expression | None, str]] = []
        while not self.at_end() and not self.at("else"):
            value = None if self.at(";", ",") else self.expression()
            separator = self.word() if self.at(";", ",") else ""
            self.place += bool(separator)
            if value is not None and not separator and not self.at_end() and not self.at("else"):
                separator = ";"  # two expressions with nothing between them
            items.append((value, separator))
        return tree.DebugPrint(line, items)

    def _call(self, line: int) -> list[tree.Statement]:
        self.place += 1
        target = self.postfix(statement=False)
        if isinstance(target, tree.Apply):
            return [tree.Invoke(line, target.callee, target.arguments)]
        return [tree.Invoke(line, target, [])]

    def _set_or_let(self, line: int) -> list[tree.Statement]:
        is_set = self.take("set")
        if not is_set:
            self.expect("let")
        target = self.postfix(statement=True)
        self.expect("=")
        value = self.expression()
        self.end_of_statement()
        return [tree.Assign(line, target, value, is_set)]

    def _mid(self, line: int) -> list[tree.Statement]:
        start_place = self.place
        self.place += 1
        self.expect("(")
        target = self.expression()
        self.expect(",")
        start = self.expression()
        length = self.expression() if self.take(",") else None
        self.expect(")")
        if not self.take("="):
            self.place = start_place
            return [self._assignment_or_call(line)]
        return [tree.MidAssign(line, target, start, length, self.expression())]

    # ---- declarations

    def _dim(self, line: int) -> list[tree.Statement]:
        static = self.word() == "static"
        self.place += 1
        return [tree.Dim(line, self.declared_list(), static)]

    def declared_list(self) -> list[tree.Declared]:
        variables = [self.declared()]
        while self.take(","):
            variables.append(self.declared())
        return variables

    def declared(self) -> tree.Declared:
        self.take("withevents")
        token = self.name()
        bounds = self._bounds() if self.at("(") else None
        new = False
        declared_type = SUFFIX_TYPES.get(token.suffix, "Variant")
        if self.take("as"):
            new = self.take("new")
            declared_type = self.type_name()
        return tree.Declared(token.text, declared_type, bounds, new)

    def _bounds(self) -> list[tuple[tree.Expression | None, tree.Expression]]:
        self.expect("(")
        bounds: list[tuple[tree.Expression | None, tree.Expression]] = []
        while not self.take(")"):
            lower: tree.Expression | None = None
            upper = self.expression()
            if self.take("to"):
                lower, upper = upper, self.expression()
            bounds.append((lower, upper))
            if not self.at(")"):
                self.expect(",")
        return bounds

    def type_name(self) -> str:
        """A type after As: "Double", "Range", "Excel.Range" without its library."""
        text = self.name().text
        while self.take("."):
            text = self.name().text
        if text.lower() == "string" and self.take("*"):
            raise self.failure("a string of fixed length is not supported")
        return TYPE_NAMES.get(text.lower(), text)

    def _const(self, line: int) -> list[tree.Statement]:
        self.place += 1
        constants: list[tree.Statement] = []
        while True:
            token = self.name()
            declared_type = SUFFIX_TYPES.get(token.suffix)
            if self.take("as"):
                declared_type = self.type_name()
            self.expect("=")
            constants.append(tree.Const(line, token.text, declared_type, self.expression()))
            if not self.take(","):
                return constants

    def _redim(self, line: int) -> list[tree.Statement]:
        self.place += 1
        preserve = self.take("preserve")
        return [tree.ReDim(line, preserve, self.declared_list())]

    def _erase(self, line: int) -> list[tree.Statement]:
        self.place += 1
        targets = [self.postfix()]
        while self.take(","):
            targets.append(self.postfix())
        return [tree.Erase(line, targets)]

    # ---- control flow

    def _if(self, line: int) -> list[tree.Statement]:
        self.place += 1
        condition = self.expression()
        self.expect("then")
        if self.token.kind != "end":
            return [self._if_of_one_line(line, condition)]
        branches = [(condition, self.body("else", "elseif", "end"))]
        otherwise: list[tree.Statement] = []
        while True:
            if self.take("elseif"):
                condition = self.expression()
                self.expect("then")
                branches.append((condition, self.body("else", "elseif", "end")))
            elif self.take("else"):
                otherwise = self.body("end")
            else:
                self.expect("end", "if")
                return [tree.If(line, branches, otherwise)]

    def _if_of_one_line(self, line: int, condition: tree.Expression) -> tree.Statement:
        then = self._statements_of_line("else")
        otherwise = self._statements_of_line() if self.take("else") else []
        return tree.If(line, [(condition, then)], otherwise)

    def _statements_of_line(self, *closing: str) -> list[tree.Statement]:
        if self.token.kind == "number":
            target = self.token.text
            self.place += 1
            return [tree.GoTo(self.token.line, target)]
        statements: list[tree.Statement] = []
        while self.token.kind != "end" and not self.at(*closing):
            if not self.take(":"):
                statements += self.nested(self.statement)
        return statements

    def _select(self, line: int) -> list[tree.Statement]:
        self.expect("select", "case")
        subject = self.expression()
        cases: list[tree.Case] = []
        self.body("case", "end")
        while self.at("case"):
            case_line = self.token.line
            self.place += 1
            tests = [] if self.take("else") else self._tests()
            cases.append(tree.Case(case_line, tests, self.body("case", "end")))
        self.expect("end", "select")
        return [tree.Select(line, subject, cases)]

    def _tests(self) -> list[tuple[Any, ...]]:
        tests: list[tuple[Any, ...]] = []
        while True:
            if self.take("is") or self.at("=", "<>", "<", ">", "<=", ">="):
                operator = self.word()
                self.place += 1
                tests.append(("is", _COMPARISONS.get(operator, operator), self.expression()))
            else:
                value = self.expression()
                tests.append(("to", value, self.expression()) if self.take("to") else ("value", value))
            if not self.take(","):
                return tests

    def _for(self, line: int) -> list[tree.Statement]:
        self.place += 1
        if self.take("each"):
            variable = self.postfix()
            self.expect("in")
            group = self.expression()
            return [tree.ForEach(line, variable, group, self._loop_body())]
        variable = self.postfix()
        self.expect("=")
        first = self.expression()
        self.expect("to")
        last = self.expression()
        step = self.expression() if self.take("step") else None
        return [tree.For(line, variable, first, last, step, self._loop_body())]

    def _loop_body(self) -> list[tree.Statement]:
        body = self.body("next")
        if self.open_next:
            self.open_next -= 1
            return body
        self.expect("next")
        if not self.at_end():
            self.postfix()
            while self.take(","):
                self.postfix()
                self.open_next += 1
        return body

    def _do(self, line: int) -> list[tree.Statement]:
        self.place += 1
        condition, until, after = None, self.at("until"), False
        if self.take("while", "until"):
            condition = self.expression()
        body = self.body("loop")
        self.expect("loop")
        if self.at("while", "until"):
            if condition is not None:
                raise self.failure("a loop has one condition")
            until, after = self.at("until"), True
            self.place += 1
            condition = self.expression()
        return [tree.Loop(line, condition, until, after, body)]

    def _while(self, line: int) -> list[tree.Statement]:
        self.place += 1
        condition = self.expression()
        body = self.body("wend")
        self.expect("wend")
        return [tree.Loop(line, condition, False, False, body, is_while=True)]

    def _with(self, line: int) -> list[tree.Statement]:
        self.place += 1
        target = self.expression()
        body = self.body("end")
        self.expect("end", "with")
        return [tree.With(line, target, body)]

    def _exit(self, line: int) -> list[tree.Statement]:
        self.place += 1
        what = self.word().title()
        self.place += 1
        if what not in ("Sub", "Function", "Property", "For", "Do"):
            raise self.failure(f"there is no Exit {what}", line)
        return [tree.Exit(line, what)]

    def _on(self, line: int) -> list[tree.Statement]:
        self.place += 1
        if not self.take("error"):
            self.skip_statement()
            return [tree.Unsupported(line, "On ... GoTo (a computed jump)")]
        if self.take("resume"):
            self.expect("next")
            return [tree.OnError(line, "next")]
        self.expect("goto")
        if self.take("-"):
            self.skip_statement()
            return [tree.Unsupported(line, "On Error GoTo -1")]
        label = self._label()
        return [tree.OnError(line, "off" if label == "0" else "label", label)]

    def _resume(self, line: int) -> list[tree.Statement]:
        self.place += 1
        if self.at_end() or self.at("else"):
            return [tree.Resume(line, "same")]
        if self.take("next"):
            return [tree.Resume(line, "next")]
        label = self._label()
        return [tree.Resume(line, "same" if label == "0" else "label", label)]

    def _goto(self, line: int) -> list[tree.Statement]:
        self.place += 1
        return [tree.GoTo(line, self._label())]

    def _label(self) -> str:
        token = self.token
        if token.kind not in ("name", "number"):
            raise self.failure("a label is missing")
        self.place += 1
        return token.text.lower()

    def _end_or_stop(self, line: int) -> list[tree.Statement]:
        word = self.word()
        if word == "end" and self.word(1) not in ("", ":", "else"):
            raise self.failure(f"there is nothing for End {self.word(1).title()} to close")
        self.place += 1
        return [tree.End(line, word.title())]

    def _stray(self, line: int) -> list[tree.Statement]:
        raise self.failure(f"{self.token.text} has nothing that it belongs to")

    # ---- expressions

    def expression(self) -> tree.Expression:
        return self._binary(0)

    def _binary(self, weakest: int) -> tree.Expression:
        """An expression whose operators bind at least as tightly as those of the level `weakest`."""
        left: tree.Expression = self.nested(self._operand)
        while True:
            operator, line = self.word(), self.token.line
            level = _LEVELS.get(operator, -1)
            if level < weakest:
                return left
            self.place += 1
            right = self._binary(level + 1)
            left = tree.Binary(line, _COMPARISONS.get(operator, operator), left, right)

    def _operand(self) -> tree.Expression:
        """An operand with its signs: -2 ^ 2 is -4, as signs bind weaker than ^ and stronger than *."""
        line, word = self.token.line, self.word()
        if word in ("-", "+", "not"):
            self.place += 1
            return tree.Unary(line, word, self._binary(_NOT if word == "not" else _POWER))
        return self._primary()

    def _primary(self) -> tree.Expression:
        token = self.token
        if token.kind == "number":
            self.place += 1
            return tree.Literal(token.line, self._number(token))
        if token.kind == "string":
            self.place += 1
            return tree.Literal(token.line, token.text)
        if token.kind == "date":
            self.place += 1
            return tree.Literal(token.line, self._date(token))
        if self.take("("):
            inner = self.expression()
            self.expect(")")
            return self._postfixes(tree.Parenthesised(token.line, inner), statement=False)
        return self.postfix()

    def _number(self, token: Token) -> Any:
        text, suffix = token.text, token.suffix
        if text.startswith("&"):
            value = based_number(text[1], text[2:])
            if suffix == "&":
                return int(value) & 0xFFFF if len(text) <= 6 and value < 0 else int(value)
            return LongLong(value) if suffix == "^" else value
        if suffix == "@":
            return to_currency(Decimal(text))
        is_whole = text.isdecimal()
        number = float(text.lower().replace("d", "e"))
        if suffix == "!":
            return to_single(number)
        if is_whole and suffix in ("", "%", "&", "^"):
            whole = int(text)
            if suffix == "^":
                return LongLong(whole)
            if suffix != "&" and whole <= 32767:
                return Integer(whole)
            if suffix != "%" and whole <= 2**31 - 1:
                return whole
        return number

    def _date(self, token: Token) -> Any:
        try:
            return date_in(token.text)
        except VbaError:
            raise self.failure(f"#{token.text}# is not a date") from None

    def postfix(self, statement: bool = False) -> tree.Expression:
        """A name with its members and arguments: Range("A1").Offset(1, 0)."""
        token = self.token
        if self.take("."):
            base: tree.Expression = tree.Member(token.line, None, self.name().text)
        elif token.kind == "name":
            base = self._word_or_name(token)
        else:
            raise self.failure("an expression is missing")
        return self._postfixes(base, statement)

    def _word_or_name(self, token: Token) -> tree.Expression:
        word = token.text.lower()
        self.place += 1
        if token.text.startswith("["):
            return tree.Bracketed(token.line, token.text[1:-1].strip())
        if word in _CONSTANTS and self.word() != ".":
            return tree.Literal(token.line, _CONSTANTS[word])
        if word == "new":
            return tree.New(token.line, self.type_name())
        if word == "typeof":
            operand = self.postfix()
            self.expect("is")
            return tree.TypeOf(token.line, operand, self.type_name())
        if word == "addressof":
            raise MacroError(f"{self.module}, line {token.line}: AddressOf is not supported.")
        if word in ("then", "to", "step", "else", "as", "in", "loop", "next", "wend", "until", "is", "and", "or"):
            self.place -= 1
            raise self.failure("an expression is missing")
        return tree.Name(token.line, token.text, token.suffix)

    def _postfixes(self, base: tree.Expression, statement: bool) -> tree.Expression:
        while True:
            token = self.token
            if token.text == "." and token.kind == "operator" and not (statement and token.spaced):
                self.place += 1
                base = tree.Member(token.line, base, self.name().text)
            elif token.text == "!" and token.kind == "operator" and not token.spaced:
                raise MacroError(f"{self.module}, line {token.line}: the operator ! is not supported.")
            elif token.text == "(" and token.kind == "operator" and not (statement and token.spaced):
                self.place += 1
                base = tree.Apply(token.line, base, self.arguments())
            else:
                return base

    def arguments(self, until_end: bool = False) -> list[tree.Argument]:
        """Arguments up to the closing parenthesis, or to the end of the statement."""
        arguments: list[tree.Argument] = []
        if not until_end and self.take(")"):
            return arguments
        while True:
            arguments.append(self._argument(until_end))
            if self.take(","):
                continue
            if until_end:
                self.end_of_statement()
            else:
                self.expect(")")
            return arguments

    def _argument(self, until_end: bool) -> tree.Argument:
        if self.at(",") or (self.at(")") and not until_end) or (until_end and self.at_end()):
            return tree.Argument(None)
        if self.token.kind == "name" and self.word(1) == ":=":
            name = self.token.text
            self.place += 2
            return tree.Argument(self.expression(), name)
        if self.at("byval"):
            self.place += 1
        return tree.Argument(self.expression())


_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "nothing": NOTHING, "null": NULL, "empty": None}

_STATEMENTS: dict[str, Callable[[Parser, int], list[tree.Statement]]] = {
    "call": Parser._call,
    "set": Parser._set_or_let,
    "let": Parser._set_or_let,
    "mid": Parser._mid,
    "mid$": Parser._mid,
    "dim": Parser._dim,
    "static": Parser._dim,
    "const": Parser._const,
    "redim": Parser._redim,
    "erase": Parser._erase,
    "if": Parser._if,
    "select": Parser._select,
    "for": Parser._for,
    "do": Parser._do,
    "while": Parser._while,
    "with": Parser._with,
    "exit": Parser._exit,
    "on": Parser._on,
    "resume": Parser._resume,
    "goto": Parser._goto,
    "end": Parser._end_or_stop,
    "stop": Parser._end_or_stop,
    "else": Parser._stray,
    "elseif": Parser._stray,
    "next": Parser._stray,
    "loop": Parser._stray,
    "wend": Parser._stray,
    "case": Parser._stray,
}


def literal_type(value: Any) -> str:
    """The declared type of a literal."""
    if value is None or value is NULL:
        return "Variant"
    return "Object" if value is NOTHING else type_name(value)
