"""A model and the shapes of its inputs to a program, with an open batch wherever the model allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from converters.jax.read import CALLS, INNER, Held, Program
from converters.jax.reading.model import Model
from converters.jax.reading.origins import FOREIGN
from converters.jax.reading.watch import attention_watched
from porter.dataclass import dataclass
from porter.errors import FAULTS_OF_CALLS, Problem, RequestError, UnsupportedModel
from porter.weights.tensor import Stored


@dataclass(frozen=True)
class Traced:
    """A program, and what a user should know about it."""

    program: Program
    notices: tuple[str, ...] = ()


def faults() -> tuple[type[BaseException], ...]:
    """What a model, and JAX's look at it, can raise."""
    import jax
    from flax import errors

    return (*FAULTS_OF_CALLS, errors.FlaxError, jax.errors.InconclusiveDimensionOperation)


def trace(
    model: Model, inputs: Sequence[Any], find: Callable[[str], Stored], *, static_batch: bool
) -> Traced:
    """The program of a model on inputs like these, whose first axis is the batch."""
    found, fault = None, None
    shapes = () if static_batch else _open(inputs)
    if shapes:
        found, fault = _attempted(model, shapes, find)
    if found is not None:
        return Traced(found)
    program, fixed_fault = _attempted(model, _fixed(inputs), find)
    if program is None:
        assert fixed_fault is not None
        raise _refused(model, inputs, fixed_fault) from fixed_fault
    if static_batch or fault is None:
        return Traced(program)
    size = next((int(one.shape[0]) for one in inputs if len(one.shape)), 0)
    return Traced(program, (f"the batch is fixed at {size}: {_said(fault)}{_line(fault)}",))


def _attempted(
    model: Model, shapes: Sequence[Any], find: Callable[[str], Stored]
) -> tuple[Program | None, BaseException | None]:
    fault: BaseException | None = None
    for layers in (True, False):
        try:
            return _program(model, shapes, find, layers=layers), None
        except faults() as problem:
            fault = problem
            if "porter_layer" not in str(problem):
                break
    return None, fault


def _fixed(inputs: Sequence[Any]) -> list[Any]:
    import jax

    return [jax.ShapeDtypeStruct(tuple(one.shape), _dtype(one)) for one in inputs]


def _open(inputs: Sequence[Any]) -> list[Any]:
    """The inputs with one symbol for the batch."""
    import jax
    from jax import export

    if not any(len(one.shape) for one in inputs):
        return []
    (batch,) = export.symbolic_shape("batch")
    first = next(int(one.shape[0]) for one in inputs if len(one.shape))
    shapes = [
        (batch, *one.shape[1:]) if len(one.shape) and int(one.shape[0]) == first else tuple(one.shape)
        for one in inputs
    ]
    return [jax.ShapeDtypeStruct(shape, _dtype(one)) for shape, one in zip(shapes, inputs, strict=True)]


def _dtype(one: Any) -> Any:
    import jax

    return jax.dtypes.canonicalize_dtype(one.dtype)


def _program(model: Model, shapes: Sequence[Any], find: Callable[[str], Stored], *, layers: bool) -> Program:
    import jax

    keys = list(model.arrays)
    held = [jax.ShapeDtypeStruct(tuple(a.shape), _dtype(a)) for a in model.arrays.values()]
    told: dict[str, Any] = {}

    def pure(arrays: Sequence[Any], given: Sequence[Any]) -> Any:
        found, after = model.call(dict(zip(keys, arrays, strict=True)), given)
        told["names"] = tuple(found) if isinstance(found, Mapping) else ()
        outputs = jax.tree_util.tree_leaves(found)
        _refuse_outputs(outputs)
        told["count"], told["after"] = len(outputs), list(after)
        return outputs, [after[key] for key in told["after"]]

    with attention_watched(layers), model.watched(layers):
        closed = jax.make_jaxpr(pure)(held, list(shapes))
    jaxpr = closed.jaxpr
    _refuse_state(jaxpr, keys, told)
    _refuse_effects(jaxpr)
    outputs = tuple(range(told["count"]))
    names = model.argument_names(len(shapes))
    flat = _leaf_names(names, shapes)
    tensors = tuple(Held(find(key), key in model.trained) for key in keys)
    listed = told["names"] if len(told["names"]) == len(outputs) == told["count"] else ()
    return Program(model.name, closed, tensors, flat, outputs, tuple(map(str, listed)))


