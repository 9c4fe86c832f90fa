"""Compiles expressions to Python functions of a frame, and checks them against the subset as it does."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheetml.errors import MacroError
from sheetml.macros import arithmetic, library, tree
from sheetml.macros.constants import CONSTANTS, FORBIDDEN, GLOBAL_MEMBERS
from sheetml.macros.errors import OBJECT_NOT_SET, VbaError
from sheetml.macros.machine import Code, Frame, Variable
from sheetml.macros.members import (
    CLASSES,
    Member,
    Named,
    Parameters,
    any_member,
    get_member,
)
from sheetml.macros.names import (
    Binding,
    Callee,
    Constant,
    HostGlobal,
    HostMember,
    Local,
    ModuleName,
    Names,
    Shared,
)
from sheetml.macros.parser import literal_type
from sheetml.macros.runtime import element_of, indexed, missing, passed_variable
from sheetml.macros.values import (
    MISSING,
    NOTHING,
    Array,
    Integer,
    VbaObject,
    copied,
    initial,
    let,
    number,
    rounded,
)
from sheetml.xlsx.vba_source import ModuleKind

if TYPE_CHECKING:
    from sheetml.macros.modules import Module

Evaluate = Callable[[Frame], Any]
VALUE_TYPES = (
    "Boolean", "Byte", "Integer", "Long", "LongLong", "LongPtr", "Single", "Double", "Currency", "Date", "String",
)  # fmt: skip


@dataclass(slots=True)
class Compiled:
    """An expression: how to evaluate it, and the type that it is declared to have."""

    evaluate: Evaluate
    type: str = "Variant"

    @property
    def is_value(self) -> bool:
        """Whether it never gives an object."""
        return self.type in VALUE_TYPES


_BINARY: dict[str, Callable[..., Any]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "\\": arithmetic.integer_divide,
    "mod": arithmetic.modulo,
    "^": arithmetic.power,
    "&": arithmetic.concatenate,
    "and": arithmetic.logical_and,
    "or": arithmetic.logical_or,
    "xor": arithmetic.logical_xor,
    "eqv": arithmetic.equivalent,
    "imp": arithmetic.implies,
}
_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "<>": lambda order: order != 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
}
_FLOAT_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_LIBRARIES = ("vba", "excel", "math", "strings", "conversion", "information", "interaction")  # VBA.Left, Math.Sqr
_NUMERIC_RANK = ["Boolean", "Byte", "Integer", "Long", "LongLong", "Single", "Double"]


class ExpressionCompiler:
    """What compiling an expression needs to know: the project, the module, and the procedure's names."""

    def __init__(self, names: Names, module: Module) -> None:
        self.names = names
        self.module = module
        self.locals: dict[str, Local | Shared | Constant] = {}
        self.with_targets: list[Compiled] = []
        self.reached: list[Callee] = []  # procedures that the code calls
        self.members: set[str] = set()  # of objects that it uses, in lower case

    # ---- messages

    def refusal(self, line: int, construct: str) -> MacroError:
        return MacroError(f"{self.module.name}, line {line}: {construct} is not supported.")

    def mistake(self, line: int, problem: str) -> MacroError:
        return MacroError(f"{self.module.name}, line {line}: {problem}.")

    def no_procedure(self, callee: tree.Name) -> MacroError:
        known = FORBIDDEN.get(callee.name.casefold())
        if known is not None:
            return self.refusal(callee.line, known)
        return self.mistake(callee.line, f"there is no Sub or Function {callee.name}")

    # ---- names

    def lookup(self, name: str) -> Binding | None:
        """What a name stands for: the procedure's own names first, then the module's, the project's, the host's."""
        key = name.casefold()
        own = self.locals.get(key)
        if own is not None:
            return own
        found = self.names.member_of_module(self.module, key)
        if found is not None:
            return found
        mine = self.names.host.object_of(self.module)
        if key == "me":
            return None if mine is None else HostGlobal(mine, mine.type_name)
        if mine is not None:
            member = mine.member(key)
            if member is not None:
                return HostMember(mine, member)
        return self.names.public_name(key, self.module) or self._standard_name(key)

    def _standard_name(self, key: str) -> Binding | None:
        """What VBA and Excel themselves define."""
        if key in CONSTANTS:
            value = CONSTANTS[key]
            return Constant(value, literal_type(value))
        known = library.FUNCTIONS.get(key)
        if known is not None:
            return known
        if key == "err":
            return HostGlobal(self.names.host.err, "ErrObject")
        application = self.names.host.application
        return HostMember(application, application.members[key]) if key in GLOBAL_MEMBERS else None

    def need(self, name: str, line: int) -> Binding:
        """What a name stands for; undeclared names become variables where the module allows that."""
        found = self.lookup(name)
        if found is not None:
            return found
        if name.casefold() in FORBIDDEN:
            raise self.refusal(line, FORBIDDEN[name.casefold()])
        return self.undeclared(name, line)

    def undeclared(self, name: str, line: int) -> Binding:
        raise self.mistake(line, f"{name!r} is not a constant, a function or a variable that VBA knows")

    # ---- expressions

    def compile(self, node: tree.Expression) -> Compiled:
        compiled: Compiled = getattr(self, _METHODS[type(node)])(node)
        return compiled

    def value(self, node: tree.Expression) -> Compiled:
        """The expression where a value is wanted: an object gives its default property."""
        compiled = self.compile(node)
        if compiled.is_value:
            return compiled
        evaluate = compiled.evaluate
        declared = "Variant" if compiled.type.casefold() in CLASSES or compiled.type == "Object" else compiled.type
        return Compiled(lambda frame: let(evaluate(frame)), declared)

    def condition(self, node: tree.Expression) -> Callable[[Frame], bool]:
        evaluate, is_true = self.compile(node).evaluate, arithmetic.is_true

        def holds(frame: Frame) -> bool:
            value = evaluate(frame)
            return value if value is True or value is False else is_true(value)

        return holds

    def _literal(self, node: tree.Literal) -> Compiled:
        value = node.value
        return Compiled(lambda frame: value, literal_type(value))

    def _parenthesised(self, node: tree.Parenthesised) -> Compiled:
        return self.value(node.inner)

    def _bracketed(self, node: tree.Bracketed) -> Compiled:
        """[A1] and [name] are what Range would give; other text would have to be evaluated."""
        target = self.names.host.bracketed(self.module, node.text)
        if target is None:
            raise self.refusal(node.line, f"[{node.text}] (evaluating a text)")
        return Compiled(target, "Range")

    def _name(self, node: tree.Name) -> Compiled:
        found = self.need(node.name, node.line)
        if isinstance(found, (Local, Shared)):
            return self._variable(found)
        if isinstance(found, Constant):
            constant = found.value
            return Compiled(lambda frame: constant, found.type)
        if isinstance(found, HostGlobal):
            target = found.target
            return Compiled(lambda frame: target, found.type)
        if isinstance(found, ModuleName):
            raise self.mistake(node.line, f"the module {found.module.name} has no value")
        return self.call(found, [], node.line, node.name)

    @staticmethod
    def _variable(found: Local | Shared) -> Compiled:
        if isinstance(found, Local):
            index = found.index
            return Compiled(lambda frame: frame.variables[index].value, "Array" if found.is_array else found.type)
        variable = found.variable
        return Compiled(lambda frame: variable.value, "Array" if found.is_array else found.type)

    # ---- members

    def _member(self, node: tree.Member) -> Compiled:
        return self.member_call(node, [])

    def target_of(self, node: tree.Member) -> Compiled | ModuleName:
        """What stands before the dot."""
        if node.target is None:
            if not self.with_targets:
                raise self.mistake(node.line, f".{node.name} stands outside any With")
            return self.with_targets[-1]
        if isinstance(node.target, tree.Name):
            found = self.lookup(node.target.name)
            if found is None and node.target.name.casefold() in _LIBRARIES:
                return ModuleName(self.module)
            if isinstance(found, ModuleName):
                return found
        return self.compile(node.target)

    def module_member(self, target: ModuleName, node: tree.Member) -> Binding:
        """module.name, and VBA.name or Excel.name."""
        key, kind = node.name.casefold(), target.module.source.kind
        if isinstance(node.target, tree.Name) and node.target.name.casefold() != target.module.name.casefold():
            found = self._standard_name(key)
        elif kind != ModuleKind.STANDARD:
            raise self.refusal(node.line, f"the {kind} {target.module.name}")
        else:
            found = self.names.member_of_module(target.module, key)
        if found is None:
            if key in FORBIDDEN:
                raise self.refusal(node.line, FORBIDDEN[key])
            raise self.mistake(node.line, f"{target.module.name} has no {node.name}")
        return found

    def check_member(self, declared: str, node: tree.Member) -> Member | None:
        """The member, where the target's class is known; refuses one that no class of the subset has."""
        key = node.name.casefold()
        self.members.add(key)
        cls = CLASSES.get(declared.casefold())
        if cls is not None:
            member = cls.member(key)
            if member is None:
                raise self.refusal(node.line, f"{cls.type_name}.{node.name}")
            return member
        if declared in VALUE_TYPES:
            raise self.mistake(node.line, f".{node.name} needs an object, not a {declared}")
        if not any_member(key):
            raise self.refusal(node.line, f"the member .{node.name}")
        return None

    def member_call(self, node: tree.Member, arguments: list[tree.Argument]) -> Compiled:
        """object.member or object.member(arguments)."""
        target = self._code_named(node) or self.target_of(node)
        if isinstance(target, ModuleName):
            return self.call(self.module_member(target, node), arguments, node.line, node.name)
        if isinstance(target, Callee):
            return self.call(target, arguments, node.line, node.name)
        member = self.check_member(target.type, node)
        get = target.evaluate
        key = node.name.casefold()
        passed = self.host_arguments(arguments, member, node.line)
        result = "Variant" if member is None else self._result(member, passed)
        if member is not None and member.get is None:
            raise self.mistake(node.line, f".{node.name} can only be set")
        if not passed:
            return Compiled(lambda frame: get_member(get(frame), key), result)
        return Compiled(lambda frame: get_member(get(frame), key, tuple(a(frame) for a in passed)), result)

    def _code_named(self, node: tree.Member) -> Callee | None:
        """Sheet1.macro: a procedure in the module of the document that is named."""
        if not isinstance(node.target, tree.Name):
            return None
        found = self.lookup(node.target.name)
        if not isinstance(found, HostGlobal):
            return None
        module = self.names.module_of_object(found.target)
        own = None if module is None else self.names.member_of_module(module, node.name.casefold())
        return own if isinstance(own, Callee) else None

    @staticmethod
    def _result(member: Member, passed: list[Evaluate]) -> str:
        """What a member gives; with arguments that it does not take, an item of that."""
        if passed and not member.parameters.names and not member.parameters.rest:
            cls = CLASSES.get(member.result.casefold())
            return "Variant" if cls is None else getattr(cls, "item_type", "Variant")
        return member.result or "Variant"

    # ---- calls

    def _apply(self, node: tree.Apply) -> Compiled:
        callee = node.callee
        if isinstance(callee, tree.Member):
            return self.member_call(callee, node.arguments)
        if isinstance(callee, tree.Name):
            found = self.lookup(callee.name)
            if found is None:
                raise self.no_procedure(callee)
            if isinstance(found, (Local, Shared)):
                return self._index(self._variable(found), found.type, node)
            if isinstance(found, HostGlobal):
                return self._index(self.compile(callee), found.type, node)
            if isinstance(found, Constant):
                raise self.mistake(node.line, f"{callee.name} is a constant")
            if isinstance(found, ModuleName):
                raise self.mistake(node.line, f"the module {callee.name} cannot be called")
            return self.call(found, node.arguments, node.line, callee.name)
        target = self.compile(callee)
        return self._index(target, target.type, node)

    def _index(self, target: Compiled, element: str, node: tree.Apply) -> Compiled:
        """target(arguments): an element of an array or an item of an object."""
        get = target.evaluate
        passed = self.host_arguments(node.arguments, None, node.line)
        if target.type == "Array":
            indices = [self.index(argument, node.line) for argument in node.arguments]
            if len(indices) == 1:
                first = indices[0]
                return Compiled(lambda frame: element_of(get(frame), [first(frame)]), element)
            return Compiled(lambda frame: element_of(get(frame), [i(frame) for i in indices]), element)
        cls = CLASSES.get(target.type.casefold())
        if cls is None and target.type not in ("Variant", "Object"):
            raise self.mistake(node.line, f"a {target.type} has no elements")
        item_type = "Variant" if cls is None else getattr(cls, "item_type", "Variant")
        return Compiled(lambda frame: indexed(get(frame), tuple(a(frame) for a in passed)), item_type)

    def index(self, argument: tree.Argument, line: int) -> Callable[[Frame], int]:
        if argument.value is None or argument.name is not None:
            raise self.mistake(line, "an index is missing")
        get = self.value(argument.value).evaluate

        def whole(frame: Frame) -> int:
            value = get(frame)
            return value if type(value) is int or type(value) is Integer else rounded(number(value))

        return whole

    def call(self, found: Binding, arguments: list[tree.Argument], line: int, name: str) -> Compiled:
        if isinstance(found, Callee):
            return self.call_procedure(found, arguments, line)
        if isinstance(found, library.LibraryFunction):
            return self.call_library(found, arguments, line)
        if isinstance(found, HostMember):
            return self._call_host(found, arguments, line)
        if isinstance(found, Constant):
            constant = found.value
            return Compiled(lambda frame: constant, found.type)
        if isinstance(found, (Local, Shared)):
            variable = self._variable(found)
            if not arguments:
                return variable
            return self._index(variable, found.type, tree.Apply(line, tree.Name(line, name), arguments))
        if isinstance(found, HostGlobal):
            target = found.target
            return Compiled(lambda frame: target, found.type)
        raise self.mistake(line, f"{name} cannot be called")

    def _call_host(self, found: HostMember, arguments: list[tree.Argument], line: int) -> Compiled:
        target, key = found.target, found.member.name.casefold()
        self.members.add(key)
        passed = self.host_arguments(arguments, found.member, line)
        result = self._result(found.member, passed)
        if not passed:
            return Compiled(lambda frame: get_member(target, key), result)
        return Compiled(lambda frame: get_member(target, key, tuple(a(frame) for a in passed)), result)

    def call_library(self, found: library.LibraryFunction, arguments: list[tree.Argument], line: int) -> Compiled:
        ordered = self.ordered(arguments, found.parameters, line, found.name)
        compile_one = self.compile if found.takes_objects else self.value
        passed = [missing if a is None else compile_one(a).evaluate for a in ordered]
        function, host = found.function, self.names.host
        if found.needs_host:
            return Compiled(lambda frame: function(host, *[a(frame) for a in passed]), found.result)
        if len(passed) == 1:
            only = passed[0]
            return Compiled(lambda frame: function(only(frame)), found.result)
        return Compiled(lambda frame: function(*[a(frame) for a in passed]), found.result)

    def host_arguments(self, arguments: list[tree.Argument], member: Member | None, line: int) -> list[Evaluate]:
        """Arguments to a member of the host, in the order it takes them; objects go as they are."""
        if member is not None and (member.parameters.names or member.parameters.rest):
            if not arguments and not member.parameters.required:
                return []
            ordered = self.ordered(arguments, member.parameters, line, member.name)
            self._check_constants(member, ordered, line)
        else:
            if any(argument.name is not None for argument in arguments):
                if member is not None:
                    raise self.mistake(line, f"{member.name} takes no argument of that name")
                return [self._named_argument(argument) for argument in arguments]
            ordered = [argument.value for argument in arguments]
        return [missing if a is None else self.compile(a).evaluate for a in ordered]

    def _check_constants(self, member: Member, ordered: list[tree.Expression | None], line: int) -> None:
        """Refuses a constant for which the member does something that is not supported."""
        for name, node in zip(member.parameters.names, ordered):
            if name not in member.allowed or not isinstance(node, (tree.Name, tree.Literal)):
                continue
            found = self.lookup(node.name) if isinstance(node, tree.Name) else Constant(node.value, "")
            if isinstance(found, Constant) and found.value not in member.allowed[name]:
                said = node.name if isinstance(node, tree.Name) else node.value
                raise self.refusal(line, f"{member.name} with {said}")

    def _named_argument(self, argument: tree.Argument) -> Evaluate:
        """An argument to a member known only when the macro runs: there it finds its place by its name."""
        if argument.value is None:
            return missing
        evaluate, name = self.compile(argument.value).evaluate, argument.name
        return evaluate if name is None else (lambda frame: Named(name, evaluate(frame)))

    def ordered(
        self, arguments: list[tree.Argument], parameters: Parameters, line: int, name: str
    ) -> list[tree.Expression | None]:
        """The arguments in the order of the parameters, None for those left out in between."""
        ordered: list[tree.Expression | None] = []
        named: dict[int, tree.Expression | None] = {}
        for argument in arguments:
            if argument.name is None:
                ordered.append(argument.value)
                continue
            key = argument.name.casefold()
            if key not in parameters.names:
                raise self.refusal(line, f"the argument {argument.name} of {name}")
            named[parameters.names.index(key)] = argument.value
        for place, value in named.items():
            ordered += [None] * (place + 1 - len(ordered))
            ordered[place] = value
        if len(ordered) > len(parameters.names) and not parameters.rest:
            raise self.mistake(line, f"{name} takes at most {len(parameters.names)} arguments")
        absent = [ordered[place] is None if place < len(ordered) else True for place in range(parameters.required)]
        if any(absent):
            raise self.mistake(line, f"{name} needs at least {parameters.required} arguments")
        return ordered

    # ---- calls of the project's own procedures

    def call_procedure(self, found: Callee, arguments: list[tree.Argument], line: int) -> Compiled:
        self.reached.append(found)
        procedure, code = found.procedure, found.code
        bind = self._bound(procedure, arguments, line)
        machine = self.names.host.machine

        def call(frame: Frame) -> Any:
            variables, after = bind(frame)
            result = machine.call(code, variables)
            for write_back in after:
                write_back(frame)
            return result

        return Compiled(call, procedure.result or "Variant")

    def _bound(
        self, procedure: tree.Procedure, arguments: list[tree.Argument], line: int
    ) -> Callable[[Frame], tuple[list[Variable], list[Callable[[Frame], None]]]]:
        parameters = procedure.parameters
        rest = bool(parameters) and parameters[-1].param_array
        fixed = parameters[:-1] if rest else parameters
        names = tuple(parameter.name.casefold() for parameter in fixed)
        required = sum(not parameter.optional for parameter in fixed)
        ordered = self.ordered(arguments, Parameters(names, required, rest), line, procedure.name)
        binders = [
            self._argument(parameter, ordered[place] if place < len(ordered) else None, line)
            for place, parameter in enumerate(fixed)
        ]
        extra = [missing if a is None else self.compile(a).evaluate for a in ordered[len(fixed) :]] if rest else []

        def bind(frame: Frame) -> tuple[list[Variable], list[Callable[[Frame], None]]]:
            after: list[Callable[[Frame], None]] = []
            variables = [binder(frame, after) for binder in binders]
            if rest:
                items = [copied(a(frame)) for a in extra]
                variables.append(Variable("Variant", Array([(0, len(items) - 1)], items=items)))
            return variables, after

        return bind

    def _argument(
        self, parameter: tree.Parameter, node: tree.Expression | None, line: int
    ) -> Callable[[Frame, list[Callable[[Frame], None]]], Variable]:
        """How an argument becomes the parameter's variable: the caller's own, if passed ByRef."""
        declared = parameter.type_name
        if node is None:
            default = self._default(parameter)
            return lambda frame, after: Variable(declared, default)
        if not parameter.by_value and not isinstance(node, tree.Parenthesised):
            found = self.need(node.name, node.line) if isinstance(node, tree.Name) else None
            if isinstance(found, Local) and (found.type == declared or declared == "Variant" or parameter.is_array):
                index = found.index
                return lambda frame, after: frame.variables[index]
            if isinstance(found, Shared) and (found.type == declared or declared == "Variant" or parameter.is_array):
                variable = found.variable
                return lambda frame, after: variable
            if isinstance(node, tree.Apply) and not isinstance(node.callee, tree.Member):
                return self._element_argument(parameter, node)
        evaluate = self.compile(node).evaluate
        return lambda frame, after: passed_variable(declared, evaluate(frame))

    def _element_argument(
        self, parameter: tree.Parameter, node: tree.Apply
    ) -> Callable[[Frame, list[Callable[[Frame], None]]], Variable]:
        """An element of an array ByRef: a variable whose value goes back into the array after the call."""
        evaluate, declared = self.compile(node).evaluate, parameter.type_name
        holder = self.compile(node.callee) if isinstance(node.callee, tree.Name) and self._is_variable(node) else None
        indices = [] if holder is None else [self.index(argument, node.line) for argument in node.arguments]

        def bind(frame: Frame, after: list[Callable[[Frame], None]]) -> Variable:
            variable = passed_variable(declared, evaluate(frame))
            array = None if holder is None else holder.evaluate(frame)
            if isinstance(array, Array):
                place = array.position([i(frame) for i in indices])

                def write_back(_: Frame) -> None:
                    array.items[place] = variable.value

                after.append(write_back)
            return variable

        return bind

    def _is_variable(self, node: tree.Apply) -> bool:
        assert isinstance(node.callee, tree.Name)
        return isinstance(self.lookup(node.callee.name), (Local, Shared))

    def _default(self, parameter: tree.Parameter) -> Any:
        if parameter.default is not None:
            return self.constant_value(parameter.default, parameter.type_name)
        return MISSING if parameter.type_name == "Variant" else initial(parameter.type_name)

    def constant_value(self, node: tree.Expression, declared: str | None) -> Any:
        """The value of a constant expression."""
        value = self.compile(node).evaluate(_NO_FRAME)
        variable = Variable(declared or "Variant")
        variable.let(let(value))
        return variable.value

    # ---- operators

    def _unary(self, node: tree.Unary) -> Compiled:
        operand = self.compile(node.operand)
        get, wide = operand.evaluate, operand.type not in VALUE_TYPES
        if node.operator == "not":
            declared = operand.type if operand.type in ("Boolean", "Byte", "Integer", "Long") else "Variant"
            return Compiled(lambda frame: arithmetic.logical_not(get(frame)), declared)
        if isinstance(node.operand, tree.Literal) and node.operator == "-":
            value = arithmetic.negate(node.operand.value, wide)
            return Compiled(lambda frame: value, literal_type(value))
        declared = {"Boolean": "Integer", "Byte": "Integer", "String": "Double"}.get(operand.type, operand.type)
        if node.operator == "+":
            return Compiled(lambda frame: arithmetic.plus(get(frame)), declared if operand.is_value else "Variant")
        return Compiled(lambda frame: arithmetic.negate(get(frame), wide), declared if operand.is_value else "Variant")

    def _binary(self, node: tree.Binary) -> Compiled:
        if node.operator == "is":
            first, second = self.compile(node.left).evaluate, self.compile(node.right).evaluate
            return Compiled(lambda frame: arithmetic.same_object(first(frame), second(frame)), "Boolean")
        left, right = self.value(node.left), self.value(node.right)
        left, right = _matched(node.left, left, right), _matched(node.right, right, left)
        a, b = left.evaluate, right.evaluate
        fold = self.module.declarations.compare_text
        if node.operator == "like":
            return Compiled(lambda frame: arithmetic.like(a(frame), b(frame), fold), "Boolean")
        if node.operator in _COMPARISONS:
            return self._comparison(node.operator, left, right)
        compute = _BINARY[node.operator]
        wide = not (left.is_value and right.is_value)
        result = "Variant" if wide else _declared_result(node.operator, left.type, right.type)
        return Compiled(lambda frame: compute(a(frame), b(frame), wide), result)

    def _comparison(self, symbol: str, left: Compiled, right: Compiled) -> Compiled:
        a, b = left.evaluate, right.evaluate
        fold = self.module.declarations.compare_text
        numeric = set(_NUMERIC_RANK[1:])
        if left.type in numeric and right.type in numeric:
            plain = _FLOAT_COMPARISONS[symbol]
            return Compiled(lambda frame: plain(a(frame), b(frame)), "Boolean")
        compare = arithmetic.comparison(_COMPARISONS[symbol], left.type, right.type, fold)
        return Compiled(
            lambda frame: compare(a(frame), b(frame)), "Boolean" if left.is_value and right.is_value else "Variant"
        )

    # ---- objects

    def _new(self, node: tree.New) -> Compiled:
        if node.class_name.casefold() != "collection":
            raise self.refusal(node.line, f"New {node.class_name}")
        make = self.names.host.new_collection
        return Compiled(lambda frame: make(), "Collection")

    def _type_of(self, node: tree.TypeOf) -> Compiled:
        get = self.compile(node.operand).evaluate
        wanted = node.class_name.casefold()

        def test(frame: Frame) -> bool:
            value = get(frame)
            if value is NOTHING:
                raise VbaError(OBJECT_NOT_SET)
            return isinstance(value, VbaObject) and wanted in ("object", value.type_name.casefold())

        return Compiled(test, "Boolean")


