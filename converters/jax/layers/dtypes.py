"""JAX's words for element types, and what a layer must be told about them."""

from __future__ import annotations

from typing import Any

from porter.graph.model import Node
from porter.source.code import Expression, Name
from porter.writing.forms import method

_WIDE = {"bool": "bool", "int64": "int", "float64": "float"}
"""`int` is JAX's widest integer: 64 bits where `jax_enable_x64` is on, else 32, without a warning."""


def dtype_name(dtype: str) -> Name:
    """`float16` as `jnp.float16`."""
    return Name(_WIDE.get(dtype, f"jnp.{dtype}"))


def precision(node: Node, *, statistics: bool = False) -> dict[str, Any]:
    """The types that a layer computes and keeps its parameters in, where they are not float32 both.

    Left alone, Flax's layers compute in the wider of the types of input and parameters; statistics are
    float32 always.
    """
    held = [param.tensor.dtype for param in node.params.values() if "float" in param.tensor.dtype]
    own = held[0] if held else "float32"
    given = [dtype for dtype in (node.inputs[0].dtype,) if "float" in dtype]
    kinds = {own, *given, *(["float32"] if statistics else [])}
    left_alone = own if len(kinds) == 1 else "float32"
    computed = node.outputs[0].dtype
    settings: dict[str, Any] = {} if left_alone == computed else {"dtype": dtype_name(computed)}
    return settings if own == "float32" else {**settings, "param_dtype": dtype_name(own)}


def same_type(value: Expression, node: Node) -> Expression:
    """A result that float32 parameters may have widened, in the type of the input."""
    dtype = node.outputs[0].dtype
    return value if dtype == "float32" else method(value, "astype", dtype_name(dtype))
