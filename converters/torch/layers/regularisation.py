"""Dropout and noise: identity in inference, alive in training."""

from __future__ import annotations

from converters.torch.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.elementwise import Dropout
from porter.source.code import call
from porter.writing.forms import Form, Layer

OWN = {"gaussian_dropout": "GaussianDropout", "gaussian_noise": "GaussianNoise"}
"""Kinds that torch has no module for: snippets."""


@rules.writes(Dropout)
def write_dropout(op: Dropout, node: Node) -> Form:
    if op.kind in OWN:
        return Layer(call(OWN[op.kind], op.rate), helpers=(OWN[op.kind],))
    if op.kind == "alpha_dropout" and not op.shared_axes:
        return Layer(call("nn.AlphaDropout", op.rate))
    if op.kind != "dropout":
        raise UnsupportedModel(
            f"{node.origin}: torch has no {op.kind} whose noise is shared along {op.shared_axes}"
        )
    rank = node.inputs[0].rank
    if not op.shared_axes:
        return Layer(call("nn.Dropout", op.rate))
    if rank in (3, 4, 5) and op.shared_axes == tuple(range(2, rank)):
        return Layer(call(f"nn.Dropout{rank - 2}d", op.rate))
    return Layer(call("SharedDropout", op.rate, op.shared_axes), helpers=("SharedDropout",))
