"""What Keras itself says about a case: the outputs of its model on the TensorFlow backend."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.layers.cases.case import LayerCase

# Before anything imports keras; imports of frameworks wait until a case is run.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def as_list(outputs: Any) -> list[Any]:
    """The outputs of a model in order, whatever nest it returns (a dict by its own order)."""
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def run_keras(case: LayerCase, model: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Run the model in inference; float16 and bfloat16 outputs come back as they are."""
    outputs = forward(case, model)(inputs if len(inputs) > 1 else inputs[0])
    return [np.asarray(output) for output in as_list(outputs)]


def forward(case: LayerCase, model: Any) -> Callable[[Any], Any]:
    """The model in inference as a function of its inputs, compiled by XLA where nothing else can run it."""

    def call(values: Any) -> Any:
        return model(values, training=False)

    if case.runs_on_tf:
        return call
    import tensorflow as tf

    compiled: Callable[[Any], Any] = tf.function(call, jit_compile=True)
    return compiled
