"""What a trace of a live model is: the calls of layers and functions in order, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

from porter.dataclass import dataclass


@dataclass(frozen=True)
class Tensor:
    """A symbolic tensor: the n-th output of a record, or (record -1) the n-th input of the model."""

    record: int
    output: int


@dataclass(frozen=True, eq=False)
class Held:
    """A variable that a model's own code computes with."""

    variable: Any
    name: str
    dtype: str  # in which the code sees it
    shape: tuple[int, ...]
    trainable: bool
    owner: Any = None  # the layer that holds it, where known


@dataclass(frozen=True)
class Inside:
    """One call of a layer or model whose code was followed."""

    layer: Any
    name: str
    kind: str
    call: int  # a number of its own among all calls of the trace


@dataclass(frozen=True)
class Record:
    """One call of a known layer or of a function."""

    data: Mapping[str, Any]  # as Keras writes it into JSON
    name: str
    inside: tuple[Inside, ...]
    args: tuple[Any, ...]  # with Tensor and Held where tensors and variables stood
    kwargs: Mapping[str, Any]
    layer: Any = None  # the live layer; functions have none
    outputs: int = 1


@dataclass
class Trace:
    """A model's calls on inputs of one batch size."""

    records: list[Record] = field(default_factory=list)
    outputs: Any = None  # a nest of Tensors


def changed(item: Any, change: Callable[[Any], Any]) -> Any:
    """A nest of lists, tuples and mappings with every leaf changed."""
    if isinstance(item, tuple):
        return tuple(changed(part, change) for part in item)
    if isinstance(item, list):
        return [changed(part, change) for part in item]
    if isinstance(item, Mapping):
        return {key: changed(part, change) for key, part in item.items()}
    if isinstance(item, slice):
        return slice(*(changed(end, change) for end in (item.start, item.stop, item.step)))
    return change(item)


def leaves(item: Any) -> Iterator[Any]:
    """The leaves of a nest in the order in which it has them."""
    if isinstance(item, (list, tuple)):
        for part in item:
            yield from leaves(part)
    elif isinstance(item, Mapping):
        for part in item.values():
            yield from leaves(part)
    elif isinstance(item, slice):
        yield from (item.start, item.stop, item.step)
    else:
        yield item
