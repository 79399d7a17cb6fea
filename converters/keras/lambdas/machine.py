"""Following a function's steps with graph values in place of numbers: what it computes becomes nodes.

Choices and loops are followed where plain values decide them (`flow.py`), within a budget of steps. What
operators, functions and attributes mean is the `World`'s to say (`world.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from converters.keras.lambdas import flow
from converters.keras.lambdas.decoding import Program, Step
from converters.keras.lambdas.terms import (
    DEEPEST_CALL,
    NOTHING,
    NUMBERS,
    Budget,
    Cell,
    Function,
    Items,
    NotFollowed,
    Reference,
    World,
    bounded,
    kind,
    name_of,
    number,
    plain_slice,
    text,
)

ALWAYS: Mapping[str, Any] = {"True": True, "False": False, "None": None}
"""Names of Python 2 that are no names any more."""


def followed(program: Program, bound: Mapping[str, Any], cells: Mapping[str, Any], world: World) -> Any:
    """What the function returns for arguments and outer variables of these values."""
    outer = {name: Cell({name: value}, name) for name, value in cells.items()}
    return Machine(program, dict(bound), outer, world, Budget()).outcome()


class Machine:
    """The stack and the variables of one run."""

    def __init__(
        self,
        program: Program,
        variables: dict[str, Any],
        cells: Mapping[str, Cell],
        world: World,
        budget: Budget,
    ) -> None:
        self.program, self.variables, self.cells, self.world = program, variables, cells, world
        self.budget = budget
        self.place = 0
        self.stack: list[Any] = []
        self.loops: list[tuple[int, int]] = []  # where a loop ends, and how high the stack was before it
        self.given: list[Any] = []  # by a generator
        self.names: tuple[str, ...] = ()

    def outcome(self) -> Any:
        """What it returns; all that a generator gives."""
        if self.program.handles:
            problem = NotFollowed("it handles exceptions, which is not followed")
            raise self.placed(problem, self.program.handles)
        while self.place < len(self.program.steps):
            step = self.program.steps[self.place]
            self.place += 1
            try:
                self.budget.spend()
                if step.action == "return":
                    result = self.stack.pop()
                    return Items(self.given) if self.program.code.generator else result
                self.follow(step)
            except NotFollowed as problem:
                raise self.placed(problem, step) from None
            except (IndexError, TypeError, ValueError, KeyError, AttributeError) as error:
                why = f"a step gets something that it cannot use ({error})"
                raise self.placed(NotFollowed(why), step) from error
        raise NotFollowed("it never returns")

    def placed(self, problem: NotFollowed, step: Step) -> NotFollowed:
        """`problem`, which arose at `step` unless it says otherwise."""
        if problem.program is None:
            problem.offset, problem.program = step.offset, self.program
        return problem

    def follow(self, step: Step) -> None:
        """Do one step."""
        if step.action not in ACTIONS:
            raise NotFollowed(f"it holds {step.operand}, which is not followed")
        ACTIONS[step.action](self, step.operand)

    def go(self, target: int) -> None:
        """On with the step at that offset."""
        self.place = self.program.places[target]

    def run(self, function: Function, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """A call of a function within."""
        if self.budget.depth >= DEEPEST_CALL:
            raise NotFollowed(f"its functions call one another more than {DEEPEST_CALL} deep")
        bound = flow.arguments_of(function, arguments, named)
        free = function.program.code.free
        if len(free) != len(function.cells) or not all(isinstance(cell, Cell) for cell in function.cells):
            raise NotFollowed("a function within shares variables that are not there")
        cells = dict(zip(free, function.cells, strict=True))
        self.budget.depth += 1
        result = Machine(function.program, bound, cells, self.world, self.budget).outcome()
        self.budget.depth -= 1
        return result

    def take(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise IndexError(count)
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    # -- variables -----------------------------------------------------------------------------------

    def local(self, name: str) -> None:
        if name not in self.variables:
            raise NotFollowed(f"variable {name!r} is used before it has a value")
        self.stack.append(self.variables[name])

    def cell(self, name: str) -> None:
        if name in self.variables:
            self.stack.append(self.variables[name])
        elif name in self.cells and self.cells[name].name in self.cells[name].holder:
            self.stack.append(self.cells[name].holder[self.cells[name].name])
        else:
            raise NotFollowed(f"the value of the outer variable {name!r} is not in the file")

    def store(self, name: str) -> None:
        value = self.stack.pop()
        self.variables[name] = value
        if value is NOTHING:
            del self.variables[name]

    def forget(self, name: str) -> None:
        del self.variables[name]

    def drop(self, _: Any) -> None:
        self.stack.pop()

    def copy(self, depth: int) -> None:
        self.stack.append(self.stack[-depth])

    def swap(self, depth: int) -> None:
        self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]

    def rotate(self, depth: int) -> None:
        """The top goes below the next ones."""
        top = self.stack.pop()
        self.stack.insert(len(self.stack) - depth + 1, top)

    # -- values --------------------------------------------------------------------------------------

    def binary(self, sign: str) -> None:
        left, right = self.take(2)
        self.stack.append(self.combined(sign, left, right))

    def divide(self, sign: str) -> None:
        """Python 2's division rounds whole numbers down."""
        left, right = self.take(2)
        whole = all(isinstance(item, int) for item in (left, right))
        self.stack.append(self.combined("//" if whole else sign, left, right))

    def in_place(self, sign: str) -> None:
        """`+=`, which changes a list itself."""
        left, right = self.take(2)
        if isinstance(left, list) and sign == "+" and isinstance(right, (tuple, list)):
            left.extend(right)
            self.stack.append(bounded(left))
        elif isinstance(left, list):
            raise NotFollowed(f"{sign}= of a list is not known here")
        else:
            self.stack.append(self.combined(sign, left, right))

    def combined(self, sign: str, left: Any, right: Any) -> Any:
        if sign in ("==", "!=") and (left is None or right is None):
            return (left is right) is (sign == "==")
        if self.world.is_tensor(left) or self.world.is_tensor(right):
            return self.world.binary(sign, left, right)
        plain = (int, float, bool)
        if isinstance(left, plain) and isinstance(right, plain) and sign in NUMBERS:
            return number(sign, left, right)
        if sign == "+" and type(left) is type(right) and isinstance(left, (tuple, list)):
            return bounded(left + right)
        if sign == "*" and isinstance(left, (tuple, list)) and isinstance(right, int) and 0 <= right <= 32:
            return bounded(left * right)
        if sign in ("==", "!=") and isinstance(left, str) and isinstance(right, str):
            return (left == right) is (sign == "==")
        raise NotFollowed(f"{kind(left)} {sign} {kind(right)} is not known here")

    def unary(self, sign: str) -> None:
        value = self.stack.pop()
        if sign == "not":
            self.stack.append(not flow.truth(self, value))
        elif self.world.is_tensor(value):
            self.stack.append(self.world.unary(sign, value))
        elif sign == "-" and isinstance(value, (int, float)):
            self.stack.append(-value)
        else:
            raise NotFollowed(f"{sign} of {kind(value)} is not known here")

    def positive(self, _: Any) -> None:
        """+x is x."""

    def index(self, _: Any) -> None:
        value, key = self.take(2)
        self.stack.append(self.indexed(value, key))

    def index_slice(self, form: int) -> None:
        """`x[a:b]`: by Python 2's four forms, which have no end, the first, the second, or both."""
        stop = self.stack.pop() if form & 2 else None
        start = self.stack.pop() if form & 1 else None
        self.stack.append(self.indexed(self.stack.pop(), slice(start, stop)))

    def indexed(self, value: Any, key: Any) -> Any:
        if isinstance(value, (tuple, list)) and (isinstance(key, int) or plain_slice(key)):
            if isinstance(key, int) and not -len(value) <= key < len(value):
                raise NotFollowed(f"it takes item {key} of {len(value)}")
            return value[key]
        if isinstance(value, dict) and isinstance(key, str) and key in value:
            return value[key]
        return self.world.index(value, key)

    def store_item(self, _: Any) -> None:
        """`held[key] = value`, of a list or a dictionary."""
        value, held, key = self.take(3)
        listed = isinstance(held, list) and isinstance(key, int) and -len(held) <= key < len(held)
        if not listed and not (isinstance(held, dict) and isinstance(key, (str, int))):
            raise NotFollowed(f"it stores into {kind(held)}")
        held[key] = value

    def make_slice(self, count: int) -> None:
        self.stack.append(slice(*self.take(count)))

    def make_tuple(self, count: int) -> None:
        self.stack.append(tuple(self.take(count)))

    def make_list(self, count: int) -> None:
        self.stack.append(self.take(count))

    def make_map(self, count: int) -> None:
        items = self.take(2 * count)
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def map_of_names(self, count: int) -> None:
        names = self.stack.pop()
        self.stack.append(dict(zip(names, self.take(count), strict=True)))

    def store_map(self, _: Any) -> None:
        value, key = self.take(2)
        if not isinstance(self.stack[-1], dict):
            raise NotFollowed("it stores into something other than a dictionary")
        self.stack[-1][key] = value

    def extend(self, _: Any) -> None:
        more = self.stack.pop()
        if not isinstance(more, (tuple, list)) or not isinstance(self.stack[-1], list):
            raise NotFollowed("it joins lists with something that is none")
        self.stack[-1] = [*self.stack[-1], *more]

    def list_to_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self.stack.pop()))

    def unpack(self, count: int) -> None:
        value = self.stack.pop()
        if not isinstance(value, (tuple, list)) or len(value) != count:
            raise NotFollowed(f"it takes {kind(value)} apart into {count}")
        self.stack += reversed(value)

    def unpack_rest(self, told: int) -> None:
        """`a, *b, c = value`, with the numbers of names before and behind the star in two bytes."""
        value, before, behind = self.stack.pop(), told & 0xFF, told >> 8
        if not isinstance(value, (tuple, list)) or len(value) < before + behind:
            raise NotFollowed(f"it takes {kind(value)} apart into {before + behind} and more")
        end = len(value) - behind
        self.stack += reversed([*value[:before], list(value[before:end]), *value[end:]])

    # -- outside ---------------------------------------------------------------------------------------

    def outside(self, name: str) -> None:
        self.stack.append(ALWAYS.get(name, Reference((name,))))

    def imported(self, name: str) -> None:
        """`import a.b` gives `a`; `from a import b` asks for `b` of `a` itself."""
        _, names = self.take(2)
        parts = tuple(name.split("."))
        self.stack.append(Reference(parts if names else parts[:1]))

    def import_from(self, name: str) -> None:
        module = self.stack[-1]
        if not isinstance(module, Reference):
            raise NotFollowed("it imports from something other than a module")
        self.stack.append(Reference((*module.path, name)))

    def attribute(self, name: str) -> None:
        value = self.stack.pop()
        if isinstance(value, Reference) and value.owner is None:
            self.stack.append(self.world.known(Reference((*value.path, name))))
        else:
            self.stack.append(self.world.attribute(value, name))

    def called(self, function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
        if isinstance(function, Function):
            self.stack.append(function(*arguments, **named))
            return
        if not isinstance(function, Reference):
            raise NotFollowed(f"it calls {kind(function)}")
        self.stack.append(self.world.call(function, arguments, named))

    def call(self, count: int) -> None:
        arguments = self.take(count)
        self.called(self.stack.pop(), arguments, {})

    def call_pairs(self, counts: tuple[int, int]) -> None:
        plain, named = counts
        pairs = self.take(2 * named)
        arguments = self.take(plain)
        names = [name_of(name) for name in pairs[::2]]
        self.called(self.stack.pop(), arguments, dict(zip(names, pairs[1::2], strict=True)))

    def call_named(self, count: int, beside: bool = False) -> None:
        names = self.stack.pop()
        values = self.take(count)
        plain = count - len(names)
        named = dict(zip(map(name_of, names), values[plain:], strict=True))
        self.called(self.function() if beside else self.stack.pop(), values[:plain], named)

    def call_named_beside(self, count: int) -> None:
        self.call_named(count, beside=True)

    def call_beside(self, count: int) -> None:
        """Since 3.11 an empty place lies on one side of the function."""
        values = self.take(count)
        if len(self.stack) > 1 and isinstance(self.stack[-2], Function) and self.stack[-1] is not NOTHING:
            values.insert(0, self.stack.pop())  # a comprehension's function with what it goes through
            self.stack.append(NOTHING)
        plain = len(values) - len(self.names)
        named = dict(zip(map(name_of, self.names), values[plain:], strict=True))
        self.names = ()
        self.called(self.function(), values[:plain], named)

    def function(self) -> Any:
        pair = self.take(2)
        return pair[0] if pair[1] is NOTHING else pair[1]

    def keep_names(self, names: tuple[str, ...]) -> None:
        self.names = names


ACTIONS: Mapping[str, Callable[[Machine, Any], None]] = {
    **flow.ACTIONS,
    "attribute": Machine.attribute,
    "binary": Machine.binary,
    "call": Machine.call,
    "call_beside": Machine.call_beside,
    "call_named": Machine.call_named,
    "call_named_beside": Machine.call_named_beside,
    "call_pairs": Machine.call_pairs,
    "cell": Machine.cell,
    "compare": Machine.binary,
    "constant": lambda machine, value: machine.stack.append(text(value)),
    "copy": Machine.copy,
    "divide": Machine.divide,
    "drop": Machine.drop,
    "extend": Machine.extend,
    "forget": Machine.forget,
    "global": Machine.outside,
    "in_place": Machine.in_place,
    "import": Machine.imported,
    "import_from": Machine.import_from,
    "index": Machine.index,
    "index_slice": Machine.index_slice,
    "list": Machine.make_list,
    "list_to_tuple": Machine.list_to_tuple,
    "local": Machine.local,
    "map": Machine.make_map,
    "map_of_names": Machine.map_of_names,
    "names": Machine.keep_names,
    "nothing": lambda machine, _: machine.stack.append(NOTHING),
    "positive": Machine.positive,
    "rotate": Machine.rotate,
    "slice": Machine.make_slice,
    "store": Machine.store,
    "store_item": Machine.store_item,
    "store_map": Machine.store_map,
    "swap": Machine.swap,
    "tuple": Machine.make_tuple,
    "unary": Machine.unary,
    "unpack": Machine.unpack,
    "unpack_rest": Machine.unpack_rest,
}
