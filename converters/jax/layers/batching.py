"""Steps of a sequence as rows of the batch, and back."""

from __future__ import annotations

from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.batching import MergeBatch, SplitBatch
from porter.source.code import Expression, Star, attr, index
from porter.writing.forms import Form, Inline, method


@rules.writes(MergeBatch)
def write_merge_batch(op: MergeBatch, node: Node) -> Form:
    return Inline(lambda x: method(x, "reshape", -1, Star(index(attr(x, "shape"), slice(2, None)))))


@rules.writes(SplitBatch)
def write_split_batch(op: SplitBatch, node: Node) -> Form:
    steps = node.inputs[1].shape[1]

    def build(x: Expression, like: Expression) -> Expression:
        count = steps if isinstance(steps, int) else index(attr(like, "shape"), 1)
        return method(x, "reshape", -1, count, Star(index(attr(x, "shape"), slice(1, None))))

    return Inline(build)
