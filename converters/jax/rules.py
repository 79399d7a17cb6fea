"""JAX's rule tables."""

from __future__ import annotations

from porter.rules import Families, Rules, by_module

rules = Rules(
    "jax",
    read=Families("converters.jax.reads", lambda name, family: False),  # a program needs most of them
    written=Families("converters.jax.layers", by_module),
)
