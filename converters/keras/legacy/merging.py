"""The Merge layer of Keras 0, 1 and early 2, which is one class per mode since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.keras.upgrade import RawLayer, Writer

MODES: Mapping[str, str] = {
    "ave": "Average",
    "concat": "Concatenate",
    "cos": "CosineMerge",
    "dot": "Dot",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}
KEPT = ("name", "trainable", "batch_input_shape")


def name_merge(layer: RawLayer, writer: Writer) -> RawLayer:
    """A class for each mode; a function as mode is a LambdaMerge."""
    if layer.class_name != "Merge":
        return layer
    told = layer.config.get("mode", "sum")
    config: dict[str, Any] = {key: layer.config[key] for key in KEPT if key in layer.config}
    if layer.config.get("mode_type", "raw") != "raw" or not isinstance(told, str):
        kind = layer.config.get("mode_type", "lambda")
        arguments = layer.config.get("arguments") or {}
        return RawLayer(
            "LambdaMerge", {**config, "function": told, "function_type": kind, "arguments": arguments}
        )
    if told == "concat":
        config["axis"] = layer.config.get("concat_axis", -1)
    if told in ("dot", "cos"):
        config["axes"] = _single_axes(layer.config.get("dot_axes", -1))
    return RawLayer(MODES.get(told, f"Merge mode {told!r}"), config)


def _single_axes(told: Any) -> Any:
    """Keras 0 lists the axes of each input; one of each is the pair of them."""
    if isinstance(told, list) and all(isinstance(part, list) and len(part) == 1 for part in told):
        return [part[0] for part in told]
    return told
