"""Fourier transforms: Keras's own, along one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converters.keras.rules import rules
from converters.keras.writes.making import own_layer
from porter.errors import UnsupportedModel
from porter.graph.dims import Dim
from porter.graph.model import Node
from porter.graph.ops.fourier import Fourier, RealFourier
from porter.writing.forms import Form, Layer


@rules.writes(Fourier)
def write_fourier(op_: Fourier, node: Node) -> Form:
    cells = _cells(node, op_.axes, node.inputs[0].shape)
    scale = _scale(cells, op_.norm, op_.inverse)
    flags = {name: True for name in ("inverse", "half") if getattr(op_, name)}
    told = {} if scale == 1 else {"scale": scale}
    return Layer(own_layer("Fourier", node, op_.axes, **flags, **told), helpers=("Fourier",))


@rules.writes(RealFourier)
def write_real_fourier(op_: RealFourier, node: Node) -> Form:
    """Keras's own last step divides by the numbers along the last axis."""
    cells = _cells(node, op_.axes, node.outputs[0].shape)
    scale = _scale(cells, op_.norm, True) * op_.size
    told = {} if scale == 1 else {"scale": scale}
    return Layer(own_layer("RealFourier", node, op_.axes, op_.size, **told), helpers=("RealFourier",))


def _cells(node: Node, axes: Sequence[int], shape: Sequence[Dim]) -> int:
    sizes = [shape[axis] for axis in axes]
    if not all(isinstance(size, int) for size in sizes):
        raise UnsupportedModel(f"{node.origin}: a Fourier transform along an axis whose size is not known")
    return math.prod(int(str(size)) for size in sizes)


def _scale(cells: int, norm: str, inverse: bool) -> float:
    if norm == "ortho":
        return 1 / math.sqrt(cells)
    return 1 / cells if (norm == "backward") == inverse else 1.0
