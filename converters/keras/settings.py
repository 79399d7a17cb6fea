"""A layer's config as rules read it: what is there is of the kind that Keras writes, or the layer is refused.

A config comes from a file, and a file may hold anything. Here, and nowhere else, it is held to what each
setting must be, so that a rule can rely on it, and what still goes wrong in a rule is porter's own mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from converters.keras.dtypes import compute_dtype
from converters.keras.spec import LayerSpec
from porter.dataclass import dataclass

LARGEST = 2**40
TYPES = frozenset(
    "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string".split()
)


@dataclass(frozen=True)
class Kind:
    """What a setting must be, in words and as a check; `needed`: None is no answer."""

    words: str
    holds: Callable[[Any], bool]
    needed: bool = False


def _whole(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    plain = isinstance(value, (int, np.integer)) or (isinstance(value, float) and value.is_integer())
    return plain and abs(value) < LARGEST


def _number(value: Any) -> bool:
    plain = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return plain and value == value


def _wholes(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_wholes, value))
    return _whole(value)


def _positives(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_positives, value))
    return _whole(value) and value > 0


def _flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_)) or value in (0, 1)


def _layers(value: Any) -> bool:
    listed = value if isinstance(value, (list, tuple)) else [value]
    return bool(listed) and all(isinstance(item, LayerSpec) for item in listed)


def _axes(value: Any) -> bool:
    return _wholes(value) and value not in ([], ())


def _numbers(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(item is None or _numbers(item) for item in value)
    return _number(value) or (isinstance(value, np.ndarray) and value.dtype.kind in "iuf")


def _policy(value: Any) -> bool:
    if isinstance(value, Mapping) and not isinstance(value.get("config", {}), Mapping):
        return False
    return isinstance(value, (str, Mapping)) and compute_dtype(value, None) in TYPES


def _text(value: Any) -> bool:
    return isinstance(value, str)


POSITIVE = Kind("a whole number above zero", lambda value: _whole(value) and value > 0, needed=True)
MAYBE_POSITIVE = Kind("a whole number above zero", lambda value: _whole(value) and value > 0)
POSITIVES = Kind("whole numbers above zero", _positives)
SURE_POSITIVES = Kind("whole numbers above zero", _positives, needed=True)
LISTED = Kind("a list of whole numbers", lambda value: not _whole(value) and _wholes(value))
WHOLES = Kind("whole numbers", _wholes)
NUMBER = Kind("a number", _number)
NUMBERS = Kind("numbers", _numbers)
AXES = Kind("an axis or axes", _axes)
POLICY = Kind("the name of an element type, or a policy of one", _policy)
WHOLES_OR_TEXT = Kind("a text or whole numbers", lambda value: _text(value) or _wholes(value))
FLAG = Kind("true or false", _flag)
TEXT = Kind("a text", _text)
LAYERS = Kind("a layer", _layers, needed=True)
MAYBE_LAYERS = Kind("a layer", _layers)


def _of(kind: Kind, *names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, kind)


KINDS: Mapping[str, Kind] = {
    **_of(POSITIVE, "units", "filters", "num_heads", "head_dim", "key_dim", "n"),
    **_of(MAYBE_POSITIVE, "value_dim", "num_query_heads", "num_key_value_heads", "depth_multiplier"),
    **_of(MAYBE_POSITIVE, "num_bins", "num_tokens", "groups", "input_dim", "output_dim"),
    **_of(POSITIVES, "kernel_size", "pool_size", "strides", "dilation_rate", "size"),
    **_of(WHOLES, "cropping", "axes"),
    **_of(LISTED, "dims", "target_shape"),
    **_of(WHOLES_OR_TEXT, "padding"),
    **_of(SURE_POSITIVES, "output_size"),
    **_of(NUMBER, "epsilon", "momentum", "rate", "stddev", "negative_slope", "threshold", "max_value"),
    **_of(NUMBER, "theta", "mask_value", "dropout", "recurrent_dropout"),
    **_of(NUMBERS, "mean", "variance"),
    **_of(AXES, "axis"),
    **_of(POLICY, "dtype"),
    **_of(FLAG, "use_bias", "center", "return_sequences", "return_state", "go_backwards", "stateful"),
    **_of(FLAG, "unroll", "reset_after", "mask_zero", "keepdims", "trainable", "time_major", "normalize"),
    **_of(FLAG, "use_scale", "zero_output_for_mask", "antialias", "crop_to_aspect_ratio"),
    **_of(FLAG, "pad_to_aspect_ratio", "rms_scaling", "invert", "tie_weights", "use_gate"),
    **_of(TEXT, "data_format", "merge_mode", "interpolation", "score_mode", "output_mode", "equation"),
    **_of(TEXT, "bias_axes"),
    **_of(LAYERS, "layer", "cell", "cells"),
    **_of(MAYBE_LAYERS, "backward_layer", "forward_layer"),
}
"""Settings that mean the same wherever they stand; what else there is, is held to by the rule that asks."""

NEEDED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Conv", ("kernel_size", "strides", "dilation_rate", "groups", "depth_multiplier")),
    ("Pooling", ("pool_size", "padding")),
    ("BatchNormalization", ("axis", "epsilon", "momentum")),
    ("LayerNormalization", ("axis", "epsilon")),
    ("Dropout", ("rate",)),
    ("Noise", ("stddev",)),
    ("Reshape", ("target_shape",)),
    ("Permute", ("dims",)),
    ("ZeroPadding", ("padding",)),
    ("Cropping", ("cropping",)),
    ("UpSampling", ("size",)),
    ("Softmax", ("axis",)),
    ("Concatenate", ("axis",)),
    ("Embedding", ("input_dim", "output_dim")),
)
"""Settings for which None is no answer in the classes whose names hold such a word."""


def _kind(class_name: str, setting: str) -> Kind | None:
    if setting == "padding" and "ZeroPadding" in class_name:
        return WHOLES
    if setting == "axis" and class_name == "Normalization":
        return WHOLES  # no axis at all: one mean and variance for everything
    return KINDS.get(setting)


def misfits(spec: LayerSpec) -> list[str]:
    """What is wrong with a layer's config, setting by setting."""
    needed = {name for word, names in NEEDED if word in spec.class_name for name in names}
    found = []
    for name, value in spec.config.items():
        kind = _kind(spec.class_name, name)
        if kind is None or (value is None and not kind.needed and name not in needed):
            continue
        if value is None or not kind.holds(value):
            found.append(f"its setting {name!r} must be {kind.words}, and is {value!r:.80}")
            continue
        inner = value if isinstance(value, (list, tuple)) else [value]
        for part in inner:
            if isinstance(part, LayerSpec) and part.model is None:
                found += [f"in its {name!r}, {what}" for what in misfits(part)]
    return found


class Settings(dict[str, Any]):
    """A config that tells which setting is missing, by an error of its layer's."""

    def __init__(self, config: Mapping[str, Any], refuse: Callable[[str], Exception]) -> None:
        super().__init__(config)
        self._refuse = refuse

    def __missing__(self, name: str) -> Any:
        raise self._refuse(f"its config has no setting {name!r}")
