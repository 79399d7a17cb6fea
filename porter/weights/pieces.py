"""An array's numbers in row-major order, some megabytes at a time: a turned one is never copied whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from porter.weights.tensor import Array

PIECE = 4 << 20
"""How many bytes are put in order at once."""

WORKERS = 2
"""Threads that put pieces in order; each piece waits for its turn to be written."""

BLOCK = 128
"""A square of so many numbers each way fits the processor's cache, whichever way it is walked."""


class Pieces:
    """Puts arrays in order; its memory is used over and over, since fresh memory costs more than copying."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._rooms: deque[Array] = deque()

    def of(self, array: Array) -> Iterator[memoryview]:
        """The pieces of an array. Each holds good until the next is asked for.

        The next ones are put in order by the pool while one is being written.
        """
        if not array.size:
            return
        if array.flags.c_contiguous:
            yield _bytes(array)
            return
        rows = max(1, PIECE * len(array) // array.nbytes)
        waiting: deque[tuple[Array, Future[memoryview]]] = deque()
        for start in range(0, len(array), rows):
            part = array[start : start + rows]
            room = self._room(part.nbytes)
            waiting.append((room, self._pool.submit(_in_order, part, room)))
            if len(waiting) > WORKERS:
                yield from self._next(waiting)
        while waiting:
            yield from self._next(waiting)

    def _next(self, waiting: deque[tuple[Array, Future[memoryview]]]) -> Iterator[memoryview]:
        room, made = waiting.popleft()
        yield made.result()
        self._rooms.append(room)

    def _room(self, size: int) -> Array:
        while self._rooms:
            room = self._rooms.popleft()
            if room.nbytes >= size:
                return room
        return np.empty(max(size, PIECE), np.uint8)


@contextmanager
def pieces() -> Iterator[Pieces]:
    """Pieces with threads to make them."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield Pieces(pool)


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _in_order(array: Array, room: Array) -> memoryview:
    _fill(np.ndarray(array.shape, array.dtype, room.data), array)
    return room[: array.nbytes].data


def _fill(into: Array, array: Array) -> None:
    """`into[...] = array`, where the numbers that lie side by side in one are far apart in the other.

    The two axes in question are walked in squares that fit the cache: NumPy walks them in lines, several
    times slower.
    """
    axes = [axis for axis, size in enumerate(array.shape) if size > 1]
    near = min(axes, key=lambda axis: abs(array.strides[axis]), default=None)
    if near is None or near == axes[-1]:
        np.copyto(into, array)
        return
    far = max((axis for axis in axes if axis != near), key=array.shape.__getitem__)
    others = [1 if axis in (near, far) else size for axis, size in enumerate(array.shape)]
    for place in np.ndindex(*others):
        square: list[int | slice] = list(place)
        for first in range(0, array.shape[near], BLOCK):
            square[near] = slice(first, first + BLOCK)
            for second in range(0, array.shape[far], BLOCK):
                square[far] = slice(second, second + BLOCK)
                into[tuple(square)] = array[tuple(square)]
