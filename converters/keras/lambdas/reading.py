"""A Lambda's function from its file: bytecode, arguments bound, steps followed, or a refusal that helps."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from converters.keras.lambdas.decoding import ON_WINDOWS, Program, decoded
from converters.keras.lambdas.machine import followed
from converters.keras.lambdas.marshalled import Code, NotMarshalled, unmarshalled
from converters.keras.lambdas.shapes import Extent
from converters.keras.lambdas.terms import NotFollowed
from converters.keras.lambdas.world import KerasWorld
from converters.keras.layer import LayerCall
from porter.dataclass import dataclass
from porter.errors import UnsupportedModel
from porter.graph.model import Value

BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


@dataclass(frozen=True)
class Stored:
    """A function as a file holds it."""

    code: bytes
    defaults: tuple[Any, ...] = ()
    closure: tuple[Any, ...] = ()


def stored_function(layer: LayerCall) -> Stored:
    """The bytecode of a layer's function, in any of the ways in which Keras wrote it."""
    told = layer.config.get("function")
    if isinstance(told, Mapping) and told.get("class_name") == "__lambda__":
        config = told.get("config") or {}
        told = [config.get("code"), config.get("defaults"), config.get("closure")]
    elif isinstance(told, Mapping) or layer.config.get("function_type", "lambda") != "lambda":
        name = told.get("config") if isinstance(told, Mapping) else told
        raise layer.refuse(f"its file names the function {name!r} and does not hold it", stub(layer, ""))
    parts = list(told) if isinstance(told, (list, tuple)) else [told]
    code, defaults, closure = [*parts, None, None, None][:3]
    if isinstance(code, bytes):  # as YAML may hold it
        return Stored(code, _items(defaults), _items(closure))
    if not isinstance(code, str):
        raise layer.refuse("its file holds no function", stub(layer, ""))
    return Stored(_bytes(code), _items(defaults), _items(closure))


def _items(told: Any) -> tuple[Any, ...]:
    """Default values; a tuple may be kept as a marked dictionary."""
    if isinstance(told, Mapping):
        told = told.get("value", told.get("items"))
    return tuple(told) if isinstance(told, (list, tuple)) else ()


def _bytes(text: str) -> bytes:
    """Keras 1 wrote bytes as text of their numbers, later versions as base64."""
    if BASE64.fullmatch(text):
        try:
            return base64.b64decode(text, validate=False)
        except binascii.Error:
            pass
    return text.encode("raw_unicode_escape")


def read_function(layer: LayerCall, argument: Any) -> tuple[Value, ...]:
    """What the layer's function makes of `argument`, as nodes."""
    stored = stored_function(layer)
    try:
        programs = decoded(unmarshalled(stored.code))
    except NotMarshalled as error:
        raise layer.refuse(f"its bytecode cannot be read: {error}", stub(layer, "")) from error
    if not programs:
        raise layer.refuse("its bytecode fits no Python from 2.7 to 3.13", stub(layer, ""))
    failures: list[tuple[Program, NotFollowed]] = []
    for program in programs:
        try:
            return _outcome(layer, program, stored, argument)
        except NotFollowed as problem:
            failures.append((program, problem))
    raise _refusal(layer, *failures[0])


def _outcome(layer: LayerCall, program: Program, stored: Stored, argument: Any) -> tuple[Value, ...]:
    if program.doubtful:
        raise NotFollowed(ON_WINDOWS)
    world = KerasWorld(layer)
    cells = dict(zip(program.code.free, stored.closure, strict=False))
    result = followed(program, _bound(layer, program.code, stored, argument), cells, world)
    values = list(result) if isinstance(result, (tuple, list)) else [result]
    if not values or not all(isinstance(value, Value) for value in values):
        kind = "sizes" if any(isinstance(value, Extent) for value in values) else type(result).__name__
        raise NotFollowed(f"it returns {kind} and no tensor")
    if world.taken:
        taken = ", ".join(f"{name} for {module}" for name, module in sorted(world.taken.items()))
        layer.context.notices.append(
            f"{'/'.join(layer.path)} (Lambda): its bytecode (Python {program.versions}) was read, not run, "
            f"and translated; the names of its module were taken as usual: {taken}"
        )
    return tuple(values)


def _bound(layer: LayerCall, code: Code, stored: Stored, argument: Any) -> dict[str, Any]:
    """The function's arguments by name: the layer's input, the config's arguments, the defaults."""
    names = code.varnames[: code.arguments + code.keyword_only]
    if not names or code.starred:
        raise NotFollowed("it takes its arguments by stars, or none")
    defaults = dict(
        zip(names[code.arguments - len(stored.defaults) : code.arguments], stored.defaults, strict=False)
    )
    told = layer.config.get("arguments") or {}
    if not isinstance(told, Mapping):
        raise NotFollowed(f"its arguments are no dictionary: {told!r:.60}")
    # copies: the function may change a list that it is given
    bound = deepcopy({**defaults, **{str(key): value for key, value in told.items()}})
    bound[names[0]] = argument
    if "mask" in names and "mask" not in bound:
        bound["mask"] = layer.mask
    missing = [name for name in names if name not in bound]
    if missing:
        raise NotFollowed(f"its argument {missing[0]!r} has no value in the file")
    return bound


def _refusal(layer: LayerCall, program: Program, problem: NotFollowed) -> UnsupportedModel:
    program = problem.program or program  # a function within
    code = program.code
    listing = program.around(problem.offset)
    told = "\n".join(f"      {line}" for line in listing.splitlines())
    what = (
        f"its function {code.name!r} ({code.filename}, line {code.line}) cannot be followed: "
        f"{problem.message}; its bytecode (Python {program.versions}) there:\n{told}\n   "
    )
    return layer.refuse(what, stub(layer, f"{code.name} of {code.filename}, line {code.line}"))


def stub(layer: LayerCall, function: str) -> str:
    """A rule of one's own for this layer, ready to be filled in."""
    name = layer.spec.name
    identifier = re.sub(r"\W", "_", name)
    told = f"what {function} computes" if function else "what its function computes"
    inputs = "layer.value" if len(layer.inputs) == 1 else "layer.inputs"
    lines: Sequence[str] = (
        "say what it computes with --custom FILE.py (docs/custom.md), for example:",
        "      from porter.custom import reads",
        "",
        f"      @reads({name!r})",
        f"      def read_{identifier}(layer):",
        f"          return layer.add(...)  # {told}, of {inputs}",
        "   ",
    )
    return "\n".join(lines)
