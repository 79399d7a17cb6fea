"""Following a function's steps with graph values in place of numbers: what it computes becomes nodes.

Only straight lines are followed; a step that would have to choose or repeat is refused. What operators,
functions and attributes mean is the `World`'s to say (`world.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from converters.keras.lambdas.decoding import Program, Step
from porter.errors import PorterError

MOST_DIGITS = 256
DEEPEST_NEST = 16


class NotFollowed(PorterError):
    """A step that cannot be followed; `offset` says which."""

    offset = 0


@dataclass(frozen=True)
class Reference:
    """Something outside the function, by its dotted name: a module, a function of one, a value's method."""

    path: tuple[str, ...]
    owner: Any = None  # the value whose attribute it is

    def __str__(self) -> str:
        return ".".join(self.path)


class World(Protocol):
    """What values and outside names mean."""

    def is_tensor(self, value: Any) -> bool: ...
    def binary(self, sign: str, left: Any, right: Any) -> Any: ...
    def unary(self, sign: str, value: Any) -> Any: ...
    def index(self, value: Any, key: Any) -> Any: ...
    def attribute(self, value: Any, name: str) -> Any: ...
    def known(self, reference: Reference) -> Any: ...
    def call(self, function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any: ...


class _Nothing:
    """The mark that newer Pythons push beside a function to be called."""


NOTHING = _Nothing()

NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}


def followed(program: Program, bound: Mapping[str, Any], cells: Mapping[str, Any], world: World) -> Any:
    """What the function returns for arguments and outer variables of these values."""
    for step in program.steps:
        if step.action not in ACTIONS and step.action != "return":
            what = f"it holds {step.operand}; conditions, loops and functions within are not followed"
            raise _refused(what, step)
    machine = _Machine(program, dict(bound), cells, world)
    for step in program.steps:
        try:
            if machine.follow(step):
                return machine.result
        except NotFollowed as problem:
            problem.offset = problem.offset or step.offset
            raise
        except (IndexError, TypeError, ValueError) as error:
            raise _refused(f"a step gets something that it cannot use ({error})", step) from error
    raise NotFollowed("it never returns")


def _refused(why: str, step: Step) -> NotFollowed:
    problem = NotFollowed(why)
    problem.offset = step.offset
    return problem


class _Machine:
    """The stack and the variables of one run."""

    def __init__(
        self, program: Program, variables: dict[str, Any], cells: Mapping[str, Any], world: World
    ) -> None:
        self.program, self.variables, self.cells, self.world = program, variables, cells, world
        self.stack: list[Any] = []
        self.names: tuple[str, ...] = ()
        self.result: Any = None

    def follow(self, step: Step) -> bool:
        """Do one step; True for the return."""
        if step.action == "return":
            self.result = self.stack.pop()
            return True
        ACTIONS[step.action](self, step.operand)
        return False

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
        elif name in self.cells:
            self.stack.append(self.cells[name])
        else:
            raise NotFollowed(f"the value of the outer variable {name!r} is not in the file")

    def store(self, name: str) -> None:
        self.variables[name] = self.stack.pop()

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

    def combined(self, sign: str, left: Any, right: Any) -> Any:
        if self.world.is_tensor(left) or self.world.is_tensor(right):
            return self.world.binary(sign, left, right)
        plain = (int, float, bool)
        if isinstance(left, plain) and isinstance(right, plain) and sign in NUMBERS:
            return _number(sign, left, right)
        if sign == "+" and type(left) is type(right) and isinstance(left, (tuple, list)):
            return left + right
        if sign == "*" and isinstance(left, (tuple, list)) and isinstance(right, int) and 0 <= right <= 32:
            return left * right
        if sign in ("==", "!=") and isinstance(left, str) and isinstance(right, str):
            return (left == right) is (sign == "==")
        raise NotFollowed(f"{_kind(left)} {sign} {_kind(right)} is not known here")

    def unary(self, sign: str) -> None:
        value = self.stack.pop()
        if self.world.is_tensor(value):
            self.stack.append(self.world.unary(sign, value))
        elif sign == "-" and isinstance(value, (int, float)):
            self.stack.append(-value)
        elif sign == "not" and isinstance(value, (bool, int)):
            self.stack.append(not value)
        else:
            raise NotFollowed(f"{sign} of {_kind(value)} is not known here")

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
        if isinstance(value, (tuple, list)) and (isinstance(key, int) or _plain_slice(key)):
            if isinstance(key, int) and not -len(value) <= key < len(value):
                raise NotFollowed(f"it takes item {key} of {len(value)}")
            return value[key]
        if isinstance(value, dict) and isinstance(key, str) and key in value:
            return value[key]
        return self.world.index(value, key)

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
            raise NotFollowed(f"it takes {_kind(value)} apart into {count}")
        self.stack += reversed(value)

    # -- outside ---------------------------------------------------------------------------------------

    def outside(self, name: str) -> None:
        self.stack.append(Reference((name,)))

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
        if not isinstance(function, Reference):
            raise NotFollowed(f"it calls {_kind(function)}")
        self.stack.append(self.world.call(function, arguments, named))

    def call(self, count: int) -> None:
        arguments = self.take(count)
        self.called(self.stack.pop(), arguments, {})

    def call_pairs(self, counts: tuple[int, int]) -> None:
        plain, named = counts
        pairs = self.take(2 * named)
        arguments = self.take(plain)
        names = [_name(name) for name in pairs[::2]]
        self.called(self.stack.pop(), arguments, dict(zip(names, pairs[1::2], strict=True)))

    def call_named(self, count: int, beside: bool = False) -> None:
        names = self.stack.pop()
        values = self.take(count)
        plain = count - len(names)
        named = dict(zip(map(_name, names), values[plain:], strict=True))
        self.called(self.function() if beside else self.stack.pop(), values[:plain], named)

    def call_named_beside(self, count: int) -> None:
        self.call_named(count, beside=True)

    def call_beside(self, count: int) -> None:
        """Since 3.11 an empty place lies on one side of the function."""
        values = self.take(count)
        plain = count - len(self.names)
        named = dict(zip(map(_name, self.names), values[plain:], strict=True))
        self.names = ()
        self.called(self.function(), values[:plain], named)

    def function(self) -> Any:
        pair = self.take(2)
        return pair[0] if isinstance(pair[1], _Nothing) else pair[1]

    def keep_names(self, names: tuple[str, ...]) -> None:
        self.names = names


