"""Keras's rule tables. Layer classes and `keras.ops` functions are read by name; writing comes with
Keras as a target."""
from __future__ import annotations

from porter.rules import Rules

rules = Rules("keras")
