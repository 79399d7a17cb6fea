"""What can be wrong with what a model is given: other numbers, other channels, other axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from porter.axes import Move
from porter.diagnosis.hypothesis import Array, Hypothesis, of_first
from porter.diagnosis.wrong_weights import reversed_colours
from porter.graph.model import Node
from porter.numerics.pixels import CAFFE, DEVIATION, MEAN

TINY = 1e-30

CHANNELS_LAST = Move.parse("n c *s -> n *s c")
CHANNELS_FIRST = CHANNELS_LAST.inverse()

Of = Callable[[Array], Array]

OF_NUMBERS: Mapping[str, tuple[tuple[str, Of], ...]] = {
    "inputs scaled": (
        ("the inputs are divided by 255 on the way in", lambda x: x / 255),
        ("the inputs are brought from 0..1 to -1..1 on the way in", lambda x: x * 2 - 1),
        ("the inputs are brought from 0..255 to -1..1 on the way in", lambda x: x / 127.5 - 1),
    ),
    "inputs not scaled": (
        ("the inputs are multiplied by 255 on the way in, or are not divided by it", lambda x: x * 255),
        ("the inputs are brought from -1..1 to 0..1 on the way in", lambda x: (x + 1) / 2),
        ("the inputs are brought from -1..1 to 0..255 on the way in", lambda x: (x + 1) * 127.5),
    ),
    "integer division": (
        ("the inputs lose their fractions on the way in: they are cut to whole numbers", np.trunc),
        ("the inputs are rounded to whole numbers on the way in", np.round),
        ("the inputs are divided by 255 in whole numbers on the way in", lambda x: np.floor(x / 255)),
        ("the inputs are rounded down to whole numbers on the way in", np.floor),
        ("the inputs are cut to 256 whole numbers (uint8) on the way in", lambda x: np.trunc(x) % 256),
    ),
}  # fmt: skip
"""Mistakes in numbers of any kind."""


def in_inputs(node: Node) -> Iterator[Hypothesis]:
    """Mistakes on the way into a step that sees the model's inputs."""
    value = node.inputs[0]
    if "float" not in value.dtype or value.rank < 2:
        return
    for name, ways in OF_NUMBERS.items():
        for sentence, change in ways:
            yield _hypothesis(node, name, sentence, change)
    yield from _standardised(node)
    if value.rank == 4:
        for axis in (1, 3):
            if value.shape[axis] in (3, 4):
                yield from _of_images(node, axis)
        yield from _layouts(node)


def _hypothesis(node: Node, name: str, sentence: str, change: Of, simple: int = 0) -> Hypothesis:
    return Hypothesis(name, sentence, "inputs", node.op, inputs=of_first(change), simple=simple)


def _standardised(node: Node) -> Iterator[Hypothesis]:
    """Each row by its own mean and deviation, or all by those of the batch."""
    ways: Mapping[str, Of] = {
        "the inputs are standardised by each image's own mean and deviation, not by those of the data set":
            lambda x: _by_own(x, 1, 0, 1.0),
        "the inputs are standardised by the batch's mean and deviation, not by those of the data set":
            lambda x: _by_own(x, 0, 0, 1.0),
        "each image's own mean is taken off the inputs on the way in": lambda x: _by_own(x, 1, 0, 0.0),
        "the inputs are standardised by each image's own deviation over n - 1, not by those of the data set":
            lambda x: _by_own(x, 1, 1, 1.0),
    }  # fmt: skip
    for sentence, change in ways.items():
        yield _hypothesis(node, "inputs standardised", sentence, change)


def _by_own(x: Array, start: int, less: int, power: float) -> Array:
    """Mean and deviation taken off, over the axes from `start` on."""
    axes = tuple(range(start, x.ndim))
    spread: Array = np.maximum(x.std(axis=axes, keepdims=True, ddof=less), TINY)
    made: Array = (x - x.mean(axis=axes, keepdims=True)) / spread**power
    return made


def _of_images(node: Node, axis: int) -> Iterator[Hypothesis]:
    """Colours, and the customs by which they are brought to a scale."""
    if node.inputs[0].shape[axis] == 3:
        shape = tuple(3 if place == axis else 1 for place in range(4))
        mean, deviation, caffe = (array.reshape(shape) for array in (MEAN, DEVIATION, CAFFE))
        customs: Mapping[str, Of] = {
            "mean and deviation are taken off": lambda x: (x - mean) / deviation,
            "mean and deviation are not taken off, where they should be": lambda x: x * deviation + mean,
            "mean and deviation are taken off numbers up to 255": lambda x: (x / 255 - mean) / deviation,
            "mean is taken off, and the deviation forgotten": lambda x: x - mean,
            "deviation is used, and the mean forgotten": lambda x: x / deviation,
            "mean of pixels is taken off (Caffe)": lambda x: x - caffe,
            "mean of pixels is not taken off (Caffe), where it should be": lambda x: x + caffe,
            "mean of pixels is taken off in the order of colours BGR": lambda x: x - np.flip(caffe, axis),
        }
        for sentence, change in customs.items():
            told = f"ImageNet's {sentence}, on the way in"
            yield _hypothesis(node, "mean and deviation of inputs", told, change)
    told = "the inputs' colours are reversed on the way in (RGB against BGR)"
    yield _hypothesis(node, "channel order of inputs", told, lambda x: reversed_colours(x, axis), 1)


def _layouts(node: Node) -> Iterator[Hypothesis]:
    """Images whose axes were given other names, and not moved."""
    shape = node.inputs[0].shape
    ways: dict[str, Of] = {
        "the inputs' channels were brought to the other end by reshape, where axes have to be moved":
            lambda x: CHANNELS_LAST.apply(x).reshape(x.shape),
        "the inputs' channels were brought to the front by reshape, where axes have to be moved":
            lambda x: CHANNELS_FIRST.apply(x).reshape(x.shape),
        "the inputs are mirrored along their third axis": lambda x: x[..., ::-1, :],
        "the inputs are mirrored along their fourth axis": lambda x: x[..., ::-1],
        "the inputs are mirrored along their second axis": lambda x: x[:, ::-1],
    }  # fmt: skip
    for one, two in ((2, 3), (1, 2)):
        if shape[one] == shape[two]:
            told = "rows and columns of the inputs are exchanged"
            ways.setdefault(told, partial(np.swapaxes, axis1=one, axis2=two))
    for sentence, change in ways.items():
        yield _hypothesis(node, "layout of inputs", sentence, change, 1)
