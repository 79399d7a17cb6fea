"""Steps that choose, repeat, and make functions, as far as the file itself decides them.

A condition is followed where it is a plain value: a number, a text, None, a size that is known. What the
model computes decides nothing here: a function that branches on it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from converters.keras.lambdas.marshalled import Code
from converters.keras.lambdas.shapes import Extent, Shape
from converters.keras.lambdas.terms import (
    MOST_ITEMS,
    NOTHING,
    Cell,
    Function,
    Items,
    NotFollowed,
    kind,
    name_of,
)

if TYPE_CHECKING:
    from converters.keras.lambdas.machine import Machine

PLAIN = (bool, int, float, str)
DEFAULTS, NAMED_DEFAULTS, ANNOTATIONS, CLOSURE = 1, 2, 4, 8
"""What a function is made with, by Python's own flags."""


def truth(machine: Machine, value: Any) -> bool:
    """What `if` makes of a value."""
    if value is None or isinstance(value, (*PLAIN, tuple, list, dict)):
        return bool(value)
    if isinstance(value, Extent):
        raise NotFollowed("it chooses by a size that is known only when running")
    if isinstance(value, Shape) or not machine.world.is_tensor(value):
        raise NotFollowed(f"whether {kind(value)} counts as true is not known here")
    raise NotFollowed("it chooses by what the model computes")


# -- choosing ------------------------------------------------------------------------------------------


def jump(machine: Machine, target: int) -> None:
    """On elsewhere, whatever the values."""
    machine.go(target)


def jump_if(machine: Machine, told: tuple[int, bool]) -> None:
    """`if`, `while` and conditional expressions."""
    target, wanted = told
    if truth(machine, machine.stack.pop()) is wanted:
        machine.go(target)


def jump_or_drop(machine: Machine, told: tuple[int, bool]) -> None:
    """`and` and `or`: the value stays where it decides."""
    target, wanted = told
    if truth(machine, machine.stack[-1]) is wanted:
        machine.go(target)
    else:
        machine.stack.pop()


def jump_if_none(machine: Machine, told: tuple[int, bool]) -> None:
    """`if value is None` since 3.11."""
    target, wanted = told
    if (machine.stack.pop() is None) is wanted:
        machine.go(target)


def to_truth(machine: Machine, _: Any) -> None:
    """Since 3.13 in front of every choice."""
    machine.stack.append(truth(machine, machine.stack.pop()))


def identical(machine: Machine, inverted: bool) -> None:
    """`is`: only of None, True and False is it known which object they are."""
    left, right = machine.take(2)
    single = (type(None), bool)
    if not isinstance(left, single) and not isinstance(right, single):
        raise NotFollowed(f"whether {kind(left)} is the same object as {kind(right)} is not known here")
    machine.stack.append((left is right) is not inverted)


def contains(machine: Machine, inverted: bool) -> None:
    """`in`: of plain values in lists and texts."""
    item, held = machine.take(2)
    if isinstance(held, str) and isinstance(item, str):
        machine.stack.append((item in held) is not inverted)
        return
    plain = item is None or isinstance(item, PLAIN)
    if not plain or not isinstance(held, (tuple, list, dict, frozenset)):
        raise NotFollowed(f"whether {kind(item)} is in {kind(held)} is not known here")
    if not all(part is None or isinstance(part, PLAIN) for part in held):
        raise NotFollowed("it looks for a plain value among tensors")
    machine.stack.append((item in held) is not inverted)


# -- repeating -----------------------------------------------------------------------------------------


def items_of(value: Any) -> Items:
    """A run through a list, or through what can be listed."""
    if isinstance(value, Items):
        return value
    if not isinstance(value, (tuple, list, dict, str)):
        raise NotFollowed(f"it goes through {kind(value)}, whose items are not in the file")
    if len(value) > MOST_ITEMS:
        raise NotFollowed(f"it goes through more than {MOST_ITEMS:,} items")
    return Items(value if isinstance(value, list) else tuple(value))


def iterate(machine: Machine, _: Any) -> None:
    """The beginning of a loop or a comprehension."""
    machine.stack.append(items_of(machine.stack.pop()))


def next_item(machine: Machine, after: int) -> None:
    """The next item of a loop, or on after its end."""
    items = machine.stack[-1]
    if not isinstance(items, Items):
        raise NotFollowed(f"it goes through {kind(items)}")
    if items.place < len(items.held):
        machine.stack.append(items.held[items.place])
        items.place += 1
        return
    machine.stack.pop()
    machine.go(after)


def open_loop(machine: Machine, after: int) -> None:
    """Before 3.8 a loop says where it ends."""
    machine.loops.append((after, len(machine.stack)))


def close_loop(machine: Machine, _: Any) -> None:
    """A loop has come to its end by itself."""
    machine.loops.pop()


