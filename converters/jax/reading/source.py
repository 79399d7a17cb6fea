"""A JAX model to a source model: found or built, its arrays told, traced, read; every array accounted for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from converters.jax.load import fitted, nested, stored, weights_of
from converters.jax.read import read
from converters.jax.reading.model import Model, model_of
from converters.jax.reading.trace import Traced, trace
from porter.errors import RequestError, SourceError
from porter.graph.model import Graph
from porter.recordings import arrays_of
from porter.source_model import LedgerRow, ReadRequest, SourceModel
from porter.weights.tensor import Stored


def read_source(request: ReadRequest) -> SourceModel:
    """The model of a request: a factory, and weights."""
    factory = request.factory
    if factory is None:
        raise SourceError(
            f"{request.paths[0]}: holds arrays and no program: name the code that builds the model, "
            "net.py:build --weights FILE"
        )
    weights = {} if request.weights is None else weights_of(request.weights)
    file = str(factory) if request.weights is None else str(request.weights)
    model = model_of(built(factory.model, weights), factory.name, lambda told: examples(told, request, 1))
    found = fitted(model.arrays, weights, file) if weights else own_arrays(model, file)
    inputs = examples(model.signature, request, 0)
    traced = trace(model, inputs, found.__getitem__, static_batch=request.static_batch)
    notices = traced.notices
    if not weights:
        notices = (*notices, f"no --weights: the numbers are those that {factory} gives its model")
    source = source_of(traced, found)
    files = (str(factory), *([file] if weights else []))
    return SourceModel(source.graph, source.ledger, facts_of(f"factory of a {model.kind}", files), notices)


def built(made: Any, weights: Mapping[str, Stored]) -> Any:
    """What a factory returned; a bare function takes its parameters as the file nests them."""
    plain = inspect.isfunction(made) or inspect.ismethod(made) or inspect.isbuiltin(made)
    if not plain and type(made).__name__ not in ("partial", "PjitFunction"):
        return made
    if not weights:
        raise RequestError(
            "a function apply(params, *inputs) needs its parameters: --weights FILE, or let the factory "
            "return a pair of the function and its parameters"
        )
    return made, nested(weights)


def own_arrays(model: Model, file: str) -> dict[str, Stored]:
    """The numbers that a model has already."""
    bare = [key for key, array in model.arrays.items() if not hasattr(array, "__array__")]
    if bare:
        raise RequestError(
            f"{file}: builds a model without numbers ({', '.join(bare[:3])}, ...): give --weights FILE"
        )
    return {key: stored(file, key, array) for key, array in model.arrays.items()}


def source_of(traced: Traced, found: Mapping[str, Stored]) -> SourceModel:
    """What was traced as a graph, every array accounted for."""
    graph = read(traced.program)
    return SourceModel(graph, tuple(_ledger(graph, found)), {}, traced.notices)


def _ledger(graph: Graph, found: Mapping[str, Stored]) -> Iterator[LedgerRow]:
    used = {(origin.file, origin.key) for _, _, param in graph.params() for origin in param.tensor.origins}
    for key, array in found.items():
        if (array.file, array.key) in used:
            yield LedgerRow(array, (key,))
        else:
            yield LedgerRow(array, (), "no output depends on it")


def facts_of(form: str, files: Sequence[str]) -> dict[str, Any]:
    """Where a model comes from, for people and manifests."""
    import flax
    import jax

    return {
        "framework": "jax",
        "format": form,
        "files": list(files),
        "jax_version": jax.__version__,
        "flax_version": flax.__version__,
    }


def examples(signature: inspect.Signature, request: ReadRequest, skipped: int) -> list[Any]:
    """Arrays from a file, or of the shapes told; `skipped` arguments stand in front of the inputs."""
    if request.inputs is not None:
        found = arrays_of(request.inputs, "x")
        if not found:
            raise RequestError(f"{request.inputs}: holds no inputs x0, x1, ...")
        return list(found)
    if not request.input_shapes:
        raise RequestError(
            f"{request.factory}: a JAX model says nothing of its inputs; give --inputs FILE.npz (x0, ...) "
            "or --input-shape 1,224,224,3"
        )
    names = list(signature.parameters)[skipped:]
    shapes = request.input_shapes
    unknown = [name for name in shapes if name and name not in names]
    if unknown:
        raise RequestError(f"--input-shape: the model has no input {unknown[0]!r}; it has {', '.join(names)}")
    placed = {names.index(name) if name else 0: shape for name, shape in shapes.items()}
    if sorted(placed) != list(range(len(placed))):
        raise RequestError(f"--input-shape: give a shape for each of the first inputs of {', '.join(names)}")
    return [np.zeros(placed[place], "float32") for place in range(len(placed))]
