"""PyTorch's rule tables."""

from __future__ import annotations

from porter.rules import Families, Rule, Rules, Unsupported, by_module

rules = Rules(
    "torch",
    read=Families("converters.torch.reads", lambda name, family: False),  # a program needs most of them
    written=Families("converters.torch.layers", by_module),
)

COMPLEX = "complex"
"""Before the name of an operator: its rule for complex numbers."""


def rule_for(target: str, changes: bool) -> Rule | Unsupported | None:
    """The rule for an operator, by its name with overload. What overwrites reads as what does not."""
    operator, _, overload = target.partition(".")
    plain = operator.removesuffix("_")
    names = (target, operator, *((f"{plain}.{overload}", plain) if changes else ()), f"{COMPLEX} {plain}")
    return next((rules.reading[name] for name in names if name in rules.reading), None)
