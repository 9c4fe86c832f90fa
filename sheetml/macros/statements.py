"""Compiles a procedure to a list of instructions: Python functions of a frame that say where to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sheetml.macros import arithmetic, tree
from sheetml.macros.errors import OBJECT_NOT_SET, TYPE_MISMATCH, VbaError
from sheetml.macros.expressions import VALUE_TYPES, Compiled, Evaluate, ExpressionCompiler
from sheetml.macros.library import printed
from sheetml.macros.machine import RESUME_NEXT, Code, Finished, Frame, Instruction, Variable, fresh
from sheetml.macros.members import CLASSES, set_item_of, set_member
from sheetml.macros.names import (
    Binding,
    Constant,
    HostGlobal,
    HostMember,
    Local,
    ModuleName,
    Names,
    Shared,
)
from sheetml.macros.runtime import (
    dropping,
    held,
    keep,
    members_of,
    set_element,
    set_object,
    sized_array,
    store_element,
    unchanged,
)
from sheetml.macros.values import (
    NOTHING,
    Array,
    Integer,
    VbaObject,
    copied,
    is_object_type,
    number,
    to_long,
    to_string,
)

if TYPE_CHECKING:
    from sheetml.macros.modules import Module

_INTEGER_TYPE_PREFIXES = ("xl", "vb", "mso")  # XlDirection, VbMsgBoxResult: enumerations are Longs


class Target:
    """A place in the code that is known once the code before it is compiled."""

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place = -1


class ProcedureCompiler(ExpressionCompiler):
    def __init__(self, names: Names, module: Module, procedure: tree.Procedure, code: Code) -> None:
        super().__init__(names, module)
        self.procedure = procedure
        self.code = code
        self.labels: dict[str, Target] = {}
        self.exits: list[tuple[str, Target]] = []  # the loops around the statement, and where they end
        self.end = Target()

    # ---- the procedure

    def compile_procedure(self) -> None:
        procedure = self.procedure
        for parameter in procedure.parameters:
            declared = self.known_type(parameter.type_name, procedure.line)
            parameter.type_name = declared
            self._new_local(parameter.name, declared, parameter.is_array or parameter.param_array)
        if procedure.result:
            procedure.result = self.known_type(procedure.result, procedure.line)
            self.code.result = self._new_local(procedure.name, procedure.result).index
        self._collect_labels(procedure.body)
        self.statements(procedure.body)
        self.end.place = len(self.code.instructions)

    def _apply(self, node: tree.Apply) -> Compiled:
        """Within a Function, its name with parentheses is a call of itself."""
        callee = node.callee
        own = self.procedure.name.casefold()
        if isinstance(callee, tree.Name) and callee.name.casefold() == own and self.code.result is not None:
            found = self.names.member_of_module(self.module, own)
            assert found is not None
            return self.call(found, node.arguments, node.line, callee.name)
        return super()._apply(node)

    def known_type(self, declared: str, line: int) -> str:
        """A declared type, which must be one of the subset."""
        if declared in VALUE_TYPES or declared in ("Variant", "Object"):
            return declared
        cls = CLASSES.get(declared.casefold())
        if cls is not None and not cls.hidden:
            return cls.type_name
        if declared.casefold().startswith(_INTEGER_TYPE_PREFIXES) or self.names.is_enumeration(declared):
            return "Long"
        raise self.refusal(line, f"the type {declared}")

    def _new_local(self, name: str, declared: str, is_array: bool = False) -> Local:
        local = Local(len(self.code.variable_types), declared, is_array)
        self.code.variable_types.append("Variant" if is_array else declared)
        self.locals[name.casefold()] = local
        return local

    def undeclared(self, name: str, line: int) -> Binding:
        if self.module.declarations.explicit:
            return super().undeclared(name, line)
        return self._new_local(name, "Variant")

    def temporary(self) -> int:
        self.code.temporaries += 1
        return self.code.temporaries - 1

    def emit(self, instruction: Instruction, line: int) -> None:
        self.code.instructions.append(instruction)
        self.code.lines.append(line)

    def jump(self, target: Target, line: int) -> None:
        self.emit(lambda frame: target.place, line)

    def here(self) -> Target:
        target = Target()
        self.land(target)
        return target

    def land(self, target: Target) -> None:
        target.place = len(self.code.instructions)

    def statements(self, body: list[tree.Statement]) -> None:
        for statement in body:
            _COMPILE[type(statement)](self, statement)

    # ---- labels

    def _collect_labels(self, body: list[tree.Statement]) -> None:
        for statement in body:
            if isinstance(statement, tree.Label):
                self.labels[statement.name] = Target()
            for inner in _bodies(statement):
                self._collect_labels(inner)

    def label(self, name: str, line: int) -> Target:
        if name not in self.labels:
            raise self.mistake(line, f"there is no label {name}")
        return self.labels[name]

    def _label(self, node: tree.Label) -> None:
        self.land(self.labels[node.name])

    def _goto(self, node: tree.GoTo) -> None:
        self.jump(self.label(node.label, node.line), node.line)

    # ---- declarations

    def _dim(self, node: tree.Dim) -> None:
        for variable in node.variables:
            self._declare(variable, node.static or self.procedure.static, node.line)

    def _declare(self, declared: tree.Declared, static: bool, line: int) -> None:
        if declared.name.casefold() in self.locals:
            raise self.mistake(line, f"{declared.name} is declared twice")
        type_name = self.known_type(declared.type_name, line)
        local = self._new_local(declared.name, type_name, declared.bounds is not None)
        if static:
            self.code.statics[local.index] = fresh("Variant" if local.is_array else type_name)
        make = self.maker(declared, type_name, line)
        if make is None:
            return
        index = local.index

        def declare(frame: Frame) -> None:
            variable = frame.variables[index]
            if not static or variable.value is None or variable.value is NOTHING:
                variable.value = make()

        self.emit(declare, line)

    def maker(self, declared: tree.Declared, type_name: str, line: int) -> Callable[[], Any] | None:
        """What makes the first value of an array, or of a variable As New; None for all others."""
        if declared.bounds is not None:
            if not declared.bounds:
                return lambda: Array(None, type_name)
            base = self.module.declarations.base
            bounds = [
                (
                    base if lower is None else int(self.constant_value(lower, "Long")),
                    int(self.constant_value(upper, "Long")),
                )
                for lower, upper in declared.bounds
            ]
            return lambda: sized_array(bounds, type_name, fixed=True)
        if declared.new:
            if type_name != "Collection":
                raise self.refusal(line, f"As New {type_name}")
            return self.names.host.new_collection
        return None

    def _const(self, node: tree.Const) -> None:
        value = self.constant_value(node.value, node.type_name)
        declared = node.type_name or self.compile(node.value).type
        self.locals[node.name.casefold()] = Constant(value, declared)

    def _redim(self, node: tree.ReDim) -> None:
        for declared in node.variables:
            found = self.lookup(declared.name)
            if found is None:
                found = self._new_local(declared.name, self.known_type(declared.type_name, node.line), True)
            if not isinstance(found, (Local, Shared)):
                raise self.mistake(node.line, f"{declared.name} is not an array")
            get = self.place_of(found)
            element = found.type if found.is_array else self.known_type(declared.type_name, node.line)
            bounds = [
                (None if lower is None else self.value(lower).evaluate, self.value(upper).evaluate)
                for lower, upper in declared.bounds or []
            ]
            self._emit_redim(get, element, bounds, node)

    def _emit_redim(
        self,
        get: Callable[[Frame], Variable],
        element: str,
        bounds: list[tuple[Evaluate | None, Evaluate]],
        node: tree.ReDim,
    ) -> None:
        base, preserve = self.module.declarations.base, node.preserve

        def redim(frame: Frame) -> None:
            sizes = [
                (base if lower is None else int(to_long(lower(frame))), int(to_long(upper(frame))))
                for lower, upper in bounds
            ]
            variable = get(frame)
            old = variable.value
            if isinstance(old, Array) and old.fixed:
                raise VbaError(10)
            kind = old.element if isinstance(old, Array) and element == "Variant" else element
            new = sized_array(sizes, kind)
            if preserve and isinstance(old, Array) and old.bounds is not None:
                keep(old, new)
            variable.value = new

        self.emit(redim, node.line)

    def _erase(self, node: tree.Erase) -> None:
        for target in node.targets:
            get = self.compile(target).evaluate

            def erase(frame: Frame, get: Evaluate = get) -> None:
                array = get(frame)
                if not isinstance(array, Array):
                    raise VbaError(TYPE_MISMATCH)
                empty = Array(array.bounds if array.fixed else None, array.element, array.fixed)
                array.bounds, array.items = empty.bounds, empty.items

            self.emit(erase, node.line)

    def place_of(self, found: Local | Shared) -> Callable[[Frame], Variable]:
        """The variable itself."""
        if isinstance(found, Local):
            index = found.index
            return lambda frame: frame.variables[index]
        variable = found.variable
        return lambda frame: variable

    # ---- assignment

    def _assign(self, node: tree.Assign) -> None:
        store = self.setter(node.target, node.line) if node.is_set else self.letter(node.target, node.line)
        value = self.compile(node.value) if node.is_set else self.value(node.value)
        get = value.evaluate
        self.emit(lambda frame: store(frame, get(frame)), node.line)

    def letter(self, target: tree.Expression, line: int) -> Callable[[Frame, Any], None]:
        """What assigns a value to the target."""
        if isinstance(target, tree.Name):
            return self._let_name(target, line)
        if isinstance(target, tree.Member):
            return self._let_member(target, [])
        if isinstance(target, tree.Apply):
            return self._let_element(target)
        if isinstance(target, tree.Bracketed):
            get = self.compile(target).evaluate
            return lambda frame, value: set_item_of(get(frame), value)
        raise self.mistake(line, "this is nothing that could be assigned to")

    def _let_name(self, target: tree.Name, line: int) -> Callable[[Frame, Any], None]:
        found = self.need(target.name, line)
        if isinstance(found, (Local, Shared)):
            return self._let_variable(found)
        if isinstance(found, HostMember):
            if found.member.set is not None:
                host, key = found.target, found.member.name.casefold()
                return lambda frame, value: set_member(host, key, value)
            get = self._name(target).evaluate
            return lambda frame, value: set_item_of(get(frame), value)
        raise self.mistake(line, f"nothing can be assigned to {target.name}")

    def _let_variable(self, found: Local | Shared) -> Callable[[Frame, Any], None]:
        get = self.place_of(found)
        if found.is_array:

            def let_array(frame: Frame, value: Any) -> None:
                if not isinstance(value, Array):
                    raise VbaError(TYPE_MISMATCH)
                variable = get(frame)
                if isinstance(variable.value, Array) and variable.value.fixed:
                    raise VbaError(TYPE_MISMATCH)
                variable.value = value.copy()

            return let_array
        if is_object_type(found.type):
            return lambda frame, value: set_item_of(get(frame).value, value)
        if isinstance(found, Local):
            index = found.index

            def let_local(frame: Frame, value: Any) -> None:
                variable = frame.variables[index]
                if variable.convert is not None:
                    variable.value = variable.convert(value)
                else:
                    variable.value = value.copy() if type(value) is Array else value

            return let_local
        return lambda frame, value: get(frame).let(copied(value))

    def _let_member(self, target: tree.Member, arguments: list[tree.Argument]) -> Callable[[Frame, Any], None]:
        owner = self.target_of(target)
        if isinstance(owner, ModuleName):
            found = self.module_member(owner, target)
            if isinstance(found, Shared):
                return self._let_variable(found)
            if isinstance(found, HostMember):
                return self._let_name(tree.Name(target.line, target.name), target.line)
            raise self.mistake(target.line, f"nothing can be assigned to {target.name}")
        member = self.check_member(owner.type, target)
        if member is not None and member.set is None and member.result.casefold() not in CLASSES | {"variant": None}:
            raise self.refusal(target.line, f"setting .{target.name}")
        get, key = owner.evaluate, target.name.casefold()
        passed = self.host_arguments(arguments, member, target.line)
        return lambda frame, value: set_member(get(frame), key, value, tuple(a(frame) for a in passed))

    def _let_element(self, target: tree.Apply) -> Callable[[Frame, Any], None]:
        callee = target.callee
        if isinstance(callee, tree.Member):
            return self._let_member(callee, target.arguments)
        found = self.need(callee.name, callee.line) if isinstance(callee, tree.Name) else None
        if not isinstance(found, (Local, Shared)):
            get = self.compile(target).evaluate
            return lambda frame, value: set_item_of(get(frame), value)
        holder = self.place_of(found)
        indices = [self.index(argument, target.line) for argument in target.arguments]
        passed = self.host_arguments(target.arguments, None, target.line)

        def let_element(frame: Frame, value: Any) -> None:
            array = holder(frame).value
            if type(array) is Array:
                store_element(array, [i(frame) for i in indices], value)
            else:
                set_item_of(array, value, tuple(a(frame) for a in passed))

        return let_element

    def setter(self, target: tree.Expression, line: int) -> Callable[[Frame, Any], None]:
        """What puts an object into the target."""
        if isinstance(target, tree.Name):
            found = self.need(target.name, line)
            if isinstance(found, (Local, Shared)) and not found.is_array:
                get = self.place_of(found)
                return lambda frame, value: set_object(get(frame), value)
        elif isinstance(target, tree.Apply) and isinstance(target.callee, tree.Name):
            found = self.need(target.callee.name, line)
            if isinstance(found, (Local, Shared)):
                holder = self.place_of(found)
                indices = [self.index(argument, line) for argument in target.arguments]
                return lambda frame, value: set_element(holder(frame).value, [i(frame) for i in indices], value)
        raise self.refusal(line, "Set of anything but a variable or an element of an array")

    def _mid(self, node: tree.MidAssign) -> None:
        get, store = self.value(node.target).evaluate, self.letter(node.target, node.line)
        start, value = self.value(node.start).evaluate, self.value(node.value).evaluate
        length = None if node.length is None else self.value(node.length).evaluate

        def replace(frame: Frame) -> None:
            text, new = to_string(get(frame)), to_string(value(frame))
            first = int(to_long(start(frame))) - 1
            most = len(new) if length is None else int(to_long(length(frame)))
            if not 0 <= first < len(text) or most < 0:
                raise VbaError(5)
            most = min(most, len(new), len(text) - first)
            store(frame, text[:first] + new[:most] + text[first + most :])

        self.emit(replace, node.line)

    # ---- calls

    def _invoke(self, node: tree.Invoke) -> None:
        callee = node.callee
        if isinstance(callee, tree.Member):
            call = self.member_call(callee, node.arguments).evaluate
        elif isinstance(callee, tree.Name):
            call = self._statement_call(callee, node.arguments)
        else:
            raise self.mistake(node.line, "this is no statement")
        self.emit(dropping(call), node.line)

    def _statement_call(self, callee: tree.Name, arguments: list[tree.Argument]) -> Evaluate:
        if callee.name.casefold() == self.procedure.name.casefold():
            found = self.names.member_of_module(self.module, callee.name.casefold())
        else:
            found = self.lookup(callee.name)
        if found is None:
            raise self.no_procedure(callee)
        if isinstance(found, (Local, Shared, Constant, ModuleName, HostGlobal)):
            raise self.mistake(callee.line, f"{callee.name} is no Sub or Function")
        return self.call(found, arguments, callee.line, callee.name).evaluate

    def _debug_print(self, node: tree.DebugPrint) -> None:
        items = [(None if value is None else self.value(value).evaluate, mark) for value, mark in node.items]
        host = self.names.host

        def show(frame: Frame) -> None:
            host.print(printed([(None if get is None else (get(frame),), mark) for get, mark in items]))

        self.emit(show, node.line)

    # ---- control flow

    def _if(self, node: tree.If) -> None:
        done = Target()
        for number_, (test, body) in enumerate(node.branches):
            following = Target()
            self._unless(test, following, node.line)
            self.statements(body)
            if node.otherwise or number_ + 1 < len(node.branches):
                self.jump(done, node.line)
            self.land(following)
        self.statements(node.otherwise)
        self.land(done)

    def _unless(self, test: tree.Expression, target: Target, line: int) -> None:
        """Goes to the target where the condition does not hold."""
        holds = self.condition(test)
        self.emit(lambda frame: None if holds(frame) else target.place, line)

    def _select(self, node: tree.Select) -> None:
        place = self.temporary()
        subject = self.value(node.subject)
        get = subject.evaluate

        def remember(frame: Frame) -> None:
            frame.temporaries[place] = get(frame)

        self.emit(remember, node.line)
        done = Target()
        remembered = Compiled(lambda frame: frame.temporaries[place], subject.type)
        for case in node.cases:
            following = Target()
            if case.tests:
                self._unless_any([self._case_test(remembered, test) for test in case.tests], following, case.line)
            self.statements(case.body)
            self.jump(done, case.line)
            self.land(following)
        self.land(done)

    def _case_test(self, subject: Compiled, test: tuple[Any, ...]) -> Evaluate:
        if test[0] == "to":
            low = self._comparison(">=", subject, self.value(test[1])).evaluate
            high = self._comparison("<=", subject, self.value(test[2])).evaluate
            return lambda frame: arithmetic.is_true(low(frame)) and arithmetic.is_true(high(frame))
        symbol, value = ("=", test[1]) if test[0] == "value" else (test[1], test[2])
        return self._comparison(symbol, subject, self.value(value)).evaluate

    def _unless_any(self, tests: list[Evaluate], target: Target, line: int) -> None:
        is_true = arithmetic.is_true
        self.emit(lambda frame: None if any(is_true(test(frame)) for test in tests) else target.place, line)

    def _for(self, node: tree.For) -> None:
        place = self.temporary()
        store = self.letter(node.variable, node.line)
        variable = self.value(node.variable)
        get = variable.evaluate
        first, last = self.value(node.first).evaluate, self.value(node.last).evaluate
        step = (lambda frame: Integer(1)) if node.step is None else self.value(node.step).evaluate
        wide = not variable.is_value
        convert = Variable(variable.type).convert or unchanged
        done = Target()

        def begin(frame: Frame) -> None:
            start_value = convert(number(first(frame)))
            limit, increment = convert(number(last(frame))), convert(number(step(frame)))
            frame.temporaries[place] = (limit, increment, increment >= 0)
            store(frame, start_value)

        def within(frame: Frame) -> bool:
            state = frame.temporaries[place]
            if state is None:
                raise VbaError(92)
            value = get(frame)
            return bool(value <= state[0] if state[2] else value >= state[0])

        def advance(frame: Frame) -> int | None:
            store(frame, arithmetic.add(get(frame), frame.temporaries[place][1], wide))
            return start.place if within(frame) else None

        self.emit(begin, node.line)
        self.emit(lambda frame: None if within(frame) else done.place, node.line)
        start = self.here()
        self._loop_body("For", node.body, done)
        self.emit(advance, node.line)
        self.land(done)

    def _for_each(self, node: tree.ForEach) -> None:
        place = self.temporary()
        group = self.compile(node.group).evaluate
        store = self._each_store(node)
        done, test = Target(), Target()

        def begin(frame: Frame) -> None:
            frame.temporaries[place] = iter(members_of(group(frame)))

        def following(frame: Frame) -> int | None:
            try:
                item = next(frame.temporaries[place])
            except StopIteration:
                return done.place
            store(frame, item)
            return None

        self.emit(begin, node.line)
        self.land(test)
        self.emit(following, node.line)
        self._loop_body("For", node.body, done)
        self.jump(test, node.line)
        self.land(done)

    def _each_store(self, node: tree.ForEach) -> Callable[[Frame, Any], None]:
        if not isinstance(node.variable, tree.Name):
            raise self.mistake(node.line, "For Each needs a variable")
        found = self.need(node.variable.name, node.line)
        if not isinstance(found, (Local, Shared)) or found.is_array:
            raise self.mistake(node.line, "For Each needs a variable")
        get = self.place_of(found)

        def store(frame: Frame, item: Any) -> None:
            variable = get(frame)
            if isinstance(item, VbaObject):
                set_object(variable, item)
            else:
                variable.let(copied(item))

        return store

    def _loop_body(self, kind: str, body: list[tree.Statement], done: Target) -> None:
        self.exits.append((kind, done))
        self.statements(body)
        self.exits.pop()

    def _loop(self, node: tree.Loop) -> None:
        start, done = self.here(), Target()
        holds = None if node.condition is None else self.condition(node.condition)
        wanted = not node.until
        if holds is not None and not node.after:
            test = holds
            self.emit(lambda frame: None if test(frame) == wanted else done.place, node.line)
        self._loop_body("While" if node.is_while else "Do", node.body, done)
        if holds is not None and node.after:
            test = holds
            self.emit(lambda frame: start.place if test(frame) == wanted else None, node.line)
        else:
            self.jump(start, node.line)
        self.land(done)

    def _with(self, node: tree.With) -> None:
        place = self.temporary()
        target = self.compile(node.target)
        if target.is_value:
            raise self.mistake(node.line, "With needs an object")
        get = target.evaluate

        def remember(frame: Frame) -> None:
            value = get(frame)
            if not isinstance(value, VbaObject):
                raise VbaError(OBJECT_NOT_SET if value is NOTHING else 424)
            frame.temporaries[place] = value

        self.emit(remember, node.line)
        self.with_targets.append(Compiled(lambda frame: held(frame.temporaries[place]), target.type))
        self.statements(node.body)
        self.with_targets.pop()

    def _exit(self, node: tree.Exit) -> None:
        if node.what in ("Sub", "Function", "Property"):
            end, err = self.end, self.names.host.err

            def leave(frame: Frame) -> int:
                err.clear()
                return end.place

            self.emit(leave, node.line)
            return
        for kind, done in reversed(self.exits):
            if kind == node.what:
                self.jump(done, node.line)
                return
        raise self.mistake(node.line, f"Exit {node.what} stands outside any {node.what}")

    def _end(self, node: tree.End) -> None:
        def finish(frame: Frame) -> None:
            raise Finished

        self.emit(finish, node.line)

    # ---- errors

    def _on_error(self, node: tree.OnError) -> None:
        err = self.names.host.err
        target = self.label(node.label, node.line) if node.action == "label" else None

        def switch(frame: Frame) -> None:
            err.clear()
            if node.action == "off":
                frame.handler = None
            else:
                frame.handler = RESUME_NEXT if target is None else target.place

        self.emit(switch, node.line)

    def _resume(self, node: tree.Resume) -> None:
        err = self.names.host.err
        target = self.label(node.label, node.line) if node.action == "label" else None

        def resume(frame: Frame) -> int:
            if not frame.handling:
                raise VbaError(20)
            frame.handling = False
            err.clear()
            if target is not None:
                return target.place
            return frame.error_place + (node.action == "next")

        self.emit(resume, node.line)

    def _unsupported(self, node: tree.Unsupported) -> None:
        raise self.refusal(node.line, node.construct)


_COMPILE: dict[type, Callable[[ProcedureCompiler, Any], None]] = {
    tree.Dim: ProcedureCompiler._dim,
    tree.Const: ProcedureCompiler._const,
    tree.ReDim: ProcedureCompiler._redim,
    tree.Erase: ProcedureCompiler._erase,
    tree.Assign: ProcedureCompiler._assign,
    tree.MidAssign: ProcedureCompiler._mid,
    tree.Invoke: ProcedureCompiler._invoke,
    tree.DebugPrint: ProcedureCompiler._debug_print,
    tree.If: ProcedureCompiler._if,
    tree.Select: ProcedureCompiler._select,
    tree.For: ProcedureCompiler._for,
    tree.ForEach: ProcedureCompiler._for_each,
    tree.Loop: ProcedureCompiler._loop,
    tree.With: ProcedureCompiler._with,
    tree.Exit: ProcedureCompiler._exit,
    tree.OnError: ProcedureCompiler._on_error,
    tree.Resume: ProcedureCompiler._resume,
    tree.GoTo: ProcedureCompiler._goto,
    tree.Label: ProcedureCompiler._label,
    tree.End: ProcedureCompiler._end,
    tree.Unsupported: ProcedureCompiler._unsupported,
}


def _bodies(statement: tree.Statement) -> list[list[tree.Statement]]:
    """The statements inside a statement."""
    if isinstance(statement, tree.If):
        return [*(body for _, body in statement.branches), statement.otherwise]
    if isinstance(statement, tree.Select):
        return [case.body for case in statement.cases]
    if isinstance(statement, (tree.For, tree.ForEach, tree.Loop, tree.With)):
        return [statement.body]
    return []