_METHODS: dict[type, str] = {
    tree.Literal: "_literal",
    tree.Name: "_name",
    tree.Bracketed: "_bracketed",
    tree.Member: "_member",
    tree.Apply: "_apply",
    tree.Unary: "_unary",
    tree.Binary: "_binary",
    tree.Parenthesised: "_parenthesised",
    tree.New: "_new",
    tree.TypeOf: "_type_of",
}

_NO_FRAME = Frame(Code("", ""), [])


# ---- declared types ------------------------------------------------------------------------------


def _matched(node: tree.Expression, own: Compiled, other: Compiled) -> Compiled:
    """A small literal in the type of what it is combined with, which saves converting it each time."""
    if isinstance(node, tree.Literal) and type(node.value) is Integer and other.type in ("Long", "Double"):
        value = int(node.value) if other.type == "Long" else float(node.value)
        return Compiled(lambda frame: value, other.type)
    return own


def _declared_result(symbol: str, left: str, right: str) -> str:
    """The type that an operation on two declared types gives; Variant where that is not plain."""
    if symbol == "&":
        return "String"
    if symbol in ("/", "^"):
        return "Variant" if "Single" in (left, right) or "Currency" in (left, right) else "Double"
    if left not in _NUMERIC_RANK or right not in _NUMERIC_RANK:
        return "Variant"
    if symbol in ("and", "or", "xor", "eqv", "imp") and left == right == "Boolean":
        return "Boolean"
    place = max(_NUMERIC_RANK.index(left), _NUMERIC_RANK.index(right), 1)
    if "Single" in (left, right) and place == 5 and {left, right} & {"Long", "LongLong"}:
        place = 6
    if symbol in ("\\", "mod", "and", "or", "xor", "eqv", "imp"):
        place = 3 if place > 4 else place
    if left == right == "Byte":
        return "Byte"
    return _NUMERIC_RANK[max(place, 2)]
