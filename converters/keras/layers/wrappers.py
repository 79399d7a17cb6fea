"""Layers that apply another layer or model."""

from __future__ import annotations

from collections.abc import Callable

from converters.keras.layer import LayerCall
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.graph.model import Value
from porter.graph.ops.batching import MergeBatch, SplitBatch


def _always(inner: LayerSpec) -> bool:
    return True


def _over_last_axis(inner: LayerSpec) -> bool:
    return inner.config.get("axis", -1) in (-1, [-1], (-1,))


ALIKE: dict[str, Callable[[LayerSpec], bool]] = {
    "Activation": lambda inner: inner.config.get("activation") not in ("glu",),
    "BatchNormalization": _over_last_axis,
    "Dense": _always,
    "Dropout": lambda inner: inner.config.get("noise_shape") is None,
    "ELU": _always,
    "Embedding": _always,
    "LayerNormalization": _over_last_axis,
    "LeakyReLU": _always,
    "ReLU": _always,
    "Rescaling": _always,
    "Softmax": _over_last_axis,
}
"""Layers that do to every step of a sequence the same whether they get one step or all."""


@rules.reads("TimeDistributed")
def read_time_distributed(layer: LayerCall) -> tuple[Value, ...]:
    spec = layer.config["layer"]
    if len(layer.inputs) == 1 and spec.class_name in ALIKE and ALIKE[spec.class_name](spec):
        return layer.wrapped(spec, "layer", layer.inputs)
    merged, likes = zip(*(_merged(layer, value) for value in layer.inputs), strict=True)
    like = likes[0]
    return tuple(layer.add(SplitBatch(), value, like) for value in layer.wrapped(spec, "layer", merged))


def _merged(layer: LayerCall, value: Value) -> tuple[Value, Value]:
    """A sequence as rows of the batch, and what tells its steps; what was just split is not merged anew."""
    for node in reversed(layer.builder.nodes):
        if value in node.outputs and isinstance(node.op, SplitBatch):
            return node.inputs[0], node.inputs[1]
    return layer.add(MergeBatch(), value), value


@rules.reads("SpectralNormalization")
def read_spectral_normalization(layer: LayerCall) -> tuple[Value, ...]:
    """Training stores the kernel divided by its largest singular value: inference uses it as it lies."""
    outputs = layer.wrapped(layer.config["layer"], "layer", layer.inputs)
    inside = (*layer.attribute, "layer")
    shapes = [
        pending.slot.shape
        for pending in layer.context.variables.asked.values()
        if (pending.slot.layer, pending.slot.attribute) == (layer.path, inside)
        and pending.slot.name in ("kernel", "embeddings")
    ]
    if not shapes:
        raise layer.refuse("its inner layer has no kernel and no embeddings")
    layer.leave("kernel", shapes[0], "a second name of the inner layer's kernel", optional=True)
    because = "where training's search for the kernel's largest singular value stands"
    layer.leave("vector_u", (1, shapes[0][-1]), because)
    layer.context.notices.append(
        f"{'/'.join(layer.path)}: the kernel is the normalised one that Keras stored; training goes on "
        "without normalising it (torch.nn.utils.parametrizations.spectral_norm does that)"
    )
    # Keras gives the output the type of the input: behind ids, an embedding is cut to whole numbers
    return tuple(layer.cast(value, layer.inputs[0].dtype) for value in outputs)


passes_mask("TimeDistributed")
