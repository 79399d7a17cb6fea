"""JAX's rule tables."""

from __future__ import annotations

from porter.rules import Families, Rules, by_module

rules = Rules("jax", written=Families("converters.jax.layers", by_module))
