"""Keras's rule tables. Layer classes are read by name, operations as `("ops", class)` and TensorFlow's
functions as `("tf", name)`; ops are written by class."""

from __future__ import annotations

from porter.rules import Families, Rules, by_module


def _likely(thing: object, family: str) -> bool:
    group = family.split("_")[0]
    return group == thing[0] if isinstance(thing, tuple) else group not in ("ops", "tf")


rules = Rules(
    "keras",
    read=Families("converters.keras.layers", _likely),
    written=Families("converters.keras.writes", by_module),
)
