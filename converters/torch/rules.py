"""PyTorch's rule tables."""

from __future__ import annotations

from porter.rules import Families, Rules, by_module

rules = Rules("torch", written=Families("converters.torch.layers", by_module))
