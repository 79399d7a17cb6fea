"""Layers that act in training only: dropout, noise, penalties."""

from __future__ import annotations

from collections.abc import Sequence

from converters.keras.layer import LayerCall
from converters.keras.layers.convolution import orientation
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Dropout


@rules.reads("Dropout")
def read_dropout(layer: LayerCall) -> Value:
    return _dropout(layer, "dropout", _shared(layer))


@rules.reads("AlphaDropout")
def read_alpha_dropout(layer: LayerCall) -> Value:
    return _dropout(layer, "alpha_dropout", _shared(layer))


@rules.reads("GaussianDropout")
def read_gaussian_dropout(layer: LayerCall) -> Value:
    return _dropout(layer, "gaussian_dropout")


@rules.reads("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
def read_spatial_dropout(layer: LayerCall) -> Value:
    rank = layer.value.rank
    spatial = range(2, rank) if orientation(layer) == "first" else range(1, rank - 1)
    return _dropout(layer, "dropout", tuple(spatial))


@rules.reads("GaussianNoise")
def read_gaussian_noise(layer: LayerCall) -> Value:
    return layer.add(Dropout(float(layer.config["stddev"]), "gaussian_noise"), layer.value)


@rules.reads("ActivityRegularization", "AddLoss")
def read_activity_regularization(layer: LayerCall) -> Value:
    """Adds to the loss that Keras trains with, and nothing to the values."""
    layer.context.notices.append(
        f"{'/'.join(layer.path)}: its penalty belongs to Keras's training loss; add it to your own"
    )
    return layer.value


@rules.reads("AddMetric")
def read_add_metric(layer: LayerCall) -> Value:
    """Watches the values, for people."""
    return layer.value


def _dropout(layer: LayerCall, kind: str, shared: Sequence[int] = ()) -> Value:
    return layer.add(Dropout(float(layer.config.get("rate", 0.5)), kind, tuple(shared)), layer.value)


def _shared(layer: LayerCall) -> tuple[int, ...]:
    """The axes along which one draw serves all cells: those where the noise has size 1."""
    told = layer.config.get("noise_shape")
    value = layer.value
    if told is None:
        return ()
    if len(told) != value.rank:
        raise layer.refuse(f"its noise_shape {list(told)} does not fit an input of {value.rank} axes")
    return tuple(
        axis
        for axis, size in enumerate(told)
        if size is not None and int(size) == 1 and value.shape[axis] != 1
    )


passes_mask(
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
)  # fmt: skip
