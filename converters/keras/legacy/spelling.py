"""Layer configs of Keras 0 and 1 in the spelling of Keras 3, one pure step per difference.

The steps run before those of `upgrade.py`, in the order of STEPS. Layers that later versions dropped keep
their class names, in today's spelling of their arguments; `layers/legacy.py` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from converters.keras.legacy.conventions import conventions
from converters.keras.legacy.merging import name_merge
from converters.keras.upgrade import RawLayer, Writer
from porter.errors import SourceError

Step = Callable[[RawLayer, Writer], RawLayer]

CLASSES: Mapping[str, str] = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
KEYS: Mapping[str, str] = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "inner_activation": "recurrent_activation",
    "nb_filter": "filters",
    "subsample": "strides",
    "subsample_length": "strides",
}
OWN_KEYS: Mapping[str, Mapping[str, str]] = {
    "AveragePooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "Dropout": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "MaxPooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "Reshape": {"dims": "target_shape"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "UpSampling1D": {"length": "size"},
}
UNITS = ("Dense", "GRU", "Highway", "LSTM", "MaxoutDense", "SimpleRNN")
KERNEL_KEYS = (
    ("filter_length",),
    ("nb_row", "nb_col"),
    ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
)
ORDERINGS = {"th": "channels_first", "tf": "channels_last"}
SPATIAL = (
    *("Conv2D", "Conv3D", "Conv2DTranspose", "SeparableConv2D", "LocallyConnected2D", "ConvLSTM2D"),
    *("MaxPooling2D", "MaxPooling3D", "AveragePooling2D", "AveragePooling3D"),
    *("GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
    *("UpSampling2D", "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D"),
)
"""Layers whose meaning depends on the ordering; the last line's do not even write it down."""

IMPLEMENTATIONS = {"cpu": 0, "mem": 1, "gpu": 2}
SIDES = ("top_pad", "bottom_pad", "left_pad", "right_pad")
LEGACY_ONLY = ("cache_enabled", "input_dim", "input_length", "truncate_gradient")


def respelled(layer: RawLayer, writer: Writer) -> RawLayer:
    """`layer` of Keras 0 or 1 in the spelling of Keras 2."""
    for step in STEPS:
        layer = step(layer, writer)
    return layer


def name_shape(layer: RawLayer, writer: Writer) -> RawLayer:
    """The shape of a first layer's input, said in one of four ways, becomes `batch_input_shape`."""
    config = dict(layer.config)
    shape, batched = config.pop("input_shape", None), config.get("batch_input_shape")
    length, width = config.get("input_length"), config.get("input_dim")
    if layer.class_name == "Embedding":
        shape = [length] if shape is not None or batched is not None else None
    elif shape is None and isinstance(width, int) and layer.class_name in UNITS:
        sequence = layer.class_name in ("GRU", "LSTM", "SimpleRNN")
        shape = [length, width] if sequence else [width]
    if batched is None and isinstance(shape, (list, tuple)):
        config["batch_input_shape"] = [None, *shape]
    return RawLayer(layer.class_name, config)


def name_dtype(layer: RawLayer, writer: Writer) -> RawLayer:
    """`input_dtype` is the type of what goes in; layers themselves computed in the default type."""
    config = dict(layer.config)
    told = config.pop("input_dtype", None)
    if layer.class_name == "InputLayer" and isinstance(told, str):
        config["dtype"] = told
    return RawLayer(layer.class_name, config)


def name_class(layer: RawLayer, writer: Writer) -> RawLayer:
    """Class names of Keras 2."""
    return RawLayer(CLASSES.get(layer.class_name, layer.class_name), layer.config)


def name_keys(layer: RawLayer, writer: Writer) -> RawLayer:
    """Argument names of Keras 2."""
    names = {**KEYS, **OWN_KEYS.get(layer.class_name, {})}
    if layer.class_name in UNITS:
        names["output_dim"] = "units"
    config = {names.get(key, key): value for key, value in layer.config.items()}
    return RawLayer(layer.class_name, config)


