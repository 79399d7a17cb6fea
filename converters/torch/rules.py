"""PyTorch's rule tables."""

from __future__ import annotations

from porter.rules import Families, Rules, by_module

rules = Rules(
    "torch",
    read=Families("converters.torch.reads", lambda name, family: False),  # a program needs most of them
    written=Families("converters.torch.layers", by_module),
)
