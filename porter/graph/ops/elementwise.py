"""Arithmetic on each element: one typed op per number of operands, the functions in tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import broadcast
from porter.graph.layouts import Relaid, Request, follow
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import activation, special

UNARY: Mapping[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "bitwise_not": np.bitwise_not,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "digamma": special.digamma,
    "erf": special.erf,
    "erfc": special.erfc,
    "erfinv": special.erfinv,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "hard_sigmoid": activation.hard_sigmoid,
    "hard_sigmoid_02": activation.hard_sigmoid_02,
    "hard_silu": activation.hard_silu,
    "hard_tanh": activation.hard_tanh,
    "i0": np.i0,
    "identity": lambda x: x,
    "isfinite": np.isfinite,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "lgamma": special.lgamma,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "log_sigmoid": activation.log_sigmoid,
    "logical_not": np.logical_not,
    "mish": activation.mish,
    "neg": np.negative,
    "reciprocal": np.reciprocal,
    "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "selu": activation.selu,
    "sigmoid": activation.sigmoid,
    "sign": np.sign,
    "signbit": np.signbit,
    "silu": activation.silu,
    "sin": np.sin,
    "sinc": np.sinc,
    "sinh": np.sinh,
    "softplus": activation.softplus,
    "softsign": activation.softsign,
    "sparse_plus": activation.sparse_plus,
    "sparse_sigmoid": activation.sparse_sigmoid,
    "sqrt": np.sqrt,
    "square": np.square,
    "stop_gradient": lambda x: x,
    "tan": np.tan,
    "tanh": np.tanh,
    "tanh_shrink": activation.tanh_shrink,
    "trunc": np.trunc,
}

BINARY: Mapping[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "atan2": np.arctan2,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "divide": np.divide,
    "equal": np.equal,
    "floor_divide": np.floor_divide,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "fmod": np.fmod,
    "gcd": np.gcd,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "hypot": np.hypot,
    "lcm": np.lcm,
    "left_shift": np.left_shift,
    "less": np.less,
    "less_equal": np.less_equal,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "not_equal": np.not_equal,
    "power": np.power,
    "remainder": np.remainder,
    "right_shift": np.right_shift,
    "subtract": np.subtract,
}

TRUTHS = frozenset(
    "equal greater greater_equal less less_equal logical_and logical_or logical_xor logical_not "
    "not_equal isfinite isinf isnan signbit".split()
)


@dataclass(frozen=True)
class Unary(Op):
    """A function of one tensor, element by element."""

    function: str

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        _known(self.function, UNARY)
        return (Spec(inputs[0].shape, "bool" if self.function in TRUTHS else inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (UNARY[self.function](inputs[0]),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Binary(Op):
    """A function of two tensors, broadcast against one another; readers see to equal types."""

    function: str

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        _known(self.function, BINARY)
        left, right = inputs
        dtype = "bool" if self.function in TRUTHS else left.dtype
        return (Spec(broadcast(left.shape, right.shape), dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (BINARY[self.function](inputs[0], inputs[1]),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Where(Op):
    """`where(condition, a, b)`, broadcast."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec(broadcast(*(spec.shape for spec in inputs)), inputs[1].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.where(*inputs),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Clip(Op):
    """Bounded below and above; None leaves a side open."""

    low: float | None = None
    high: float | None = None

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.clip(inputs[0], self.low, self.high),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


LARGEST: Mapping[str, float] = {
    "bfloat16": float.fromhex("0x1.fep127"),
    "float16": 65504.0,
    "float32": float(np.finfo("float32").max),
    "float64": float(np.finfo("float64").max),
}
"""The largest finite number of each floating type."""


@dataclass(frozen=True)
class NanToNum(Op):
    """Three numbers in place of NaN and of the two infinities."""

    nan: float
    high: float
    low: float

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.nan_to_num(inputs[0], nan=self.nan, posinf=self.high, neginf=self.low),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Fill(Op):
    """One number everywhere, in the shape of the input."""

    value: float
    dtype: str

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec(inputs[0].shape, self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        kind = "float64" if "float" in self.dtype else self.dtype
        return (np.full(inputs[0].shape, self.value, kind),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Cast(Op):
    """Another element type. The reference keeps its own precision for floating types."""

    dtype: str

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec(inputs[0].shape, self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        given = inputs[0]
        if "float" not in self.dtype:
            return (given.astype(self.dtype),)
        return (given if given.dtype.kind == "f" else given.astype("float64"),)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Dropout(Op):
    """Identity in inference; `rate` comes back to life in training. `shape` masks whole axes (1 = shared)."""

    rate: float
    kind: str = "dropout"
    shared_axes: tuple[int, ...] = ()

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (inputs[0],)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        shared = tuple(sorted(layout.place(axis) for axis in self.shared_axes))
        return Relaid(type(self)(self.rate, self.kind, shared), (layout,), (layout,))


def _known(function: str, table: Mapping[str, object]) -> None:
    if function not in table:
        raise GraphError(f"no elementwise function is named {function}")