def leave_loop(machine: Machine, _: Any) -> None:
    """`break`."""
    after, height = machine.loops.pop()
    del machine.stack[height:]
    machine.go(after)


def append(machine: Machine, depth: int) -> None:
    """A comprehension's next item."""
    item = machine.stack.pop()
    held = machine.stack[-depth]
    if not isinstance(held, list):
        raise NotFollowed("it appends to something other than a list")
    held.append(item)


def give(machine: Machine, _: Any) -> None:
    """A generator's next item; all of them are made at once."""
    machine.given.append(machine.stack.pop())
    machine.stack.append(None)


# -- making functions ------------------------------------------------------------------------------------


def close_over(machine: Machine, name: str) -> None:
    """A variable as such, for a function within."""
    outer = machine.cells.get(name) if name not in machine.variables else None
    machine.stack.append(outer or Cell(machine.variables, name))


def share(machine: Machine, name: str) -> None:
    """A new value for a variable that functions share."""
    cell = machine.cells.get(name) if name in machine.program.code.free else None
    holder = machine.variables if cell is None else cell.holder
    holder[name if cell is None else cell.name] = machine.stack.pop()


def clear(machine: Machine, name: str) -> None:
    """A variable put aside, with whatever value it has."""
    machine.stack.append(machine.variables.pop(name, NOTHING))


def make_function(machine: Machine, told: tuple[str, int]) -> None:
    """`told`: how this Python lays out what a function is made of, and which of it there is."""
    form, flags = told
    if form.endswith("named"):
        machine.stack.pop()
    code = machine.stack.pop()
    if not isinstance(code, Code):
        raise NotFollowed("it makes a function of something that is no code")
    function = Function(machine.program.within(code), machine.run)
    if form.startswith("counted"):
        if form.startswith("counted closed"):
            function.cells = tuple(machine.stack.pop())
        if flags > 0xFF:
            raise NotFollowed("a function within has defaults for named arguments, or annotations")
        function.defaults = tuple(machine.take(flags))
    else:
        for flag in (CLOSURE, ANNOTATIONS, NAMED_DEFAULTS, DEFAULTS):
            if flags & flag:
                _attach(function, flag, machine.stack.pop())
    machine.stack.append(function)


def equip_function(machine: Machine, flag: int) -> None:
    """Since 3.13 a function gets its defaults and its outer variables one by one."""
    value, function = machine.take(2)
    if not isinstance(function, Function):
        raise NotFollowed("it gives defaults to something that is no function")
    _attach(function, flag, value)
    machine.stack.append(function)


def _attach(function: Function, flag: int, value: Any) -> None:
    if flag == DEFAULTS:
        function.defaults = tuple(value)
    elif flag == NAMED_DEFAULTS:
        function.named_defaults = dict(value)
    elif flag == CLOSURE:
        function.cells = tuple(value)


def arguments_of(function: Function, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call of a function within, by name."""
    code = function.program.code
    names = code.varnames[: code.arguments]
    every = code.varnames[: code.arguments + code.keyword_only]
    if code.starred or len(given) > len(names) or set(named) - set(every):
        raise NotFollowed(f"its function {code.name!r} is called with arguments that it does not name")
    first = len(names) - len(function.defaults)
    bound = dict(zip(names[max(first, 0) :], function.defaults, strict=False))
    bound |= {**function.named_defaults, **dict(zip(names, given, strict=False)), **named}
    missing = [name for name in every if name not in bound]
    if missing:
        raise NotFollowed(f"its function {code.name!r} is called without {missing[0]!r}")
    return bound


def call_spread(machine: Machine, told: tuple[bool, int]) -> None:
    """`f(*items)`, with named arguments in a dictionary where the second of `told` is odd."""
    beside, flags = told
    named = machine.stack.pop() if flags & 1 else {}
    given = machine.stack.pop()
    function = machine.function() if beside else machine.stack.pop()
    if not isinstance(given, (tuple, list)) or not isinstance(named, dict):
        raise NotFollowed("it calls with arguments whose number is not known")
    machine.called(function, given, {name_of(name): value for name, value in named.items()})


ACTIONS: Mapping[str, Callable[[Any, Any], None]] = {
    "append": append,
    "call_spread": call_spread,
    "clear": clear,
    "close_loop": close_loop,
    "closure": close_over,
    "contains": contains,
    "equip_function": equip_function,
    "function": make_function,
    "give": give,
    "identical": identical,
    "iterate": iterate,
    "jump": jump,
    "jump_if": jump_if,
    "jump_if_none": jump_if_none,
    "jump_or_drop": jump_or_drop,
    "leave_loop": leave_loop,
    "next": next_item,
    "open_loop": open_loop,
    "share": share,
    "truth": to_truth,
}
