"""A module to a source model: found or built, filled, exported, read; every tensor accounted for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.torch.exporting import Traced, export, has_several_batches
from converters.torch.flatten import flatten
from converters.torch.load import fill, load_program, stored, weights_of
from converters.torch.read import read
from converters.torch.spec import Program
from converters.torch.spelling import spelled_out
from porter.errors import RequestError, SourceError, UnsupportedModel, WeightsError
from porter.factories import Factory
from porter.graph.model import Graph
from porter.recordings import arrays_of
from porter.source_model import LedgerRow, ReadRequest, SourceModel
from porter.weights.tensor import Stored

COUNTER = "num_batches_tracked"
COUNTED = "counts the batches of the training; inference does not ask for it"


def read_source(request: ReadRequest) -> SourceModel:
    """The model of a request: an exported program, or a factory and weights."""
    if request.factory is None:
        return _from_program(request.paths[0])
    factory = request.factory
    module = built(factory)
    file = str(factory)
    weights: Mapping[str, Stored] = {}
    if request.weights is not None:
        file = str(request.weights)
        weights = weights_of(request.weights)
        fill(module, weights, file)

    def read_one(traced: Traced) -> SourceModel:
        return read_traced(traced, factory.name, file, module, weights)

    model = captured(module, example_inputs(module, request), {}, request.static_batch, read_one)
    notices = model.notices
    if request.weights is None:
        notices = (*notices, f"no --weights: the numbers are those that {factory} gives its module")
    facts = facts_of("module factory", (str(factory), *([file] if weights else [])))
    return SourceModel(model.graph, model.ledger, facts, notices)


def source_module(told: Mapping[str, Any]) -> Any:
    """The module that was read, for running it: a factory's, with its weights, or an exported program's."""
    if "factory" not in told:
        return load_program(Path(told["files"][0])).module()
    module = built(Factory(*told["factory"]))
    if told["weights"] is not None:
        fill(module, weights_of(Path(told["weights"])), told["weights"])
    return module


def built(factory: Factory) -> Any:
    """The module that a factory returns."""
    import torch

    module = factory.model
    if not isinstance(module, torch.nn.Module):
        kind = type(module).__qualname__
        raise SourceError(f"{factory}: returned an object of class {kind}, not an nn.Module")
    return unwrapped(module).eval()


def read_traced(
    traced: Traced, name: str, file: str, module: Any, weights: Mapping[str, Stored]
) -> SourceModel:
    """The source model of an exported program, whose tensors lie in `weights` or else in memory."""

    def find(key: str, live: Any) -> Stored:
        return weights[key] if key in weights else stored(file, key, live)

    called = type(module).__name__ if module is not None else name
    program = flatten(spelled_out(traced.program), called, find)
    graph = read(program)
    own = module.state_dict(keep_vars=True) if module is not None else traced.program.state_dict
    ledger = tuple(_ledger(program, graph, own, find))
    return SourceModel(graph, ledger, {}, traced.notices)


def captured(
    module: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    static_batch: bool,
    read_one: Callable[[Traced], SourceModel],
) -> SourceModel:
    """What a module is on these examples. Inputs have batches of their own where the module allows it; where
    that leaves too much open (the halves of two batches that were joined), they are one batch."""
    try:
        return read_one(export(module, args, kwargs, static_batch=static_batch))
    except UnsupportedModel as refusal:
        if static_batch or not has_several_batches(args, kwargs):
            raise
        try:
            return read_one(export(module, args, kwargs, one_batch=True))
        except UnsupportedModel:
            raise refusal from None


def _from_program(path: Path) -> SourceModel:
    exported = load_program(path)
    model = read_traced(Traced(exported), path.stem, str(path), None, {})
    return SourceModel(model.graph, model.ledger, facts_of("exported program", (str(path),)))


def unwrapped(module: Any) -> Any:
    """The module inside of what compiles it, or spreads it over devices."""
    import torch

    while True:
        inner = getattr(module, "_orig_mod", None)
        if isinstance(module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
            inner = module.module
        if isinstance(module, torch.jit.ScriptModule):
            raise SourceError(
                "a TorchScript module, which torch.export does not take: give the nn.Module it was made from"
            )
        if not isinstance(inner, torch.nn.Module):
            return module
        module = inner


def facts_of(form: str, files: Sequence[str]) -> dict[str, Any]:
    """Where a module comes from, for people and manifests."""
    import torch

    return {"framework": "torch", "format": form, "files": list(files), "torch_version": torch.__version__}


# --- what the state dict became


def _ledger(
    program: Program, graph: Graph, own: Mapping[str, Any], find: Callable[[str, Any], Stored]
) -> Iterator[LedgerRow]:
    used = {(o.file, o.key) for _, _, param in graph.params() for o in param.tensor.origins}
    held = {entry.tensor.key: entry.tensor for entry in program.held}
    carried: dict[int, str] = {}
    for key, tensor in own.items():
        if key in held and (held[key].file, key) in used:
            carried.setdefault(id(tensor), key)
    for key, tensor in own.items():
        row = held.get(key) or find(key, tensor)
        if (row.file, key) in used:
            yield LedgerRow(row, (key,))
            continue
        twin = carried.get(id(tensor)) or _same(tensor, own, carried)
        if twin is not None and twin != key:
            _check_twins(row, held.get(twin) or find(twin, own[twin]))
        yield LedgerRow(row, (), _why(key, twin))


def _same(tensor: Any, own: Mapping[str, Any], carried: Mapping[int, str]) -> str | None:
    """A carried tensor that lies in the same memory."""
    for key in carried.values():
        other = own[key]
        if other.data_ptr() == tensor.data_ptr() and other.shape == tensor.shape and tensor.numel():
            return key
    return None


def _why(key: str, twin: str | None) -> str:
    if key.rpartition(".")[2] == COUNTER:
        return COUNTED
    return f"the same tensor as {twin}" if twin is not None else "no output depends on it"


def _check_twins(ours: Stored, theirs: Stored) -> None:
    if ours.file == theirs.file and ours.key != theirs.key and not np.array_equal(ours.read(), theirs.read()):
        raise WeightsError(
            f"{ours.file}: {ours.key} and {theirs.key} are one tensor in the module, and differ in the file"
        )


# --- example inputs


def example_inputs(module: Any, request: ReadRequest) -> tuple[Any, ...]:
    """Tensors from a file, or of the shapes told."""
    import torch

    if request.inputs is not None:
        found = arrays_of(request.inputs, "x")
        if not found:
            raise RequestError(f"{request.inputs}: holds no inputs x0, x1, ...")
        return tuple(torch.from_numpy(np.array(one)) for one in found)
    if not request.input_shapes:
        raise RequestError(
            f"{request.factory}: a module says nothing of its inputs; give --inputs FILE.npz (x0, x1, ...) "
            "or --input-shape 1,3,224,224"
        )
    rng = np.random.default_rng(0)
    shapes = _ordered(module, request.input_shapes)
    return tuple(torch.from_numpy(rng.standard_normal(shape).astype("float32")) for shape in shapes)


def _ordered(module: Any, shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The shapes in the order of the arguments of `forward`; one without a name is the first argument's."""
    names = list(inspect.signature(module.forward).parameters)
    unknown = [name for name in shapes if name and name not in names]
    if unknown:
        raise RequestError(
            f"--input-shape: forward has no argument {unknown[0]!r}; it has {', '.join(names)}"
        )
    placed = {names.index(name) if name else 0: shape for name, shape in shapes.items()}
    if sorted(placed) != list(range(len(placed))):
        raise RequestError(
            f"--input-shape: give a shape for each of the first arguments of {', '.join(names)}"
        )
    return [placed[place] for place in range(len(placed))]
