"""Bytecode of any version as one small language of steps, which `machine.py` follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converters.keras.lambdas.marshalled import Code, NotMarshalled
from converters.keras.lambdas.opcodes import (
    ARGUMENTS_FROM,
    COMPARISONS,
    DIALECTS,
    NUMBERED_OPERATORS,
    OPERATORS,
    Dialect,
)

MOST_STEPS = 2000


@dataclass(frozen=True)
class Instruction:
    """One instruction as the file has it."""

    offset: int
    number: int
    name: str
    argument: int

    def __str__(self) -> str:
        return f"{self.offset:>4} {self.name} {self.argument}".rstrip()


@dataclass(frozen=True)
class Step:
    """What an instruction does: an action of `machine.py` and its operand. "unknown" is everything else."""

    action: str
    operand: Any = None
    offset: int = 0


@dataclass(frozen=True)
class Program:
    """A function's steps, and the instructions they come from, for people."""

    code: Code
    versions: str
    steps: tuple[Step, ...]
    listing: tuple[tuple[int, str], ...]  # offset and text

    def around(self, offset: int) -> str:
        """The instructions about one of them, which is marked."""
        place = next((k for k, (own, _) in enumerate(self.listing) if own >= offset), 0)
        shown = self.listing[max(0, place - 6) : place + 4]
        return "\n".join(f"{'->' if own == offset else '  '} {text}" for own, text in shown)


def decoded(codes: list[Code]) -> list[Program]:
    """Every way to understand these code objects; where there is a way without gaps, only such ways."""
    programs: list[Program] = []
    for code in codes:
        for dialect in DIALECTS:
            if dialect.layout != code.layout:
                continue
            try:
                programs.append(_program(code, dialect))
            except NotMarshalled:
                continue
    whole = [item for item in programs if all(step.action != "unknown" for step in item.steps)]
    distinct: dict[tuple[Step, ...], Program] = {}
    for item in whole or programs:
        distinct.setdefault(item.steps, item)
    return list(distinct.values())


def _program(code: Code, dialect: Dialect) -> Program:
    instructions = list(_instructions(code, dialect))
    if not instructions or not instructions[-1].name.startswith("RETURN_"):
        raise NotMarshalled("it does not end in a return")
    if len(instructions) > MOST_STEPS:
        raise NotMarshalled("it is too long")
    steps: list[Step] = []
    listing = []
    for item in instructions:
        made = list(_steps(item, code, dialect))
        steps += made
        listing.append((item.offset, _told(item, made)))
    return Program(code, dialect.versions, tuple(steps), tuple(listing))


def _told(item: Instruction, made: list[Step]) -> str:
    operand = next((step.operand for step in made if step.operand is not None), None)
    return f"{item}" + (f" ({operand!r:.60})" if operand is not None else "")


def _instructions(code: Code, dialect: Dialect) -> Iterator[Instruction]:
    data, place, extended = code.code, 0, 0
    while place < len(data):
        offset, number = place, data[place]
        name = dialect.opcodes.get(number, f"<instruction {number}>")
        if dialect.form == "words":
            if place + 2 > len(data):
                raise NotMarshalled("half an instruction at the end")
            argument, place = data[place + 1] | extended << 8, place + 2
        elif number >= ARGUMENTS_FROM:
            if place + 3 > len(data):
                raise NotMarshalled("half an instruction at the end")
            argument, place = data[place + 1] | data[place + 2] << 8 | extended << 16, place + 3
        else:
            argument, place = 0, place + 1
        if name == "EXTENDED_ARG":
            extended = argument & 0xFFFFFF
            continue
        extended = 0
        caches = 2 * dialect.caches.get(name, 0)
        if any(data[place : place + caches]) or place + caches > len(data):
            raise NotMarshalled("the room behind an instruction is not empty")
        place += caches
        yield Instruction(offset, number, name, argument)


def _steps(item: Instruction, code: Code, dialect: Dialect) -> Iterator[Step]:
    rule = RULES.get(item.name) or _by_prefix(item.name)
    if rule is None:
        yield Step("unknown", item.name, item.offset)
        return
    try:
        made = rule(item.argument, code, dialect)
    except IndexError as error:
        raise NotMarshalled("an instruction names something that is not there") from error
    for action, operand in made:
        yield Step(action, operand, item.offset)


Actions = list[tuple[str, Any]]
Rule = Callable[[int, Code, Dialect], Actions]


def _by_prefix(name: str) -> Rule | None:
    kind, _, rest = name.partition("_")
    if kind in ("BINARY", "INPLACE") and rest in OPERATORS:
        action = "divide" if rest == "DIVIDE" else "binary"
        return lambda argument, code, dialect: [(action, OPERATORS[rest])]
    return None


def _plain(action: str, operand: Any = None) -> Rule:
    return lambda argument, code, dialect: [(action, operand)]


def _counted(action: str) -> Rule:
    return lambda argument, code, dialect: [(action, argument)]


def _variable(argument: int, code: Code) -> str:
    return code.varnames[argument]


def _load_global(argument: int, code: Code, dialect: Dialect) -> Actions:
    if dialect.layout != "3.11":
        return [("global", code.names[argument])]
    load = ("global", code.names[argument >> 1])
    gap = [("nothing", None)] if argument & 1 else []
    return [load, *gap] if dialect.versions == "3.13" else [*gap, load]


