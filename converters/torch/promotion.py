"""Torch's rules for the common type of operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from porter.graph.dims import Sym
from porter.graph.model import Value

WIDTHS = {
    "bool": (0, 1),
    "uint8": (1, 8),
    "int8": (1, 8),
    "int16": (1, 16),
    "int32": (1, 32),
    "int64": (1, 64),
    "float16": (2, 16),
    "bfloat16": (2, 16),
    "float32": (2, 32),
    "float64": (2, 64),
}
"""Kind (truth, whole, real) and bits of each type."""

NUMBERS = {bool: "bool", int: "int64", float: "float32"}


def common(operands: Sequence[Any]) -> str:
    """The type in which operands meet: tensors with axes decide, unless a number is of a higher kind."""
    ranked = [_ranked(operand) for operand in operands]
    kind = max(WIDTHS[dtype][0] for _, dtype in ranked)
    for rank in (2, 1, 0):
        found = [dtype for level, dtype in ranked if level == rank and WIDTHS[dtype][0] == kind]
        if found:
            return _widest(found)
    raise AssertionError(operands)


def _ranked(operand: Any) -> tuple[int, str]:
    if isinstance(operand, Value):
        return (2 if operand.rank else 1), operand.dtype
    return 0, "int64" if isinstance(operand, Sym) else NUMBERS[type(operand)]


def _widest(dtypes: Sequence[str]) -> str:
    top = max(dtypes, key=lambda dtype: WIDTHS[dtype])
    same = {dtype for dtype in dtypes if WIDTHS[dtype] == WIDTHS[top]}
    if len(same) == 1:
        return top
    return "float32" if top in ("float16", "bfloat16") else "int16"


def is_float(dtype: str) -> bool:
    """Whether a type holds real numbers."""
    return WIDTHS[dtype][0] == 2