def join_kernel(layer: RawLayer, writer: Writer) -> RawLayer:
    """The kernel's size in one list."""
    config = dict(layer.config)
    for keys in KERNEL_KEYS:
        if all(key in config for key in keys):
            config["kernel_size"] = [config.pop(key) for key in keys]
    return RawLayer(layer.class_name, config)


def name_ordering(layer: RawLayer, writer: Writer) -> RawLayer:
    """`dim_ordering` is `data_format` since Keras 2; where a file leaves it out, the whole file's holds."""
    config = dict(layer.config)
    told = config.pop("dim_ordering", None)
    if layer.class_name in SPATIAL:
        config["data_format"] = ORDERINGS.get(str(told)) or ORDERINGS[writer.ordering]
    return RawLayer(layer.class_name, config)


def plain_flatten(layer: RawLayer, writer: Writer) -> RawLayer:
    """Flatten takes the numbers as they lie, whatever the ordering."""
    if layer.class_name != "Flatten":
        return layer
    return RawLayer("Flatten", {**layer.config, "data_format": "channels_last"})


def list_padding(layer: RawLayer, writer: Writer) -> RawLayer:
    """ZeroPadding's amounts by side, as lists."""
    told = layer.config.get("padding")
    if not layer.class_name.startswith("ZeroPadding") or not isinstance(told, Mapping):
        return layer
    sides = [int(told.get(side, 0)) for side in SIDES]
    amounts = [sides[:2], sides[2:]] if layer.class_name == "ZeroPadding2D" else sides[2:]
    return RawLayer(layer.class_name, {**layer.config, "padding": amounts})


def number_implementation(layer: RawLayer, writer: Writer) -> RawLayer:
    """`consume_less` is `implementation`; it decides how many arrays the weights are in."""
    config = dict(layer.config)
    told = config.pop("consume_less", None)
    if told is not None:
        config["implementation"] = IMPLEMENTATIONS.get(str(told), 0)
    return RawLayer(layer.class_name, config)


def name_norm_mode(layer: RawLayer, writer: Writer) -> RawLayer:
    """BatchNormalization's modes are different layers: by stored statistics (0), by each vector's own (1),
    by the batch's (2)."""
    if layer.class_name != "BatchNormalization":
        return layer
    config = dict(layer.config)
    mode = config.pop("mode", 0)
    return RawLayer(f"BatchNormalizationMode{mode}" if mode else layer.class_name, config)


def write_norm_defaults(layer: RawLayer, writer: Writer) -> RawLayer:
    """What a missing epsilon and axis meant."""
    if not layer.class_name.startswith("BatchNormalization"):
        return layer
    epsilon = 1e-6 if writer.release < (1, 0, 8) else 1e-5 if writer.release < (1, 2) else 1e-3
    return RawLayer(layer.class_name, {"epsilon": epsilon, "axis": -1, **layer.config})


def move_epsilon(layer: RawLayer, writer: Writer) -> RawLayer:
    """Where epsilon stood beside the root, it goes into what is stored for the variance (`recipes.py`)."""
    if layer.class_name != "BatchNormalization" or conventions(writer).batch_norm == "inside":
        return layer
    told = layer.config["epsilon"]
    if not isinstance(told, (int, float)):
        raise SourceError(f"layer {layer.config.get('name')!r}: its epsilon is no number: {told!r:.60}")
    return RawLayer(layer.class_name, {**layer.config, "epsilon": 0.0, "added_epsilon": told})


def drop_hints(layer: RawLayer, writer: Writer) -> RawLayer:
    """Arguments that said what shapes say, or how fast to compute."""
    needed = ("input_dim",) if layer.class_name == "Embedding" else ()
    config = {key: value for key, value in layer.config.items() if key not in LEGACY_ONLY or key in needed}
    return RawLayer(layer.class_name, config)


STEPS: tuple[Step, ...] = (
    name_shape,
    name_dtype,
    name_merge,
    name_class,
    name_keys,
    join_kernel,
    name_ordering,
    plain_flatten,
    list_padding,
    number_implementation,
    name_norm_mode,
    write_norm_defaults,
    move_epsilon,
    drop_hints,
)
