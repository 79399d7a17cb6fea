"""Steps of a sequence as rows of the batch, and back."""

from __future__ import annotations

from converters.keras.rules import rules
from converters.keras.writes.making import op, own_layer
from porter.graph.dims import static
from porter.graph.model import Node
from porter.graph.ops.batching import MergeBatch, SplitBatch
from porter.writing.forms import Form, Inline, Layer


@rules.writes(MergeBatch)
def write_merge_batch(op_: MergeBatch, node: Node) -> Form:
    rest = static(node.inputs[0].shape[2:])
    if rest is not None:
        return Inline(lambda x: op("reshape", x, (-1, *rest)))
    shape = [None, *(str(axis) for axis in range(2, node.inputs[0].rank))]
    return Layer(own_layer("OpenReshape", node, shape), helpers=("OpenReshape",))


@rules.writes(SplitBatch)
def write_split_batch(op_: SplitBatch, node: Node) -> Form:
    steps, rest = node.inputs[1].shape[1], static(node.inputs[0].shape[1:])
    if isinstance(steps, int) and rest is not None:
        return Inline(lambda x, like: op("reshape", x, (-1, steps, *rest)))
    return Layer(own_layer("SplitBatch", node), helpers=("SplitBatch",))
