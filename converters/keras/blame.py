"""Why a layer's rule failed, where its config is at fault: a value is missing, or of another kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _sizes(value: Any) -> bool:
    listed = isinstance(value, (list, tuple))
    return all(item is None or _sizes(item) for item in value) if listed else _whole(value)


def _some_sizes(value: Any) -> bool:
    return _sizes(value) and value not in ([], ())


def _switch(value: Any) -> bool:
    return isinstance(value, (bool, int))


def _named(value: Any) -> bool:
    return value is None or isinstance(value, (str, Mapping))


def _padding(value: Any) -> bool:
    return isinstance(value, (str, Mapping)) or _sizes(value)


KINDS: tuple[tuple[str, str, Test], ...] = (
    ("a whole number", "filters units input_dim output_dim depth_multiplier groups n", _whole),
    ("a whole number", "num_heads key_dim value_dim nb_feature", _whole),
    ("a number", "rate alpha epsilon momentum theta negative_slope max_value threshold stddev", _number),
    ("a size or sizes", "kernel_size strides dilation_rate pool_size size cropping axis", _some_sizes),
    ("a list of sizes", "target_shape dims", _sizes),
    ("true or false", "use_bias return_sequences go_backwards center scale keepdims reset_after", _switch),
    ("a name", "activation recurrent_activation data_format interpolation merge_mode", _named),
    ("a name or sizes", "padding", _padding),
)
WANTED: Mapping[str, tuple[str, Test]] = {
    name: (kind, test) for kind, names, test in KINDS for name in names.split()
}


def blamed(config: Mapping[str, Any], error: Exception) -> str | None:
    """What is wrong with `config`, which a rule stumbled over; None where it is the rule that is wrong."""
    for key, value in config.items():
        kind, test = WANTED.get(key, ("", None))
        if test is not None and value is not None and not test(value):
            return f"its {key} is {value!r:.60}, which is not {kind}"
    missing = error.args[0] if isinstance(error, KeyError) and error.args else None
    if isinstance(missing, str) and missing not in config and missing in WANTED:
        return f"its config has no {missing!r}"
    return None
