"""A look into Keras files: what they hold, and which of it can be read, with or without weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from converters.keras.backend import require_backend
from converters.keras.bind import bind
from converters.keras.legacy.opening import UndecidedOrdering
from converters.keras.legacy.remarks import on_its_writer
from converters.keras.load import SavedModel, load
from converters.keras.read import Reading, read_in_part
from converters.keras.source import conventions_of, facts, settled
from converters.keras.spec import LayerSpec, ModelSpec
from porter.custom import custom_rules
from porter.errors import Problem, SourceError, UnsupportedModel
from porter.graph.dims import BATCH, Shape, Sym
from porter.graph.model import Graph
from porter.source_model import LayerFacts, ReadRequest, Survey

Path = tuple[str, ...]

NO_WEIGHTS = "the weights were not given; shapes and parameters are those that the architecture asks for"


def survey(request: ReadRequest) -> Survey:
    """What the files hold; faults of single layers and arrays are listed and not raised."""
    try:
        saved = load(request.paths, architecture_only=True, source_backend=request.source_backend)
    except UndecidedOrdering as error:
        return _without_ordering(request, error)
    saved = settled(saved, request)
    told = {**facts(saved), "keras_generation": saved.writer.generation}
    arrays = tuple(saved.arrays.arrays.values())
    notices = [*saved.origin.notes, *on_its_writer(saved.model, saved.writer, saved.backend)]
    if saved.arrays.file is None:
        notices.append(NO_WEIGHTS)
    try:
        if saved.arrays.file is not None:
            require_backend(saved.backend, saved.origin.files[0])
        reading, problems = _read(saved, request)
    except (SourceError, UnsupportedModel) as error:
        layers = tuple(_layers(saved.model, {}, {}))
        problem = error.problems or (Problem("", error.message),)
        return Survey(saved.model.name, told, layers, None, problem, (), arrays, tuple(notices))
    misfits = _bound(reading, saved) if not problems else ()
    sizes = _sizes(reading)
    shapes = _shapes(reading.graph)
    if not problems:
        shapes = {**dict.fromkeys(_paths(saved.model)), **shapes}
    layers = tuple(_layers(saved.model, shapes, sizes))
    notices += reading.notices
    return Survey(saved.model.name, told, layers, reading.graph, problems, misfits, arrays, tuple(notices))


def _without_ordering(request: ReadRequest, error: UndecidedOrdering) -> Survey:
    """What can be said of files that do not tell which way round their images lie."""
    backend = (request.source_backend or "").partition(":")[0]
    saved = load(request.paths, architecture_only=True, source_backend=f"{backend}:tf")
    told = {**facts(saved), "keras_generation": saved.writer.generation, "dim_ordering": None}
    problem = Problem("", error.message)
    arrays = tuple(saved.arrays.arrays.values())
    layers = tuple(_layers(saved.model, {}, {}))
    return Survey(saved.model.name, told, layers, None, (problem,), (), arrays, (saved.backend.sentence,))


def _read(saved: SavedModel, request: ReadRequest) -> tuple[Reading, tuple[Problem, ...]]:
    return read_in_part(
        saved.model,
        generation=saved.writer.generation,
        conventions=conventions_of(saved),
        custom=custom_rules(request.custom),
        input_shapes=request.input_shapes,
        policy=request.dtype,
    )


def _bound(reading: Reading, saved: SavedModel) -> tuple[Problem, ...]:
    """Binds the arrays, as far as they fit; returns what does not."""
    problems: tuple[Problem, ...] = ()
    if saved.arrays.arrays:
        try:
            binding = bind([pending.slot for pending in reading.variables.asked.values()], saved)
            reading.variables.bind(binding.tensors)
        except SourceError as error:
            problems = error.problems or (Problem("", error.message),)
    for pending in reading.variables.asked.values():
        if pending.stored is None and pending.default is None:
            # a dry run may look at numbers; where there are none, zeros must do
            pending.default = np.zeros(pending.shape, "float32")
    return problems


def _paths(model: ModelSpec, above: Path = ()) -> Iterator[Path]:
    for layer in model.layers:
        yield (*above, layer.name)
        if layer.model is not None:
            yield from _paths(layer.model, (*above, layer.name))


def _shapes(graph: Graph) -> Mapping[Path, Shape | None]:
    """The shape that each layer, and each nested model, gives last."""
    found: dict[Path, Shape | None] = {}
    for node in graph.nodes:
        path = node.origin.path
        for depth in range(1, len(path) + 1):
            found[path[:depth]] = node.outputs[0].shape
    return found


def _sizes(reading: Reading) -> Mapping[Path, int]:
    """Parameters of each layer; those inside a wrapper count for the wrapper too."""
    found: dict[Path, int] = {}
    for pending in reading.variables.asked.values():
        path = pending.slot.layer
        for depth in range(1, len(path) + 1):
            found[path[:depth]] = found.get(path[:depth], 0) + prod(pending.shape)
    return found


def _layers(
    model: ModelSpec, shapes: Mapping[Path, Shape | None], sizes: Mapping[Path, int], above: Path = ()
) -> Iterator[LayerFacts]:
    for layer in model.layers:
        path = (*above, layer.name)
        read = path in shapes or path in sizes or layer.class_name == "InputLayer"
        known = sizes.get(path, 0) if read else None
        yield LayerFacts(path, layer.class_name, shapes.get(path) or _told(layer), known)
        if layer.model is not None:
            yield from _layers(layer.model, shapes, sizes, path)


def _told(layer: LayerSpec) -> Shape | None:
    shape = layer.config.get("batch_shape")
    if not isinstance(shape, (list, tuple)):
        return None
    return (BATCH, *(int(size) if isinstance(size, int) else Sym("?") for size in shape[1:]))
