"""The stock layers that are written: arguments by place, and what their configs say when nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]

_LAST = {"data_format": "channels_last"}

_CONV: Settings = {
    "strides": 1,
    "padding": "valid",
    **_LAST,
    "dilation_rate": 1,
    "groups": 1,
    "activation": "linear",
    "use_bias": True,
}

_TRANSPOSED: Settings = {
    "strides": 1,
    "padding": "valid",
    "output_padding": None,
    **_LAST,
    "dilation_rate": 1,
    "activation": "linear",
    "use_bias": True,
}

_DEPTHWISE: Settings = {
    "strides": 1,
    "padding": "valid",
    "depth_multiplier": 1,
    **_LAST,
    "dilation_rate": 1,
    "activation": "linear",
    "use_bias": True,
}

_POOLING: Settings = {"strides": None, "padding": "valid", **_LAST}

_WALK: Settings = {
    "return_sequences": False,
    "return_state": False,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
    "zero_output_for_mask": False,
    "activation": "tanh",
    "use_bias": True,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
}

_GATED: Settings = {**_WALK, "recurrent_activation": "sigmoid"}

_AFFINE: Settings = {"center": True, "scale": True}

_DROPPED: Settings = {"noise_shape": None, "seed": None}

_DIMENSIONS = (1, 2, 3)

DEFAULTS: Mapping[str, Settings] = {
    "Activation": {},
    "Add": {},
    "AlphaDropout": _DROPPED,
    "BatchNormalization": {"axis": -1, "momentum": 0.99, "epsilon": 0.001, **_AFFINE, "synchronized": False},
    "Bidirectional": {"merge_mode": "concat"},
    "Concatenate": {"axis": -1},
    "Dense": {"activation": "linear", "use_bias": True},
    "Dropout": _DROPPED,
    "ELU": {"alpha": 1.0},
    "Embedding": {"mask_zero": False},
    "Flatten": _LAST,
    "GaussianDropout": {"seed": None},
    "GaussianNoise": {"seed": None},
    "GroupNormalization": {"groups": 32, "axis": -1, "epsilon": 0.001, **_AFFINE},
    "GRU": {**_GATED, "reset_after": True},
    "LayerNormalization": {"axis": -1, "epsilon": 0.001, **_AFFINE},
    "LeakyReLU": {"negative_slope": 0.3},
    "LSTM": {**_GATED, "unit_forget_bias": True},
    "Maximum": {},
    "Minimum": {},
    "GroupQueryAttention": {"dropout": 0.0, "use_bias": True},
    "MultiHeadAttention": {"dropout": 0.0, "use_bias": True},
    "Multiply": {},
    "Permute": {},
    "PReLU": {"shared_axes": None},
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "RepeatVector": {},
    "Reshape": {},
    "Resizing": {
        "interpolation": "bilinear",
        "crop_to_aspect_ratio": False,
        "pad_to_aspect_ratio": False,
        "antialias": False,
        **_LAST,
    },
    "ReversibleEmbedding": {
        "tie_weights": True, "mask_zero": False, "reverse_dtype": None, "logit_soft_cap": None
    },
    "RMSNormalization": {"axis": -1, "epsilon": 1e-6},
    "SimpleRNN": _WALK,
    "Softmax": {"axis": -1},
    "Subtract": {},
    "UnitNormalization": {"axis": -1},
    **{f"Conv{rank}D": _CONV for rank in _DIMENSIONS},
    **{f"Conv{rank}DTranspose": _TRANSPOSED for rank in _DIMENSIONS},
    **{
        f"ConvLSTM{rank}D": {**_GATED, "strides": 1, "padding": "valid", **_LAST, "dilation_rate": 1}
        for rank in _DIMENSIONS
    },
    "Cropping1D": {},
    **{f"Cropping{rank}D": _LAST for rank in (2, 3)},
    **{f"DepthwiseConv{rank}D": _DEPTHWISE for rank in (1, 2)},
    **{f"MaxPooling{rank}D": _POOLING for rank in _DIMENSIONS},
    **{f"AveragePooling{rank}D": _POOLING for rank in _DIMENSIONS},
    **{f"Global{kind}Pooling{rank}D": {**_LAST, "keepdims": False}
       for rank in _DIMENSIONS for kind in ("Average", "Max")},
    **{f"SpatialDropout{rank}D": {"seed": None} for rank in _DIMENSIONS},
    **{f"ZeroPadding{rank}D": _LAST for rank in _DIMENSIONS},
    "UpSampling1D": {},
    "UpSampling2D": {**_LAST, "interpolation": "nearest"},
    "UpSampling3D": _LAST,
}  # fmt: skip
"""By class: its settings in customary order, with what Keras assumes; only these can be left out."""

_FILTERS = ("filters", "kernel_size")

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Bidirectional": ("layer",),
    "Dense": ("units",),
    "ELU": ("alpha",),
    "Embedding": ("input_dim", "output_dim"),
    "GaussianNoise": ("stddev",),
    "GroupNormalization": ("groups",),
    "LeakyReLU": ("negative_slope",),
    "GroupQueryAttention": ("head_dim", "num_query_heads", "num_key_value_heads"),
    "MultiHeadAttention": ("num_heads", "key_dim"),
    "Permute": ("dims",),
    "RepeatVector": ("n",),
    "Reshape": ("target_shape",),
    "Resizing": ("height", "width"),
    "ReversibleEmbedding": ("input_dim", "output_dim"),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), ("units",)),
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout"), ("rate",)),
    **{f"Conv{rank}D": _FILTERS for rank in _DIMENSIONS},
    **{f"Conv{rank}DTranspose": _FILTERS for rank in _DIMENSIONS},
    **{f"ConvLSTM{rank}D": _FILTERS for rank in _DIMENSIONS},
    **{f"Cropping{rank}D": ("cropping",) for rank in _DIMENSIONS},
    **{f"DepthwiseConv{rank}D": ("kernel_size",) for rank in (1, 2)},
    **{f"{kind}Pooling{rank}D": ("pool_size",) for rank in _DIMENSIONS for kind in ("Max", "Average")},
    **{f"SpatialDropout{rank}D": ("rate",) for rank in _DIMENSIONS},
    **{f"UpSampling{rank}D": ("size",) for rank in _DIMENSIONS},
    **{f"ZeroPadding{rank}D": ("padding",) for rank in _DIMENSIONS},
}
"""Names of the arguments that are given by place."""

NEVER: Mapping[str, tuple[str, ...]] = {f"SpatialDropout{rank}D": ("trainable",) for rank in _DIMENSIONS}
"""What a class is not told, though others are."""

PER_AXIS = frozenset("kernel_size strides dilation_rate pool_size size output_padding".split())
"""Settings of which a config holds one number for each spatial axis."""


def spread(class_name: str, config: Settings) -> dict[str, Any]:
    """A config with such settings as lists; strides that are left out are those of the window."""
    digits = [int(letter) for letter in class_name if letter.isdigit()]
    done = dict(config)
    if "pool_size" in done and done.get("strides") is None:
        done["strides"] = done["pool_size"]
    for key in PER_AXIS & done.keys():
        if isinstance(done[key], int) and digits:
            done[key] = [done[key]] * digits[0] if class_name != "UpSampling1D" else done[key]
    return done
