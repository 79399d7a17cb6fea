"""Steps of a sequence as rows of the batch, and back."""

from __future__ import annotations

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.batching import MergeBatch, SplitBatch
from porter.source.code import attr, index
from porter.writing.forms import Form, Inline, method


@rules.writes(MergeBatch)
def write_merge_batch(op: MergeBatch, node: Node) -> Form:
    return Inline(lambda x: method(x, "flatten", 0, 1), simple=True)


@rules.writes(SplitBatch)
def write_split_batch(op: SplitBatch, node: Node) -> Form:
    steps = node.inputs[1].shape[1]
    if isinstance(steps, int):
        return Inline(lambda x, like: method(x, "unflatten", 0, (-1, steps)))
    return Inline(lambda x, like: method(x, "unflatten", 0, index(attr(like, "shape"), slice(None, 2))))
