"""Single operations of TensorFlow's graph as layers, which tf.keras of TensorFlow 2.0 to 2.3 wrote."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.layers.cases import hard_inputs
from tests.layers.cases.case import LayerCase, feed, inputs_of
from tests.layers.cases.run_keras import as_list
from tests.layers.in_memory import Answer, assert_same, by_reference, by_torch, graph_of

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="tf_keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# ruff: noqa: E501 -- a table reads across: one row, one line

FEEDS = (feed(4, 6, 3), feed(4, 6, 3))
_KERNEL = np.linspace(-1, 1, 36, dtype="float32").reshape(2, 2, 3, 3)

RAW: dict[str, Callable[[Any, Any, Any], Any]] = {
    "AddV2": lambda raw, x, y: raw.AddV2(x=x, y=y),
    "AddV2.constant": lambda raw, x, y: raw.AddV2(x=2.5, y=x),
    "Sub": lambda raw, x, y: raw.Sub(x=x, y=[1.0, 2.0, 3.0]),
    "Mul": lambda raw, x, y: raw.Mul(x=x, y=y),
    "RealDiv": lambda raw, x, y: raw.RealDiv(x=x, y=4.0),
    "Pow": lambda raw, x, y: raw.Pow(x=x, y=2.0),
    "Maximum": lambda raw, x, y: raw.Maximum(x=x, y=0.5),
    "FloorMod": lambda raw, x, y: raw.FloorMod(x=x, y=0.7),
    "Relu": lambda raw, x, y: raw.Relu(features=x),
    "LeakyRelu": lambda raw, x, y: raw.LeakyRelu(features=x, alpha=0.25),
    "Softmax": lambda raw, x, y: raw.Softmax(logits=x),
    "Tanh": lambda raw, x, y: raw.Tanh(x=x),
    "Mean": lambda raw, x, y: raw.Mean(input=x, axis=[1, 2], keep_dims=True),
    "Sum": lambda raw, x, y: raw.Sum(input=x, axis=-1),
    "Max": lambda raw, x, y: raw.Max(input=x, axis=1),
    "Reshape": lambda raw, x, y: raw.Reshape(tensor=x, shape=[-1, 8, 9]),
    "Transpose": lambda raw, x, y: raw.Transpose(x=x, perm=[0, 3, 1, 2]),
    "ConcatV2": lambda raw, x, y: raw.ConcatV2(values=[x, y], axis=-1),
    "Pack": lambda raw, x, y: raw.Pack(values=[x, y], axis=1),
    "AddN": lambda raw, x, y: raw.AddN(inputs=[x, y, x]),
    "Unpack": lambda raw, x, y: raw.Unpack(value=x, num=3, axis=-1),
    "Split": lambda raw, x, y: raw.Split(axis=2, value=x, num_split=3),
    "SplitV": lambda raw, x, y: raw.SplitV(value=x, size_splits=[2, 4], axis=2, num_split=2),
    "StridedSlice": lambda raw, x, y: x[:, 1:, ::2, 0],
    "StridedSlice.new": lambda raw, x, y: x[:, None, ..., ::-1],
    "ExpandDims": lambda raw, x, y: raw.ExpandDims(input=x, axis=1),
    "Cast": lambda raw, x, y: raw.Cast(x=x, DstT="int32"),
    "MatMul": lambda raw, x, y: raw.BatchMatMulV2(x=x, y=y, adj_y=True),
    "Conv2D": lambda raw, x, y: raw.Conv2D(input=x, filter=_KERNEL, strides=[1, 2, 2, 1], padding="SAME"),
    "MaxPool": lambda raw, x, y: raw.MaxPool(input=x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"),
    "BiasAdd": lambda raw, x, y: raw.BiasAdd(value=x, bias=[1.0, 2.0, 3.0]),
    "Pad": lambda raw, x, y: raw.Pad(input=x, paddings=[[0, 0], [1, 2], [0, 1], [0, 0]]),
    "MirrorPad": lambda raw, x, y: raw.MirrorPad(input=x, paddings=[[0, 0], [1, 2], [0, 1], [0, 0]], mode="REFLECT"),
    "Tile": lambda raw, x, y: raw.Tile(input=x, multiples=[1, 2, 1, 1]),
    "GatherV2": lambda raw, x, y: raw.GatherV2(params=x, indices=[0, 2], axis=1),
    "ArgMax": lambda raw, x, y: raw.ArgMax(input=x, dimension=-1),
    "SelectV2": lambda raw, x, y: raw.SelectV2(condition=[True, False, True], t=x, e=y),
    "Greater": lambda raw, x, y: raw.Greater(x=x, y=0.5),
    "ClipByValue": lambda raw, x, y: raw.ClipByValue(t=x, clip_value_min=-1.0, clip_value_max=1.0),
    "Cumsum": lambda raw, x, y: raw.Cumsum(x=x, axis=1, reverse=True),
    "Einsum": lambda raw, x, y: raw.Einsum(inputs=[x, y], equation="bhwc,bhwd->bcd"),
    "ResizeBilinear of TensorFlow 1": lambda raw, x, y: raw.ResizeBilinear(images=x, size=[8, 5]),
    "ResizeBilinear": lambda raw, x, y: raw.ResizeBilinear(images=x, size=[8, 5], half_pixel_centers=True),
    "DepthToSpace": lambda raw, x, y: raw.SpaceToDepth(input=x, block_size=2),
    "TopKV2": lambda raw, x, y: raw.TopKV2(input=x, k=2),
}  # fmt: skip


def _layer(apply: Callable[[Any, Any, Any], Any], symbols: list[Any]) -> Any:
    """The operation that `apply` makes, as a layer called on those of the symbols that it takes."""
    import tensorflow as tf
    from google.protobuf import json_format
    from tf_keras.src.engine.base_layer import TensorFlowOpLayer

    with tf.Graph().as_default():
        held = [tf.compat.v1.placeholder(one.dtype, one.shape) for one in symbols]
        outputs = apply(tf.raw_ops, *held)
        node = (outputs[0] if isinstance(outputs, (list, tuple)) else outputs).op
        constants = {
            place: tf.get_static_value(given)
            for place, given in enumerate(node.inputs)
            if all(given is not one for one in held)
        }
        taken = [symbols[place] for given in node.inputs for place, one in enumerate(held) if given is one]
        told = json_format.MessageToDict(node.node_def)
    return TensorFlowOpLayer(told, node.type, constants)(taken if len(taken) > 1 else taken[0])


def _model(apply: Callable[[Any, Any, Any], Any]) -> Any:
    import tf_keras

    tf_keras.backend.clear_session()
    given = inputs_of(tf_keras, FEEDS)
    return tf_keras.Model(given, _layer(apply, given), name="model")


@pytest.mark.parametrize("name", RAW)
def test_operation_computes_the_same(name: str) -> None:
    model = _model(RAW[name])
    inputs = hard_inputs(LayerCase(name, lambda keras: model, FEEDS), seed=2)
    want = [Answer(output.numpy(), output.dtype.name) for output in as_list(model(inputs))]
    graph = graph_of(model.to_json(), 2)
    assert_same(by_reference(graph, inputs), want, "the reference")
    assert_same(by_torch(graph, inputs, "native"), want, "torch")


def test_losses_and_metrics_on_the_way_change_no_values() -> None:
    """What `add_loss` and `add_metric` of a functional model leave in its file."""
    import tf_keras

    given = tf_keras.Input((4,))
    made = tf_keras.layers.Activation("exponential")(given)
    model = tf_keras.Model(given, made)
    model.add_loss(tf_keras.backend.mean(made))
    model.add_metric(made, name="seen")
    model.add_metric(tf_keras.layers.Activation("tanh")(made), name="bent", aggregation="mean")
    kinds = {layer["class_name"] for layer in json.loads(model.to_json())["config"]["layers"]}
    assert {"AddLoss", "AddMetric"} <= kinds
    inputs = [np.ones((2, 4), "float32")]
    want = [Answer(model(inputs[0]).numpy(), "float32")]
    assert_same(by_reference(graph_of(model.to_json(), 2), inputs), want, "the reference")