def _refuse_outputs(outputs: Sequence[Any]) -> None:
    """What is returned must be arrays, and at least one."""
    others = [one for one in outputs if not hasattr(one, "dtype") and not isinstance(one, (int, float))]
    if others:
        raise UnsupportedModel(f"the model returns a {type(others[0]).__name__}, which is no array")
    if not outputs:
        raise UnsupportedModel("the model returns no array")


def _leaf_names(names: Sequence[str], shapes: Sequence[Any]) -> tuple[str, ...]:
    return tuple(names[place] for place in range(len(shapes)))


def _refuse_state(jaxpr: Any, keys: Sequence[str], told: Mapping[str, Any]) -> None:
    """A model that changes its own arrays as it runs is no function of its inputs."""
    before = dict(zip(keys, jaxpr.invars, strict=False))
    after = zip(told["after"], jaxpr.outvars[told["count"] :], strict=True)
    handed = _handed(jaxpr)
    changed = [key for key, var in after if handed.get(var, var) is not before[key]]
    if changed:
        raise UnsupportedModel(
            f"the model overwrites {', '.join(changed[:5])} as it runs, so that its result depends on the "
            "calls before: make it a function of its inputs"
        )


def _handed(jaxpr: Any) -> dict[Any, Any]:
    """Results of calls and loops that are no more than what went in."""
    same: dict[Any, Any] = {}
    for eqn in jaxpr.eqns:
        if eqn.primitive.name not in CALLS and eqn.primitive.name != "scan":
            continue
        whole = next(eqn.params[key] for key in INNER if key in eqn.params)
        inner: Any = getattr(whole, "jaxpr", whole)
        within = _handed(inner)
        given = dict(zip(inner.invars, eqn.invars[-len(inner.invars) :], strict=True))
        fixed = int(eqn.params.get("num_consts", 0))
        kept = eqn.invars[fixed : fixed + int(eqn.params.get("num_carry", 0))]
        for place, (outer, var) in enumerate(zip(eqn.outvars, inner.outvars, strict=True)):
            found = None if hasattr(var, "val") else given.get(within.get(var, var))
            looped = eqn.primitive.name == "scan"
            allowed = [kept[place]] if place < len(kept) else eqn.invars[fixed + len(kept) :]
            if found is not None and (not looped or any(found is one for one in allowed)):
                same[outer] = same.get(found, found) if not hasattr(found, "val") else found
    return same


CALLBACKS = frozenset({"debug_callback", "debug_print", "io_callback", "pure_callback", "outside_call"})


def _refuse_effects(jaxpr: Any) -> None:
    """What a program does beside computing its results would be lost without a word."""
    from converters.jax.reading.origins import Place

    problems = []
    todo = [(jaxpr, Place())]
    while todo:
        inner, place = todo.pop()
        for eqn in inner.eqns:
            here = place.within(eqn)
            if eqn.primitive.name in CALLBACKS:
                problems.append(Problem(here.where, f"{eqn.primitive.name}: calls back into Python"))
            for part in eqn.params.values():
                nested = getattr(part, "jaxpr", part)
                if hasattr(nested, "eqns"):
                    todo.append((nested, here))
    if problems:
        raise UnsupportedModel(
            f"{len(problems)} call(s) back into Python cannot come along: remove them", problems
        )


def _said(fault: BaseException) -> str:
    if isinstance(fault, KeyError):
        return f"it asks for {fault}, which is not there"
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(fault).__name__


def _refused(model: Model, inputs: Sequence[Any], fault: BaseException) -> RequestError:
    shapes = ", ".join(f"{one.dtype}{tuple(map(int, one.shape))}" for one in inputs)
    return RequestError(
        f"{model.name} cannot be traced on inputs of {shapes}: {_said(fault)}{_line(fault)}; give inputs "
        "that fit with --inputs FILE.npz or --input-shape; a branch or a size that depends on the numbers "
        "has no fixed program (jnp.where, fixed sizes)"
    )


def _line(fault: BaseException) -> str:
    """The line of the user's code where it went wrong."""
    import traceback
    from pathlib import Path

    frames = traceback.extract_tb(fault.__traceback__)
    own = [frame for frame in frames if not FOREIGN.search(frame.filename)]
    own = [frame for frame in own if Path(frame.filename).parent != Path(__file__).parent]
    return f" (at {Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
