"""Images and volumes in another size."""

from __future__ import annotations

from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import layer, own_layer
from porter.errors import UnsupportedModel
from porter.graph.dims import static
from porter.graph.model import Node
from porter.graph.ops.resampling import Resize, Upsample
from porter.writing.forms import Form, Layer
from porter.writing.settings import plain

PLAIN = {"linear": "bilinear", "nearest": "nearest"}
"""What all backends of Keras resample alike."""

KNOWN = frozenset({"nearest", "linear", "cubic", "lanczos3", "lanczos5", "area"})


@rules.writes(Upsample)
def write_upsample(op: Upsample, node: Node) -> Form:
    return Layer(layer(f"UpSampling{len(op.factors)}D", node, plain(op.factors)))


@rules.writes(Resize)
def write_resize(op: Resize, node: Node) -> Form:
    """Plain bilinear and nearest are Keras's own; the rest is done by matrices, alike on every backend."""
    if op.kernel not in KNOWN:
        raise UnsupportedModel(f"{node.origin}: Keras has no resampling by {op.kernel}")
    whole = op.factors is not None and all(factor == int(factor) for factor in op.factors)
    if op.kernel == "linear" and op.half_pixel and not op.antialias and whole and len(op.factors or ()) == 2:
        assert op.factors is not None
        size = plain([int(factor) for factor in op.factors])
        return Layer(layer("UpSampling2D", node, size, interpolation="bilinear"))
    usual = op.half_pixel and not op.antialias and op.kernel in PLAIN
    if usual and op.size is not None and len(op.size) == 2:
        return Layer(layer("Resizing", node, *op.size, interpolation=PLAIN[op.kernel]))
    if static(node.inputs[0].shape[1:-1]) is None:
        raise UnsupportedModel(f"{node.origin}: resampling by {op.kernel} of an image of unknown size")
    told: dict[str, Any] = {"kernel": op.kernel}
    told |= {"size": op.size} if op.size is not None else {"factors": op.factors}
    told |= {"antialias": True} if op.antialias else {}
    told |= {} if op.half_pixel else {"half_pixel": False}
    return Layer(own_layer("Resample", node, **told), helpers=("Resample",))
