"""Two traces of one model, at two batch sizes, become one: numbers that follow the batch become its name.

A model's own code may ask for the batch size and compute with it (`ops.reshape(x, (ops.shape(x)[0], 4))`).
While it is traced that is a plain number; what differs between two traces is that number, or several of it,
or the model does something that cannot be written down once for all sizes, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.keras.live.records import Held, Record, Tensor, Trace
from converters.keras.spec import SpreadArray
from porter.errors import UnsupportedModel
from porter.graph.dims import BATCH, Dim, times

SIZES = (11, 17)
"""The batch sizes that models are traced with."""


class Differs(Exception):
    """Two traces differ in what is no size."""


def merged(first: Trace, second: Trace, name: str) -> Trace:
    """The one trace that both are."""
    if len(first.records) != len(second.records):
        raise _refused(name, "it calls other layers", None)
    records = [_record(a, b, name) for a, b in zip(first.records, second.records, strict=True)]
    try:
        outputs = both(first.outputs, second.outputs)
    except Differs as error:
        raise _refused(name, str(error), None) from error
    return Trace(records, outputs)


def _record(a: Record, b: Record, name: str) -> Record:
    if (a.name, a.layer, [one.name for one in a.inside]) != (b.name, b.layer, [one.name for one in b.inside]):
        raise _refused(name, "it calls other layers", a)
    try:
        data, args, kwargs = both(a.data, b.data), both(a.args, b.args), both(a.kwargs, b.kwargs)
    except Differs as error:
        raise _refused(name, str(error), a) from error
    return Record(data, a.name, a.inside, args, kwargs, a.layer, a.outputs)


def _refused(name: str, what: str, record: Record | None) -> UnsupportedModel:
    where = f" at {'/'.join([*(one.name for one in record.inside), record.name])}" if record else ""
    return UnsupportedModel(
        f"model {name!r}: what it computes depends on the batch size, or on chance: called with {SIZES[0]} "
        f"and with {SIZES[1]} rows, {what}{where}"
    )


def both(a: Any, b: Any) -> Any:
    """The value that both stand for."""
    if isinstance(a, (list, tuple)) and type(a) is type(b) and len(a) == len(b):
        return type(a)(both(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Mapping) and isinstance(b, Mapping) and list(a) == list(b):
        return {key: both(a[key], b[key]) for key in a}
    if isinstance(a, slice) and isinstance(b, slice):
        return slice(*(both(getattr(a, end), getattr(b, end)) for end in ("start", "stop", "step")))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return _arrays(a, b)
    return _leaf(a, b)


def _leaf(a: Any, b: Any) -> Any:
    if isinstance(a, Held) and isinstance(b, Held) and a.variable is b.variable:
        return a
    plain = type(a) is type(b) and not isinstance(a, (Held, Tensor, np.ndarray))
    whole = plain and isinstance(a, (int, np.integer)) and not isinstance(a, bool)
    if whole and a != b:
        return size(int(a), int(b))
    if a is b or (type(a) is type(b) and a == b):
        return a
    raise Differs(f"a setting is {a!r:.60} or {b!r:.60}")


def size(a: int, b: int) -> Dim:
    """A number that is a multiple of the batch in both traces."""
    factor, rest = divmod(a, SIZES[0])
    if rest or b != factor * SIZES[1]:
        raise Differs(f"a number is {a} or {b}, which is no multiple of the batch")
    return times(BATCH, factor)


def _arrays(a: np.ndarray, b: np.ndarray) -> Any:
    """One array; where sizes follow the batch, one whose cells are the same all along that axis."""
    if a.dtype != b.dtype or a.ndim != b.ndim:
        raise Differs("constants have other types or ranks")
    open_ = [axis for axis in range(a.ndim) if a.shape[axis] != b.shape[axis]]
    first, second = (_one_of_each(array, open_) for array in (a, b))
    if first.shape != second.shape or first.tobytes() != second.tobytes():
        raise Differs("the model computes with other numbers that it makes itself")
    if not open_:
        return a
    shape: Sequence[Dim] = [size(*pair) if axis in open_ else pair[0] for axis, pair in _pairs(a, b)]
    return SpreadArray(first, tuple(shape))


def _pairs(a: np.ndarray, b: np.ndarray) -> list[tuple[int, tuple[int, int]]]:
    return list(enumerate(zip(a.shape, b.shape, strict=True)))


def _one_of_each(array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """The array with one cell along each of these axes, along which it must not change."""
    for axis in axes:
        one = np.take(array, [0], axis)
        if not np.array_equal(np.broadcast_to(one, array.shape), array, equal_nan=array.dtype.kind == "f"):
            raise Differs("constants depend on the place in the batch")
        array = one
    return array
