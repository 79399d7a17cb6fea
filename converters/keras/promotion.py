"""Which element type a Keras operation computes in when its operands differ.

Types form a lattice, drawn below as each type's next larger ones; the result is the smallest type that all
operands reach. Plain Python numbers are weak (`int`, `float`): they take the type of what they meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

LARGER: Mapping[str, tuple[str, ...]] = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64",),
    "float64": (),
}
WEAK: Mapping[str, str] = {"int": "int32", "float": "float32"}
SHORTENED: Mapping[str, str] = {"uint64": "uint32"}
"""Types that Keras never gives as a result on TensorFlow."""


@cache
def _reached(dtype: str) -> frozenset[str]:
    return frozenset({dtype}).union(*(_reached(larger) for larger in LARGER[dtype]))


def known(dtype: str) -> bool:
    """Whether operations promote this type at all (text, complex and 8-bit floats are not)."""
    return dtype in LARGER


def result_type(*dtypes: str) -> str:
    """The common type of `dtypes`; `int` and `float` stand for plain Python numbers."""
    if all(dtype in WEAK for dtype in dtypes):
        return WEAK["float" if "float" in dtypes else "int"]
    common = frozenset.intersection(*(_reached(dtype) for dtype in dtypes))
    smallest = next(dtype for dtype in common if common <= _reached(dtype))
    strong = WEAK.get(smallest, smallest)
    return SHORTENED.get(strong, strong)
