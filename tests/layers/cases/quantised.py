"""Rows of layers that are quantised after they are built: by `.quantize(...)`, weights alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, functional, ids


def _row(name: str, one: Feed, layer: Callable[[Any], Any], config: Callable[[Any], Any]) -> LayerCase:
    def build(keras: Any) -> Any:
        keras.utils.set_random_seed(4)
        model = functional(keras, (one,), layer(keras.layers))
        model.get_layer("layer").quantize(config=config(keras.quantizers))
        return model

    return LayerCase(name, build, (one,), tf_keras=False)


def _int8(quantizers: Any) -> Any:
    return quantizers.Int8QuantizationConfig(activation_quantizer=None)


def _int4(block: int | None) -> Callable[[Any], Any]:
    return lambda quantizers: quantizers.Int4QuantizationConfig(block_size=block)


def _dense(layers: Any) -> Any:
    return layers.Dense(5, activation="relu", name="layer")


def _embedding(layers: Any) -> Any:
    return layers.Embedding(20, 7, name="layer")


def _einsum(equation: str, shape: tuple[int | None, ...], bias: str | None) -> Callable[[Any], Any]:
    return lambda layers: layers.EinsumDense(equation, shape, bias_axes=bias, name="layer")


_HEADS = _einsum("abc,cde->abde", (None, 3, 5), "de")
_TURNED = _einsum("abc,dc->abd", (None, 5), None)

CASES = (
    _row("quantised_int8_dense", feed(6), _dense, _int8),
    _row("quantised_int4_dense", feed(11), _dense, _int4(128)),
    _row("quantised_int4_dense_groups", feed(11), _dense, _int4(4)),
    _row("quantised_int4_dense_one_scale", feed(11), _dense, _int4(-1)),
    _row("quantised_int8_embedding", ids(6, below=20), _embedding, _int8),
    _row("quantised_int4_embedding", ids(6, below=20), _embedding, _int4(3)),
    _row("quantised_int4_embedding_one_scale", ids(6, below=20), _embedding, _int4(-1)),
    _row("quantised_int8_einsum", feed(4, 7), _HEADS, _int8),
    _row("quantised_int8_einsum_turned", feed(4, 7), _TURNED, _int8),
    _row("quantised_int4_einsum", feed(4, 7), _HEADS, _int4(3)),
)
