"""Normalization by the statistics of the batch at hand."""

from __future__ import annotations

from converters.keras.rules import rules
from converters.keras.writes.making import own_layer, stored
from converters.keras.writes.normalisation import affine, scales
from porter.graph.model import Node
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.writing.forms import Form, Layer

OWN = "BatchStatisticsNormalization"


@rules.writes(BatchStatisticsNorm)
def write_batch_statistics_norm(op: BatchStatisticsNorm, node: Node) -> Form:
    axis = -1 if op.axis == node.inputs[0].rank - 1 else op.axis
    make = own_layer(OWN, node, axis=axis, epsilon=op.epsilon, **affine(node))
    return Layer(make, stored(scales(node)), helpers=(OWN,))
