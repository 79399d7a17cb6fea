"""Every kind of JAX model as one: named arrays, and a pure function of them and of the inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from converters.jax.load import leaves_of
from converters.jax.reading.watch import linen_watched, nnx_watched
from porter.dataclass import dataclass
from porter.errors import SourceError, UnsupportedModel

INFERENCE: Mapping[str, bool] = {
    "deterministic": True,
    "inference": True,
    "is_training": False,
    "train": False,
    "training": False,
    "use_running_average": True,
}
"""Arguments that tell training from use, and what they are in use."""


@dataclass(frozen=True)
class Model:
    """A model ready to be traced. `call` gives what it returns, and its arrays as they are afterwards."""

    name: str
    arrays: Mapping[str, Any]
    trained: frozenset[str]
    call: Callable[[Mapping[str, Any], Sequence[Any]], tuple[Any, Mapping[str, Any]]]
    signature: inspect.Signature
    kind: str
    watched: Callable[[bool], AbstractContextManager[Any]] = lambda layers: nullcontext()

    def argument_names(self, count: int) -> tuple[str, ...]:
        """What the first inputs are called."""
        names: list[str] = []
        for name, told in self.signature.parameters.items():
            if told.kind in (told.POSITIONAL_ONLY, told.POSITIONAL_OR_KEYWORD):
                names.append(name)
        names += [f"x{place}" for place in range(len(names), count)]
        return tuple(names[:count])


def settings_for(signature: inspect.Signature, count: int) -> dict[str, bool]:
    """The arguments that put a call with so many inputs in inference."""
    names = list(signature.parameters)
    return {name: INFERENCE[name] for place, name in enumerate(names) if name in INFERENCE and place >= count}


def model_of(found: Any, name: str, example: Callable[[Any], Sequence[Any]] | None = None) -> Model:
    """Whatever a factory returns or a user holds, as a model.

    `example` gives inputs for a Linen module that comes without variables: its arrays follow from them.
    """
    from flax import linen, nnx

    if isinstance(found, nnx.Module):
        return _nnx(found)
    if isinstance(found, linen.Module):
        if found.scope is not None:
            module, variables = found.unbind()
            return _linen(module, variables)
        if example is None:
            raise SourceError(
                "a Linen module says nothing of its arrays: give it with its variables, as a pair"
            )
        return _linen(found, _shapes(found, example(inspect.signature(type(found).__call__))))
    if isinstance(found, tuple) and len(found) == 2:
        owner, arrays = found
        if isinstance(owner, linen.Module):
            return _linen(owner, arrays)
        if callable(owner):
            return _function(owner, arrays, name)
    kind = type(found).__qualname__
    raise SourceError(
        f"an object of class {kind} is no JAX model: wanted are an nnx.Module, a Linen module, a function "
        "apply(params, *inputs), or a pair of either and its arrays"
    )


def _without_self(function: Any) -> inspect.Signature:
    whole = inspect.signature(function)
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def _nnx(module: Any) -> Model:
    import jax
    from flax import nnx

    copied = nnx.clone(module)
    copied.eval()
    graphdef, state = nnx.split(copied)
    variables = [variable for _, variable in nnx.to_flat_state(state)]
    leaves, tree = jax.tree_util.tree_flatten(state)
    keys = [key for key, _ in leaves_of(state)]
    if len(variables) != len(leaves):
        raise UnsupportedModel(f"{type(module).__name__}: a variable of it holds more than one array")
    random = {key for key, one in zip(keys, variables, strict=True) if isinstance(one, nnx.RngState)}
    arrays = {key: leaf for key, leaf in zip(keys, leaves, strict=True) if key not in random}
    trained = {key for key, one in zip(keys, variables, strict=True) if isinstance(one, nnx.Param)}
    signature = _without_self(type(module).__call__)
    holder: dict[str, Any] = {"layers": True}

    def call(given: Mapping[str, Any], inputs: Sequence[Any]) -> tuple[Any, Mapping[str, Any]]:
        whole = [given.get(key, leaf) for key, leaf in zip(keys, leaves, strict=True)]
        merged = nnx.merge(graphdef, jax.tree_util.tree_unflatten(tree, whole))
        with nnx_watched(merged, layers=holder["layers"]):
            found = merged(*inputs, **settings_for(signature, len(inputs)))
        after = jax.tree_util.tree_leaves(nnx.split(merged)[1])
        if len(after) != len(keys):
            return found, {}
        return found, {key: leaf for key, leaf in zip(keys, after, strict=True) if key in arrays}

    def watched(layers: bool) -> AbstractContextManager[Any]:
        holder["layers"] = layers
        return nullcontext()

    return Model(type(module).__name__, arrays, frozenset(trained), call, signature, "NNX module", watched)


def _shapes(module: Any, inputs: Sequence[Any]) -> Any:
    import jax

    told = settings_for(_without_self(type(module).__call__), len(inputs))
    return jax.eval_shape(lambda *given: module.init(jax.random.key(0), *given, **told), *inputs)


def _linen(module: Any, variables: Any) -> Model:
    import jax
    from flax.core import unfreeze

    variables = unfreeze(variables)
    if "params" not in variables and not {"batch_stats", "cache"} & set(variables):
        variables = {"params": variables}
    leaves, tree = jax.tree_util.tree_flatten(variables)
    keys = [key for key, _ in leaves_of(variables)]
    signature = _without_self(type(module).__call__)

    def call(given: Mapping[str, Any], inputs: Sequence[Any]) -> tuple[Any, Mapping[str, Any]]:
        whole = jax.tree_util.tree_unflatten(tree, [given[key] for key in keys])
        return module.apply(whole, *inputs, **settings_for(signature, len(inputs))), {}

    trained = frozenset(key for key in keys if key.startswith("params."))
    arrays = dict(zip(keys, leaves, strict=True))
    return Model(type(module).__name__, arrays, trained, call, signature, "Linen module", linen_watched)


def _function(function: Callable[..., Any], arrays: Any, name: str) -> Model:
    import jax

    leaves, tree = jax.tree_util.tree_flatten(arrays)
    keys = [key or "params" for key, _ in leaves_of(arrays)]
    signature = _without_self(function)

    def call(given: Mapping[str, Any], inputs: Sequence[Any]) -> tuple[Any, Mapping[str, Any]]:
        whole = jax.tree_util.tree_unflatten(tree, [given[key] for key in keys])
        return function(whole, *inputs, **settings_for(signature, len(inputs))), {}

    own = getattr(function, "__name__", name)
    called = name if own in ("<lambda>", "apply", "forward", "partial") else own
    named = dict(zip(keys, map(_array, leaves), strict=True))
    trained = frozenset(key for key, leaf in named.items() if "float" in str(leaf.dtype))
    return Model(called, named, trained, call, signature, "function")


def _array(leaf: Any) -> Any:
    import jax.numpy as jnp

    return leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)
