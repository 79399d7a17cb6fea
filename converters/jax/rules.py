"""JAX's rule tables."""

from __future__ import annotations

from porter.rules import Rules

rules = Rules("jax")