def _load_attr(argument: int, code: Code, dialect: Dialect) -> Actions:
    if dialect.versions not in ("3.12", "3.13"):
        return [("attribute", code.names[argument])]
    gap = [("nothing", None)] if argument & 1 else []
    return [("attribute", code.names[argument >> 1]), *gap]


def _load_method(argument: int, code: Code, dialect: Dialect) -> Actions:
    gap = [("nothing", None)] if dialect.layout == "3.11" else []
    return [("attribute", code.names[argument]), *gap]


def _call_function(argument: int, code: Code, dialect: Dialect) -> Actions:
    """Before 3.6 the low byte counts arguments and the high byte pairs of a name and an argument."""
    if dialect.form == "bytes":
        return [("call_pairs", (argument & 0xFF, argument >> 8))]
    return [("call", argument)]


def _compare(argument: int, code: Code, dialect: Dialect) -> Actions:
    shift = {"3.12": 4, "3.13": 5}.get(dialect.versions, 0)
    place = argument >> shift
    return (
        [("compare", COMPARISONS[place])]
        if place < len(COMPARISONS)
        else [("unknown", f"comparison {place}")]
    )


def _binary_op(argument: int, code: Code, dialect: Dialect) -> Actions:
    return [("binary", NUMBERED_OPERATORS[argument % len(NUMBERED_OPERATORS)])]


def _two_variables(first: str, second: str) -> Rule:
    """One instruction of 3.13 for two variables, whose places share a byte."""

    def make(argument: int, code: Code, dialect: Dialect) -> Actions:
        return [(first, _variable(argument >> 4, code)), (second, _variable(argument & 15, code))]

    return make


def _intrinsic(argument: int, code: Code, dialect: Dialect) -> Actions:
    return {5: [("positive", None)], 6: [("list_to_tuple", None)]}.get(
        argument, [("unknown", f"intrinsic {argument}")]
    )


RULES: Mapping[str, Rule] = {
    "BINARY_OP": _binary_op,
    "BINARY_SLICE": _plain("index_slice", 3),
    "BINARY_SUBSCR": _plain("index"),
    "BUILD_CONST_KEY_MAP": _counted("map_of_names"),
    "BUILD_LIST": _counted("list"),
    "BUILD_MAP": lambda argument, code, dialect: [("map", 0 if dialect.layout == "2" else argument)],
    "BUILD_SLICE": _counted("slice"),
    "BUILD_TUPLE": _counted("tuple"),
    "CALL": _counted("call_beside"),
    "CALL_FUNCTION": _call_function,
    "CALL_FUNCTION_KW": _counted("call_named"),
    "CALL_INTRINSIC_1": _intrinsic,
    "CALL_KW": _counted("call_named_beside"),
    "CALL_METHOD": _counted("call"),
    "COMPARE_OP": _compare,
    "COPY": _counted("copy"),
    "COPY_FREE_VARS": lambda argument, code, dialect: [],
    "DUP_TOP": _plain("copy", 1),
    "IMPORT_FROM": lambda argument, code, dialect: [("import_from", code.names[argument])],
    "IMPORT_NAME": lambda argument, code, dialect: [("import", code.names[argument])],
    "KW_NAMES": lambda argument, code, dialect: [("names", code.consts[argument])],
    "LIST_EXTEND": _plain("extend"),
    "LIST_TO_TUPLE": _plain("list_to_tuple"),
    "LOAD_ATTR": _load_attr,
    "LOAD_CONST": lambda argument, code, dialect: [("constant", code.consts[argument])],
    "LOAD_DEREF": lambda argument, code, dialect: [("cell", code.closed[argument])],
    "LOAD_FAST": lambda argument, code, dialect: [("local", _variable(argument, code))],
    "LOAD_FAST_CHECK": lambda argument, code, dialect: [("local", _variable(argument, code))],
    "LOAD_FAST_LOAD_FAST": _two_variables("local", "local"),
    "LOAD_GLOBAL": _load_global,
    "LOAD_METHOD": _load_method,
    "MAKE_CELL": lambda argument, code, dialect: [],
    "NOP": lambda argument, code, dialect: [],
    "POP_TOP": _plain("drop"),
    "PRECALL": lambda argument, code, dialect: [],
    "PUSH_NULL": _plain("nothing"),
    "RESUME": lambda argument, code, dialect: [],
    "RETURN_CONST": lambda argument, code, dialect: [("constant", code.consts[argument]), ("return", None)],
    "RETURN_VALUE": _plain("return"),
    "ROT_TWO": _plain("rotate", 2),
    "ROT_THREE": _plain("rotate", 3),
    "ROT_FOUR": _plain("rotate", 4),
    "SLICE+0": _plain("index_slice", 0),
    "SLICE+1": _plain("index_slice", 1),
    "SLICE+2": _plain("index_slice", 2),
    "SLICE+3": _plain("index_slice", 3),
    "STORE_FAST": lambda argument, code, dialect: [("store", _variable(argument, code))],
    "STORE_FAST_LOAD_FAST": _two_variables("store", "local"),
    "STORE_FAST_STORE_FAST": _two_variables("store", "store"),
    "STORE_MAP": _plain("store_map"),
    "SWAP": _counted("swap"),
    "UNARY_INVERT": _plain("unary", "~"),
    "UNARY_NEGATIVE": _plain("unary", "-"),
    "UNARY_NOT": _plain("unary", "not"),
    "UNARY_POSITIVE": _plain("positive"),
    "UNPACK_SEQUENCE": _counted("unpack"),
}
