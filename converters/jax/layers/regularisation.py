"""Dropout and noise: identity in inference, alive in training."""

from __future__ import annotations

from converters.jax.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.elementwise import Dropout
from porter.source.code import call
from porter.writing.forms import Form, Layer

OWN = {
    "alpha_dropout": "AlphaDropout",
    "gaussian_dropout": "GaussianDropout",
    "gaussian_noise": "GaussianNoise",
}
"""Kinds that Flax has no module for: snippets."""


@rules.writes(Dropout)
def write_dropout(op: Dropout, node: Node) -> Form:
    shared = {"broadcast_dims": op.shared_axes} if op.shared_axes else {}
    if op.kind == "dropout":
        return Layer(call("nnx.Dropout", op.rate, **shared))
    if op.kind not in OWN:
        raise UnsupportedModel(f"{node.origin}: JAX has no {op.kind}")
    return Layer(call(OWN[op.kind], op.rate, **shared), helpers=(OWN[op.kind],))
