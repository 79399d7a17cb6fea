"""Bringing layer configs of Keras 2 to the spelling of Keras 3, one pure step per difference.

Configs of Keras 0 and 1 come here in the spelling of Keras 2, by way of `legacy/spelling.py`.

Where a missing key meant another value to the writer than it means to Keras 3, the value is
written out. The steps run in the order of STEPS on each layer's `(class name, config)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from porter.dataclass import dataclass

JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Writer:
    """Who wrote a file: the Keras generation (0 to 3), the version as the file says it, and what it
    ran on."""

    generation: int
    version: str | None = None
    backend: str | None = None
    ordering: str = "tf"  # "th" or "tf", of those layers of Keras 0 and 1 that do not say
    since: tuple[int, ...] | None = None  # what its words show, where no version is written

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers; Keras 1 began to write it down in 1.0.5, and Keras 0 never did."""
        found = [int(part) for part in re.findall(r"\d+", self.version or "")[:3]]
        return tuple(found) or self.since or OLDEST.get(self.generation, (self.generation,))


@dataclass(frozen=True)
class RawLayer:
    """A layer on its way: its class name and its config, still plain JSON."""

    class_name: str
    config: JsonDict


Step = Callable[[RawLayer, Writer], RawLayer]

CLASS_RENAMES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "LayerNormalizationV2": "LayerNormalization",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "LSTMCellV2": "LSTMCell",
    "GRUCellV2": "GRUCell",
    "GroupQueryAttention": "GroupedQueryAttention",
    "Model": "Functional",
    "Network": "Functional",
}
SYNCHRONIZED = ("SyncBatchNormalization", "SyncBatchNormalizationV2")
ACTIVATION_RENAMES = {"swish": "silu", "hard_swish": "hard_silu", "softmax_v2": "softmax"}
GRU_CLASSES = ("GRU", "GRUCell")
OLDEST = {0: (0, 3), 1: (1, 0, 1)}
POLICY_CLASSES = ("DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1")
KERAS_MODULES = ("tf_keras.src", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")


def upgraded(layer: RawLayer, writer: Writer) -> RawLayer:
    """`layer` in Keras 3 spelling."""
    for step in STEPS:
        layer = step(layer, writer)
    return layer


def upgraded_module(module: str | None) -> str | None:
    """The module of a class under today's name: `tf_keras.src.layers` is `keras.layers`."""
    for old in KERAS_MODULES:
        if module is not None and (module == old or module.startswith(old + ".")):
            return "keras" + module[len(old) :]
    return module


def rename_class(layer: RawLayer, writer: Writer) -> RawLayer:
    """Versioned class names of TensorFlow's Keras stand for one class."""
    if layer.class_name in SYNCHRONIZED:
        return RawLayer("BatchNormalization", {"synchronized": True, **layer.config})
    name = CLASS_RENAMES.get(layer.class_name, layer.class_name)
    return RawLayer(name, layer.config)


def name_batch_shape(layer: RawLayer, writer: Writer) -> RawLayer:
    """`batch_input_shape` is `batch_shape` since Keras 3."""
    if "batch_input_shape" not in layer.config:
        return layer
    config = dict(layer.config)
    shape = config.pop("batch_input_shape")
    return RawLayer(layer.class_name, {"batch_shape": shape, **config})


def name_dtype(layer: RawLayer, writer: Writer) -> RawLayer:
    """A plain dtype policy becomes its name; quantised ones and maps of policies stay."""
    dtype = layer.config.get("dtype")
    if not isinstance(dtype, dict) or dtype.get("class_name") not in POLICY_CLASSES:
        return layer
    inner = dtype.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return RawLayer(layer.class_name, {**layer.config, "dtype": name})


def name_activations(layer: RawLayer, writer: Writer) -> RawLayer:
    """Activations become names, with Keras 2's hard sigmoid told apart from Keras 3's."""
    found = {
        key: _activation(value, writer)
        for key, value in layer.config.items()
        if key.endswith("activation") and value is not None
    }
    return RawLayer(layer.class_name, {**layer.config, **found}) if found else layer


def _activation(value: Any, writer: Writer) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "function":
        module, name = value.get("module"), value.get("config")
        ours = isinstance(module, str) and str(upgraded_module(module)).split(".")[0] == "keras"
        value = name if ours else value
    if not isinstance(value, str):
        return value
    # Keras 2: clip(0.2 x + 0.5, 0, 1). Keras 3: relu6(x + 3) / 6, under the same name.
    if value == "hard_sigmoid" and writer.generation < 3:
        return "hard_sigmoid_02"
    return ACTIVATION_RENAMES.get(value, value)


def write_reset_after(layer: RawLayer, writer: Writer) -> RawLayer:
    """A GRU without `reset_after` was written when there was no such thing."""
    if layer.class_name not in GRU_CLASSES or "reset_after" in layer.config:
        return layer
    return RawLayer(layer.class_name, {**layer.config, "reset_after": False})


def single_axis(layer: RawLayer, writer: Writer) -> RawLayer:
    """TensorFlow's Keras keeps the axis of a batch normalization in a list."""
    axis = layer.config.get("axis")
    if layer.class_name != "BatchNormalization" or not isinstance(axis, list) or len(axis) != 1:
        return layer
    return RawLayer(layer.class_name, {**layer.config, "axis": axis[0]})


def name_slope(layer: RawLayer, writer: Writer) -> RawLayer:
    """LeakyReLU's `alpha` is `negative_slope` since Keras 3."""
    if layer.class_name != "LeakyReLU" or "alpha" not in layer.config:
        return layer
    config = dict(layer.config)
    slope = config.pop("alpha")
    return RawLayer(layer.class_name, {"negative_slope": float(slope), **config})


def write_data_format(layer: RawLayer, writer: Writer) -> RawLayer:
    """Early Keras 2 had no `data_format` on Flatten and on 1D pooling, and meant the usual one."""
    missing = layer.class_name == "Flatten" or layer.class_name.endswith("Pooling1D")
    if writer.generation != 2 or not missing or layer.config.get("data_format") is not None:
        return layer
    return RawLayer(layer.class_name, {**layer.config, "data_format": "channels_last"})


def write_half_pixel(layer: RawLayer, writer: Writer) -> RawLayer:
    """A bilinear UpSampling2D once sampled at i / factor, not half a pixel aside."""
    if layer.class_name != "UpSampling2D" or layer.config.get("interpolation") != "bilinear":
        return layer
    return RawLayer(layer.class_name, {"half_pixel": not on_old_grid(writer), **layer.config})


def on_old_grid(writer: Writer) -> bool:
    """Keras up to 2.3, and tf.keras up to 2.1; "2.2.4-tf" is TensorFlow 2's too, and read as such."""
    if writer.version is None:
        return writer.generation < 2
    version, ours = _numbered(writer.version)
    return version < ((2, 4) if ours else (2, 2))


def on_either_tensorflow(writer: Writer) -> bool:
    """Keras 2.3 ran on TensorFlow 1 and on TensorFlow 2, and does not say on which."""
    version, ours = _numbered(writer.version or "")
    return ours and version == (2, 3)


def _numbered(version: str) -> tuple[tuple[int, ...], bool]:
    """The first two numbers of a version, and whether it is Keras's own and not TensorFlow's."""
    number, _, kind = version.partition("-")
    return tuple(int(part) for part in number.split(".")[:2] if part.isdigit()), not kind.startswith("tf")


def drop_type_of_ids(layer: RawLayer, writer: Writer) -> RawLayer:
    """Early Keras 2 told an Embedding the type of its ids; its table was of floats as ever."""
    if layer.class_name != "Embedding" or writer.generation != 2:
        return layer
    if "int" not in str(layer.config.get("dtype")):
        return layer
    config = {key: value for key, value in layer.config.items() if key != "dtype"}
    return RawLayer(layer.class_name, config)


STEPS: tuple[Step, ...] = (
    rename_class,
    name_batch_shape,
    name_dtype,
    name_activations,
    write_reset_after,
    single_axis,
    name_slope,
    write_data_format,
    write_half_pixel,
    drop_type_of_ids,
)