ACTIONS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "attribute": _Machine.attribute,
    "binary": _Machine.binary,
    "call": _Machine.call,
    "call_beside": _Machine.call_beside,
    "call_named": _Machine.call_named,
    "call_named_beside": _Machine.call_named_beside,
    "call_pairs": _Machine.call_pairs,
    "cell": _Machine.cell,
    "compare": _Machine.binary,
    "constant": lambda machine, value: machine.stack.append(_text(value)),
    "copy": _Machine.copy,
    "divide": _Machine.divide,
    "drop": _Machine.drop,
    "extend": _Machine.extend,
    "global": _Machine.outside,
    "import": _Machine.imported,
    "import_from": _Machine.import_from,
    "index": _Machine.index,
    "index_slice": _Machine.index_slice,
    "list": _Machine.make_list,
    "list_to_tuple": _Machine.list_to_tuple,
    "local": _Machine.local,
    "map": _Machine.make_map,
    "map_of_names": _Machine.map_of_names,
    "names": _Machine.keep_names,
    "nothing": lambda machine, _: machine.stack.append(NOTHING),
    "positive": _Machine.positive,
    "rotate": _Machine.rotate,
    "slice": _Machine.make_slice,
    "store": _Machine.store,
    "store_map": _Machine.store_map,
    "swap": _Machine.swap,
    "tuple": _Machine.make_tuple,
    "unary": _Machine.unary,
    "unpack": _Machine.unpack,
}


def _number(sign: str, left: Any, right: Any) -> Any:
    """Arithmetic of plain numbers, of a sane size."""
    whole = sign == "**" and isinstance(left, int) and isinstance(right, int)
    if whole and abs(right) * max(abs(left).bit_length(), 1) > MOST_DIGITS:
        raise NotFollowed(f"{left} ** {right} is too large")
    try:
        result = NUMBERS[sign](left, right)
    except (ArithmeticError, ValueError) as error:
        raise NotFollowed(f"{left} {sign} {right}: {error}") from error
    if isinstance(result, complex) or (isinstance(result, int) and result.bit_length() > MOST_DIGITS):
        raise NotFollowed(f"{left} {sign} {right} is no ordinary number")
    return result


def _plain_slice(key: Any) -> bool:
    ends = (key.start, key.stop, key.step) if isinstance(key, slice) else (key,)
    return isinstance(key, slice) and all(end is None or isinstance(end, int) for end in ends)


def _text(value: Any) -> Any:
    """Python 2's text constants as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _name(value: Any) -> str:
    value = _text(value)
    if not isinstance(value, str):
        raise NotFollowed("the name of an argument is no text")
    return value


def _kind(value: Any) -> str:
    """A value for people."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)[:40]
    return f"{value}" if isinstance(value, Reference) else f"a {type(value).__name__}"
