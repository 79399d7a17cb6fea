"""What a live model is called with: its tensors in one row, and how they are packed into a call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from converters.keras.live.records import changed
from porter.dataclass import dataclass
from porter.errors import RequestError

Pack = Callable[[Sequence[Any]], tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Entry:
    """One input: its name, its sizes after the batch (None: open), and its type."""

    name: str
    sizes: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Inputs:
    """All inputs; `pack` makes the arguments of a call of tensors for them."""

    entries: tuple[Entry, ...]
    pack: Pack
    batch: int | None = None  # that of the examples


class _Place:
    """Stands for the n-th tensor in a nest."""

    def __init__(self, number: int) -> None:
        self.number = number


def inputs_of(model: Any, examples: tuple[Any, ...] | None, name: str) -> Inputs:
    """From the examples, else from the model itself where it knows its inputs."""
    inference = _inference(model)
    if examples is not None:
        return _from_examples(model, _arguments(model, examples), inference, name)
    told = getattr(model, "inputs", None)
    if not told:
        raise RequestError(
            f"model {name!r} does not say what it is called with; give example_inputs, a tuple of arguments"
        )
    struct = getattr(model, "_inputs_struct", None)
    struct = getattr(model, "_nested_inputs", None) if struct is None else struct
    listed = list(told)
    places = {id(tensor): _Place(number) for number, tensor in enumerate(listed)}
    nest = listed if struct is None else struct
    nest = changed(nest, lambda leaf: places.get(id(leaf), leaf))
    nest = nest[0] if isinstance(nest, (list, tuple)) and len(nest) == 1 else nest
    entries = tuple(_entry(tensor) for tensor in listed)
    return Inputs(entries, _packing((nest,), inference))


def _entry(tensor: Any) -> Entry:
    sizes = tuple(None if size is None else int(size) for size in tensor.shape[1:])
    return Entry(tensor.name.split(":")[0], sizes, _dtype(tensor.dtype))


def _dtype(dtype: Any) -> str:
    """The type's name; a double is what Keras makes of it where nothing else is said."""
    named = str(getattr(dtype, "name", dtype)).removeprefix("torch.")
    return "float32" if named == "float64" else named


def _inference(model: Any) -> dict[str, Any]:
    return {"training": False} if "training" in inspect.signature(model.call).parameters else {}


def _arguments(model: Any, examples: tuple[Any, ...]) -> tuple[Any, ...]:
    """A model whose call takes one argument is given several tensors as a list."""
    told = inspect.signature(model.call).parameters.values()
    positional = [one for one in told if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    open_ = any(one.kind is one.VAR_POSITIONAL for one in told)
    taken = [one for one in positional if one.name not in ("training", "mask")]
    return examples if open_ or len(examples) <= max(len(taken), 1) else (list(examples),)


def _from_examples(model: Any, arguments: tuple[Any, ...], inference: dict[str, Any], name: str) -> Inputs:
    entries: list[Entry] = []
    batches: list[int] = []

    def place(path: str, item: Any) -> Any:
        if isinstance(item, (list, tuple)):
            parts = (place(f"{path}_{k}", part) for k, part in enumerate(item))
            return type(item)(parts)
        if isinstance(item, dict):
            return {key: place(str(key), part) for key, part in item.items()}
        if not (hasattr(item, "shape") and hasattr(item, "dtype")):
            return item
        if not len(item.shape):
            raise RequestError(f"example input {path!r} of model {name!r} is one number; it has no batch")
        entries.append(Entry(path, tuple(int(size) for size in item.shape[1:]), _dtype(item.dtype)))
        batches.append(int(item.shape[0]))
        return _Place(len(entries) - 1)

    nest = tuple(place(path, item) for path, item in zip(_names(model, arguments), arguments, strict=True))
    if not entries:
        raise RequestError(f"the example inputs of model {name!r} hold no array")
    if len(set(batches)) > 1:
        told = ", ".join(map(str, batches))
        raise RequestError(f"the example inputs of model {name!r} have batches of different sizes: {told}")
    return Inputs(tuple(entries), _packing(nest, inference), batches[0])


def _names(model: Any, arguments: tuple[Any, ...]) -> Iterator[str]:
    told = list(inspect.signature(model.call).parameters)
    for number in range(len(arguments)):
        yield told[number] if number < len(told) else f"input_{number}"


def _packing(nest: tuple[Any, ...], inference: dict[str, Any]) -> Pack:
    def pack(tensors: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args = changed(nest, lambda leaf: tensors[leaf.number] if isinstance(leaf, _Place) else leaf)
        return args, dict(inference)

    return pack


def zeros(inputs: Inputs) -> list[np.ndarray]:
    """Arrays to build a model with; open sizes are 8."""
    return [
        np.zeros((inputs.batch or 1, *(8 if size is None else size for size in one.sizes)), _plain(one.dtype))
        for one in inputs.entries
    ]


def _plain(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" else dtype
