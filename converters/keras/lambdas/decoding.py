"""Bytecode of any version as one small language of steps, which `machine.py` follows.

What the instructions do is told in `instructions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converters.keras.lambdas.instructions import RULES, by_prefix
from converters.keras.lambdas.marshalled import BACKSLASH, SLASH, Code, NotMarshalled
from converters.keras.lambdas.opcodes import ARGUMENTS_FROM, DIALECTS, Dialect
from converters.keras.lambdas.terms import NotFollowed
from porter.dataclass import dataclass

MOST_STEPS = 2000
ENDS = ("RETURN_", "JUMP_", "RAISE_", "RERAISE")
"""What a function may end in; after a loop without end, a raise or a handler nothing returns."""

JUMPS = re.compile("JUMP|FOR_ITER|SETUP_LOOP|CONTINUE_LOOP")
FORWARD = re.compile("JUMP_FORWARD|FOR_ITER|SETUP_LOOP")
"""Instructions that lead somewhere; those of them that count from where they are in every version."""

DRIVE = re.compile(r"[A-Za-z]:/")
"""How the path of a file begins on Windows once its backslashes have gone."""

ON_WINDOWS = (
    "Keras on Windows writes a slash for every byte of a function that is a backslash, and one of its "
    "numbers has such a byte"
)

AFTER_LOOPS = {"3.12": 2, "3.13": 4}
"""What a loop that is done skips besides: it would clear the stack of what is gone already."""


@dataclass(frozen=True)
class Instruction:
    """One instruction as the file has it."""

    offset: int
    start: int  # where the bytes that extend its argument begin, or the same
    number: int
    name: str
    argument: int  # of a jump: the offset it leads to

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
    places: Mapping[int, int]  # the first step of the instruction at each offset
    dialect: Dialect
    handles: Step | None = None  # the first that handles an exception
    doubtful: bool = False  # it was written on Windows, and what that may have changed is not recognised

    def within(self, code: Code) -> Program:
        """A function that this one makes, in the same Python's bytecode."""
        try:
            made = _program(code, self.dialect)
        except NotMarshalled as error:
            raise NotFollowed(f"its function {code.name!r} cannot be read: {error}") from error
        if made.doubtful:
            raise NotFollowed(ON_WINDOWS)
        return made

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
    _refuse_other_lines(code, dialect)
    instructions = list(_instructions(code, dialect))
    if not instructions or not instructions[-1].name.startswith(ENDS):
        raise NotMarshalled("it does not end in a return")
    if len(instructions) > MOST_STEPS:
        raise NotMarshalled("it is too long")
    steps: list[Step] = []
    listing = []
    places: dict[int, int] = {}
    for item in instructions:
        made = list(_steps(item, code, dialect))
        places |= {item.start: len(steps), item.offset: len(steps)}
        steps += made
        listing.append((item.offset, _told(item, made)))
    if any(JUMPS.search(item.name) and item.argument not in places for item in instructions):
        raise NotMarshalled("a jump leads nowhere")
    handles = next((step for step in steps if step.operand == "PUSH_EXC_INFO"), None)
    doubtful = _on_windows(code, instructions) and (code.slashes or _slashes(code, dialect))
    return Program(code, dialect.versions, tuple(steps), tuple(listing), places, dialect, handles, doubtful)


def _on_windows(code: Code, instructions: Sequence[Instruction]) -> bool:
    """Whether slashes may stand for backslashes: the file's name tells, or an instruction that became one."""
    became = any(item.number == BACKSLASH and code.code[item.offset] == SLASH for item in instructions)
    return became or DRIVE.match(code.filename) is not None


def _slashes(code: Code, dialect: Dialect) -> bool:
    """Whether an instruction's argument has a slash for a byte."""
    if dialect.form == "words":
        return SLASH in code.code[1::2]
    data, place = code.code, 0
    while place < len(data):
        size = 3 if data[place] >= ARGUMENTS_FROM or data[place] == SLASH else 1
        if SLASH in data[place + 1 : place + size]:
            return True
        place += size
    return False


def _refuse_other_lines(code: Code, dialect: Dialect) -> None:
    """3.10 lists where lines end, up to the last byte; 3.8 and 3.9 list where they begin."""
    if dialect.layout == "3.8" and (sum(code.lines[::2]) == len(code.code)) is not (dialect.jumps == "words"):
        raise NotMarshalled("its lines are told in another way")


def _told(item: Instruction, made: list[Step]) -> str:
    if JUMPS.search(item.name):
        return f"{item.offset:>4} {item.name} to {item.argument}"
    shown = (step.operand for step in made if step.action not in ("function", "call_pairs"))
    operand = next((operand for operand in shown if operand is not None), None)
    if isinstance(operand, Code):
        return f"{item} (the code of {operand.name!r})"
    return f"{item}" + (f" ({operand!r:.60})" if operand is not None else "")


def _instructions(code: Code, dialect: Dialect) -> Iterator[Instruction]:
    data, place, extended, start = code.code, 0, 0, 0
    while place < len(data):
        offset, number = place, data[place]
        if number == SLASH and number not in dialect.opcodes:
            number = BACKSLASH
        if number == 0:
            raise NotMarshalled("there is no instruction 0")
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
        first, start = start, offset
        caches = 2 * dialect.caches.get(name, 0)
        if any(data[place : place + caches]) or place + caches > len(data):
            raise NotMarshalled("the room behind an instruction is not empty")
        place += caches
        if JUMPS.search(name):
            argument = _target(name, argument, place, dialect)
        yield Instruction(offset, first, number, name, argument)
        start = place


def _target(name: str, argument: int, place: int, dialect: Dialect) -> int:
    """The offset that a jump leads to."""
    unit = 1 if dialect.jumps == "bytes" else 2
    if dialect.jumps != "relative" and not FORWARD.fullmatch(name):
        return unit * argument
    ahead = -unit * argument if "BACKWARD" in name else unit * argument
    return place + ahead + (AFTER_LOOPS.get(dialect.versions, 0) if name == "FOR_ITER" else 0)


def _steps(item: Instruction, code: Code, dialect: Dialect) -> Iterator[Step]:
    rule = RULES.get(item.name) or by_prefix(item.name)
    if rule is None:
        yield Step("unknown", item.name, item.offset)
        return
    try:
        made = rule(item.argument, code, dialect)
    except IndexError as error:
        raise NotMarshalled("an instruction names something that is not there") from error
    for action, operand in made:
        yield Step(action, operand, item.offset)
