"""Keras's rule tables. Layer classes are read by name, operations as `("ops", class)` and TensorFlow's
functions as `("tf", name)`; writing comes with Keras as a target."""

from __future__ import annotations

from porter.rules import Families, Rules


def _likely(thing: object, family: str) -> bool:
    group = family.split("_")[0]
    return group == thing[0] if isinstance(thing, tuple) else group not in ("ops", "tf")


rules = Rules("keras", read=Families("converters.keras.layers", _likely))
