"""Weights and inputs that are hard on mistakes: nothing zero, nothing one, nothing symmetric."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.layers.cases.case import Feed, LayerCase

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _he(fan_axes: slice) -> Draw:
    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        fan_in = int(np.prod(shape[fan_axes])) or 1
        return rng.normal(0.0, np.sqrt(2.0 / fan_in), shape)

    return draw


def _around(centre: float, spread: float) -> Draw:
    return lambda rng, shape: centre + spread * rng.standard_normal(shape)


def _between(low: float, high: float) -> Draw:
    return lambda rng, shape: rng.uniform(low, high, shape)


_DRAWS: dict[str, Draw] = {
    "kernel": _he(slice(0, -1)),
    "pointwise_kernel": _he(slice(0, -1)),
    "depthwise_kernel": _he(slice(0, -2)),  # (*window, in, multiplier): the channels do not add up
    "recurrent_kernel": _he(slice(0, -1)),
    "embeddings": _around(0.0, 1.0),
    "bias": _around(0.1, 0.5),
    "gamma": _between(0.5, 1.5),
    "scale": _between(0.5, 1.5),
    "layer_scale": _between(0.1, 0.4),
    "beta": _around(-0.1, 0.5),
    # Well above zero: behind a batch norm centred on zero, each relu makes rounding grow by a fifth,
    # which over fifty layers hides what a comparison looks for.
    "batch_beta": _around(0.8, 0.5),
    "alpha": _between(0.1, 0.6),
    "moving_mean": _around(0.2, 0.5),
    "moving_variance": _between(0.3, 0.8),
}


def _name(variable: Any) -> str:
    return str(getattr(variable, "path", variable.name)).split("/")[-1].split(":")[0]


# Weights whose name says too little, by class and attribute: Keras 3 calls a depthwise kernel `kernel`
# like any other, and ConvNeXt's LayerScale leaves its weight without a name.
_BY_OWNER = {
    "DepthwiseConv1D": ("weights", "depthwise_kernel"),
    "DepthwiseConv2D": ("weights", "depthwise_kernel"),
    "LayerScale": ("gamma", "layer_scale"),
    "BatchNormalization": ("beta", "batch_beta"),
}


def _renamed(model: Any) -> dict[int, str]:
    names = {}
    for layer in model._flatten_layers():
        attribute, name = _BY_OWNER.get(type(layer).__name__, ("", ""))
        found = getattr(layer, attribute, None) if attribute else None
        variable = found[0] if isinstance(found, list) else found
        names[id(variable)] = name
    return {key: name for key, name in names.items() if name and key != id(None)}


def randomise(model: Any, seed: int = 0) -> Any:
    """Fill every weight of a keras or tf_keras model with seeded, non-trivial values; return the model.

    What is no weight (the state of seed generators) or was learnt from data (Normalization) stays.
    """
    rng = np.random.default_rng(seed)
    renamed = _renamed(model)
    for variable in model.weights:
        draw = _DRAWS.get(renamed.get(id(variable), _name(variable)))
        if draw is not None and not str(variable.dtype).startswith("int"):  # nor are quantised weights drawn
            variable.assign(draw(rng, tuple(variable.shape)).astype("float32"))
    return model


def _numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise on a slope that differs along every axis, with a few impulses; no axis is symmetric."""
    values = rng.normal(0.0, 1.0, shape)
    for axis, size in enumerate(shape):
        ramp = np.linspace(-0.5, 0.7 + 0.1 * axis, size)
        values += ramp.reshape([-1 if axis == other else 1 for other in range(len(shape))])
    flat = values.reshape(-1)
    places = rng.choice(flat.size, size=max(1, flat.size // 40), replace=False)
    flat[places] += rng.choice([-9.0, 7.0, 12.5], size=places.size)
    return values


def _ids(rng: np.random.Generator, shape: tuple[int, ...], one: Feed) -> np.ndarray:
    assert one.ids is not None
    values = rng.integers(1 if one.padded else 0, one.ids, shape)
    values.reshape(-1)[0] = one.ids - 1
    if one.padded:
        for index, sequence in enumerate(values):
            sequence[sequence.shape[0] - index % sequence.shape[0] :] = 0
    return values


def _one_input(one: Feed, rng: np.random.Generator, batch: int) -> np.ndarray:
    shape = (batch, *one.sizes())
    if one.ids is not None:
        return _ids(rng, shape, one).astype(one.dtype)
    if one.dtype == "bool":
        return rng.random(shape) > 0.5
    if one.dtype.startswith(("int", "uint")):
        return rng.integers(0, 50, shape).astype(one.dtype)
    return _numbers(rng, shape).astype(one.dtype)


def hard_inputs(case: LayerCase, seed: int = 0, batch: int = 3) -> list[np.ndarray]:
    """Seeded inputs of a case in order: asymmetric, with impulses, negatives and large numbers, ids in range."""
    rng = np.random.default_rng([seed, 17])
    return [_one_input(one, rng, batch) for one in case.inputs]
