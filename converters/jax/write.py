"""A laid-out graph as a Flax NNX module: readable source, and weights under their paths in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from converters.jax.layers.attention import flax_has
from converters.jax.loading import READINGS, load_function
from converters.jax.module_names import (
    ARGUMENTS,
    IMPORTED,
    RANDOM,
    RESERVED,
    UNSEEDED,
    USUAL,
    VARIABLES,
    WORDS,
)
from converters.jax.rules import rules
from porter.layout import LaidOut
from porter.source.code import Attr, Call, Expression, Name, call
from porter.source.names import class_name
from porter.source.render import render
from porter.source.statements import Assign, Class, Expr, Function, Module, Param, Raw, Statement
from porter.source_model import Written
from porter.writing.containers import gathered, member
from porter.writing.instances import Dialect
from porter.writing.program import ClassPlan, Program
from porter.writing.shared import Shared, also, shared, stored_once
from porter.writing.shared import lines as tying
from porter.writing.snippets import constructor_arguments, snippets
from porter.writing.translate import signature, translate
from porter.writing.whole_heads import whole_heads

ABOUT = """{name} in JAX (Flax NNX); `load()` returns it with its weights, ready for inference.

As a pure function, for `jax.jit`, `jax.grad` and `jax.vmap`:

    graphdef, params, rest = nnx.split(load(), nnx.Param, ...)

    def apply(params, *inputs):
        return nnx.merge(graphdef, params, rest)(*inputs)"""

MODULES = {
    "partial(": "from functools import partial",
    "jax.": "import jax",
    "jnp.": "import jax.numpy as jnp",
    "np.": "import numpy as np",
}
"""Imported where the text uses them."""

PACKAGE = "converters.jax"
HELPERS = ("Fixed", "freeze", "set_weights", "read_h5")
RNGS = Name("rngs")


def write(laid: LaidOut, weights_format: str = "safetensors") -> Written:
    """The JAX form of a graph; every op that JAX cannot say is reported in one error."""
    own = constructor_arguments(PACKAGE)
    name = class_name(laid.graph.name, {*own, *IMPORTED})
    graph, parts = whole_heads(laid.graph, flax_has)
    dialect = Dialect(RESERVED, {**ARGUMENTS, **own}, USUAL, IMPORTED, WORDS)
    program = translate(graph, rules, dialect, name)
    one = shared(program, _walked)
    source = _source(program, laid, name, weights_format, one)
    modules = {path: parts.get(node, node) for path, node in program.modules.items()}
    return Written(source, stored_once(program.weights, one), modules, program.shows, also=also(one))


def _walked(key: str) -> list[tuple[bool, int, str]]:
    """The order in which Flax comes by: names by the alphabet, entries of lists by number."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in key.split(".")]


def _source(
    program: Program, laid: LaidOut, name: str, weights_format: str, one: Sequence[Shared]
) -> str:
    made = [made for part in program.classes for _, made in part.attributes]
    random = any(_draws(one) for one in made if isinstance(one, Call))
    plain = UNSEEDED | {part.name for part in program.classes if not part.attributes}
    *inner, whole = program.classes
    body: list[Statement] = [*(_class(part, plain) for part in inner), _class(whole, plain, laid, one)]
    body.append(load_function(_seeded(call(name), plain, call("nnx.Rngs", 0)), weights_format, random))
    words = set(re.findall(r"\w+", render(Module("", frozenset(), tuple(body)))))
    helpers = [helper for helper in (*program.helpers, *HELPERS) if helper in words]
    body[:0] = [Raw(text) for text in snippets(PACKAGE, helpers)]
    used = render(Module("", frozenset(), tuple(body)))
    imports = {"from pathlib import Path", "from flax import nnx", *READINGS[weights_format].imports}
    imports |= {line for word, line in MODULES.items() if re.search(rf"\b{re.escape(word)}", used)}
    return render(Module(ABOUT.format(name=name), frozenset(imports), tuple(body)))


def _class(
    part: ClassPlan, plain: frozenset[str], laid: LaidOut | None = None, one: Sequence[Shared] = ()
) -> Class:
    attributes: list[tuple[str, Expression]] = []
    freezing: dict[str, list[Statement]] = {}
    for name, made in part.attributes:
        frozen = _inside(part.frozen, name)
        whole = frozen == [""] and _is_variable(made)
        if isinstance(made, Call):
            made = replace(made, func=Name("Fixed")) if whole else _seeded(made, plain)
        attributes.append((name, made))
        if frozen and not whole:
            freezing.setdefault(name.partition(".")[0], []).extend(_freezing(name, frozen))
    lines: list[Statement] = []
    for name, made in gathered(attributes, WORDS, part.groups):
        lines += [Assign((Attr(Name("self"), name),), made), *freezing.get(name, ())]
    lines += tying(one)
    seeds = (Param("*"), Param("rngs", Name("nnx.Rngs")))
    arguments = (Param("self"), *(Param(name) for name in part.arguments), *seeds)
    members: list[Statement] = []
    if lines:
        members.append(Function("__init__", arguments, tuple(lines)))
    if part.body is not None:
        params = (Param("self"), *(Param(name) for name in part.body.params))
        members.append(Function("__call__", params, part.body.lines))
    return Class(part.name, (Name("nnx.Module"),), _doc(laid) if laid else part.doc, tuple(members))


def _doc(laid: LaidOut) -> str:
    return "\n".join(["The converted model.", "", *signature(laid.graph, laid.source_axes)])


def _inside(frozen: Sequence[str], attribute: str) -> list[str]:
    """What is not trained of an attribute: the paths inside it, an empty one for all of it."""
    paths = (path.removeprefix(attribute) for path in frozen if path.startswith(attribute))
    return [path.removeprefix(".") for path in paths if path[:1] in ("", ".")]


def _freezing(attribute: str, inside: Sequence[str]) -> Iterator[Statement]:
    """`freeze(self.norm, "bias")`, one line for each module that holds what is frozen."""
    owners: dict[str, list[str]] = {}
    for path in inside:
        owner, _, name = path.rpartition(".")
        owners.setdefault(owner, []).extend([name] if name else [])
    for owner, names in owners.items():
        where = member(Name("self"), ".".join([attribute, *([owner] if owner else [])]))
        yield Expr(call("freeze", where, *names))


def _is_variable(made: Expression) -> bool:
    return isinstance(made, Call) and isinstance(made.func, Name) and made.func.path in VARIABLES


def _seeded(made: Call, plain: frozenset[str], rngs: Expression = RNGS) -> Call:
    """The constructor call with `rngs=rngs` where it makes a module, which is named in capitals."""

    def inside(arg: Expression) -> Expression:
        return _seeded(arg, plain, rngs) if isinstance(arg, Call) else arg

    args = tuple(inside(arg) for arg in made.args)
    kwargs = tuple((name, inside(arg)) for name, arg in made.kwargs)
    callee = made.func.path if isinstance(made.func, Name) else ""
    if callee.rpartition(".")[2][:1].isupper() and callee not in plain:
        kwargs = (*kwargs, ("rngs", rngs))
    return replace(made, args=args, kwargs=kwargs)


def _draws(made: Call) -> bool:
    """Whether a constructor call makes a module that draws random numbers in training."""
    inner = (*made.args, *(value for _, value in made.kwargs))
    own = (isinstance(made.func, Name) and made.func.path in RANDOM) or "dropout_rate" in dict(made.kwargs)
    return own or any(_draws(arg) for arg in inner if isinstance(arg, Call))
