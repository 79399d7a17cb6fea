"""Arithmetic on each element."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.dims import broadcast, may_equal
from porter.graph.model import Value
from porter.graph.ops.activation import Relu
from porter.graph.ops.elementwise import Binary, Cast, Clip, Unary, Where
from porter.graph.ops.op import Op
from porter.graph.ops.pooling import AvgPool
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape

UNARY = {
    "abs": "abs",
    "acos": "acos",
    "acosh": "acosh",
    "asin": "asin",
    "asinh": "asinh",
    "atan": "atan",
    "atanh": "atanh",
    "ceil": "ceil",
    "cos": "cos",
    "cosh": "cosh",
    "erf": "erf",
    "erf_inv": "erfinv",
    "erfc": "erfc",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "floor": "floor",
    "is_finite": "isfinite",
    "log": "log",
    "log1p": "log1p",
    "logistic": "sigmoid",
    "neg": "neg",
    "rsqrt": "rsqrt",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "stop_gradient": "stop_gradient",
    "tan": "tan",
    "tanh": "tanh",
}


def together(call: PrimitiveCall, op: Op, *inputs: Value) -> Value:
    """An op on values as they were before they were repeated, where its result needs no more."""
    slim = [call.slim(value) for value in inputs]
    shape = broadcast(*(value.shape for value in slim))
    same = len(shape) == call.out.rank and all(map(may_equal, shape, call.out.shape))
    whole = same and all((a == 1) == (b == 1) for a, b in zip(shape, call.out.shape, strict=True))
    if whole:
        return call.one(op, *slim)
    found = call.one(op, *slim)  # all are repeated alike: so is what comes of them
    wide = call.expand(found, call.out.shape)
    call.context.slim[wide] = found
    return wide


@rules.reads(*UNARY)
def read_unary(call: PrimitiveCall) -> Value:
    return together(call, Unary(UNARY[call.name]), call.x)


@rules.reads("copy", "copy_p", "optimization_barrier", "real", "sharding_constraint", "mesh_cast", "pvary")
def read_same(call: PrimitiveCall) -> Value:
    return call.x


@rules.reads("not")
def read_not(call: PrimitiveCall) -> Value:
    return together(call, Unary("logical_not" if call.x.dtype == "bool" else "bitwise_not"), call.x)


@rules.reads("round")
def read_round(call: PrimitiveCall) -> Value:
    if "EVEN" in str(call["rounding_method"]).upper() or str(call["rounding_method"]) == "1":
        return together(call, Unary("round"), call.x)
    whole = call.one(Unary("trunc"), call.x)  # halves go away from zero
    rest = call.one(Unary("abs"), call.one(Binary("subtract"), call.x, whole))
    far = call.one(Binary("greater_equal"), rest, call.constant(0.5, rest.dtype))
    one = call.one(Binary("multiply"), call.one(Unary("sign"), call.x), call.cast(far, rest.dtype))
    return call.one(Binary("add"), whole, one)


@rules.reads("cbrt")
def read_cbrt(call: PrimitiveCall) -> Value:
    third = call.constant(1 / 3, call.x.dtype)
    size = call.one(Binary("power"), call.one(Unary("abs"), call.x), third)
    return call.one(Binary("multiply"), call.one(Unary("sign"), call.x), size)


@rules.reads("integer_pow")
def read_integer_pow(call: PrimitiveCall) -> Value:
    power = int(call["y"])
    simple = {2: "square", -1: "reciprocal", 1: "identity"}.get(power)
    if simple is not None:
        return together(call, Unary(simple), call.x)
    return together(call, Binary("power"), call.x, call.constant(power, call.x.dtype))


BINARY = {
    "add": "add",
    "add_any": "add",
    "atan2": "atan2",
    "eq": "equal",
    "ge": "greater_equal",
    "gt": "greater",
    "le": "less_equal",
    "lt": "less",
    "ne": "not_equal",
    "pow": "power",
    "rem": "fmod",
    "shift_left": "left_shift",
    "shift_right_arithmetic": "right_shift",
    "sub": "subtract",
}


@rules.reads(*BINARY)
def read_binary(call: PrimitiveCall) -> Value:
    a, b = call.inputs
    if call.name in ("add", "sub"):
        same = _unchanged(call, 0)
        if same is not None:
            return same
    if call.name == "pow":
        b = call.cast(b, a.dtype)
    if call.name == "ne" and call.filled(b) == 0:
        truth = _as_truth(call, a)
        if truth is not None:
            return call.expand(truth, call.out.shape)
    return together(call, Binary(BINARY[call.name]), a, b)


@rules.reads("le_to", "lt_to")
def read_order(call: PrimitiveCall) -> Value:
    """Comparisons as sorting and searching make them: NaN comes after all numbers."""
    a, b = call.inputs
    found = together(call, Binary(BINARY[call.name.removesuffix("_to")]), a, b)
    known = call.known(b)
    if "float" not in b.dtype or (known is not None and not np.isnan(known).any()):
        return found
    last = call.one(Unary("isnan"), b)
    if call.name == "lt_to":
        number = call.one(Unary("logical_not"), call.one(Unary("isnan"), a))
        last = together(call, Binary("logical_and"), number, last)
    return together(call, Binary("logical_or"), found, last)


def _unchanged(call: PrimitiveCall, neutral: int) -> Value | None:
    """The first of two whole numbers where the second changes nothing, or the other way round."""
    a, b = call.inputs
    if "int" not in call.out.dtype:
        return None
    if call.filled(b) == neutral and a.shape == call.out.shape:
        return a
    swapped = call.name != "sub" and call.filled(a) == neutral and b.shape == call.out.shape
    return b if swapped else None


@rules.reads("mul")
def read_mul(call: PrimitiveCall) -> Value:
    same = _unchanged(call, 1)
    if same is not None:
        return same
    a, b = call.inputs
    if a is b and call.out.dtype != "bool":
        return together(call, Unary("square"), a)
    for value, other in ((a, b), (b, a)):
        factor = call.filled(other)
        count = None if not factor else round(1 / factor)
        if count and count > 1 and np.dtype("float32").type(1 / count) == np.float32(factor):
            mean = _mean(call, value, count)
            if mean is not None:
                return _widened(call, mean)
    return together(call, Binary("multiply"), a, b)


WORDS = {
    "and": ("logical_and", "bitwise_and"),
    "or": ("logical_or", "bitwise_or"),
    "xor": ("logical_xor", "bitwise_xor"),
}


@rules.reads(*WORDS)
def read_words(call: PrimitiveCall) -> Value:
    truth, bits = WORDS[call.name]
    return together(call, Binary(truth if call.x.dtype == "bool" else bits), *call.inputs)


@rules.reads("div")
def read_div(call: PrimitiveCall) -> Value:
    a, b = call.inputs
    if "float" not in call.out.dtype:
        rest = together(call, Binary("fmod"), a, b)  # JAX cuts off towards zero
        return together(call, Binary("floor_divide"), together(call, Binary("subtract"), a, rest), b)
    divisor = call.filled(b)
    mean = _mean(call, a, divisor) if divisor else _over_cells(call, a, b)
    return together(call, Binary("divide"), a, b) if mean is None else _widened(call, mean)


def _widened(call: PrimitiveCall, found: Value) -> Value:
    """A value of the shape that is wanted, which it may have but for axes to repeat it along."""
    wide = call.expand(found, call.out.shape)
    if wide is not found:
        call.context.slim[wide] = found
    return wide


def _mean(call: PrimitiveCall, total: Value, count: float) -> Value | None:
    """A sum over `count` cells, divided by their number."""
    total = call.context.slim.get(total, total)
    summed = call.context.sums.get(total)
    if summed is not None and prod(summed[1].sizes) == count:
        return _pool(call, total, count_padding=True)
    shaped = call.maker(total, Reshape)
    inner = shaped.inputs[0] if shaped is not None else total
    node = call.maker(inner, Reduce)
    if node is None or node.op.function != "sum" or "float" not in inner.dtype:
        return None
    sizes = [node.inputs[0].shape[axis] for axis in node.op.axes]
    if not all(isinstance(size, int) for size in sizes) or prod(int(str(s)) for s in sizes) != count:
        return None
    mean = call.one(Reduce("mean", node.op.axes, node.op.keepdims), node.inputs[0])
    return mean if shaped is None else call.one(shaped.op, mean)


def _over_cells(call: PrimitiveCall, total: Value, cells: Value) -> Value | None:
    """A sum of windows, over how many cells each has that are no padding."""
    total = call.context.slim.get(total, total)
    cells = call.context.slim.get(cells, cells)
    summed, window = call.context.sums.get(total), call.context.cells.get(cells)
    same = summed is not None and window is not None and summed[1] == window
    return _pool(call, total, count_padding=False) if same else None


def _pool(call: PrimitiveCall, total: Value, *, count_padding: bool) -> Value:
    x, window = call.context.sums[total]
    node = call.context.makers[total]
    pool = next(n for n in (node, *(call.context.makers.get(v) for v in node.inputs)) if _is_pool(n))
    assert pool is not None
    op = AvgPool(window.sizes, window.strides, window.padding, pool.op.orientation, count_padding)  # type: ignore[attr-defined]
    return call.one(op, x)


def _is_pool(node: object) -> bool:
    return isinstance(getattr(node, "op", None), AvgPool)


@rules.reads("max", "min")
def read_extreme(call: PrimitiveCall) -> Value:
    low = call.name == "max"
    a, b = call.inputs
    for value, other in ((a, b), (b, a)):
        bound = call.filled(other)
        if bound is None or "float" not in call.out.dtype or value.rank < call.out.rank:
            continue
        if np.isinf(bound) and (bound < 0) == low:
            return value  # a bound at infinity bounds nothing
        return _bounded(call, value, float(bound), low)
    return together(call, Binary("maximum" if low else "minimum"), a, b)


def _bounded(call: PrimitiveCall, value: Value, bound: float, low: bool) -> Value:
    node = call.maker(value, Relu, Clip)
    if low:
        return call.one(Relu() if bound == 0 else Clip(bound, None), value)
    if node is not None and node.op == Relu() and bound > 0:
        return call.one(Relu(max_value=bound), node.inputs[0])
    if (
        node is not None
        and isinstance(node.op, Clip)
        and node.op.high is None
        and (node.op.low or 0) <= bound
    ):
        return call.one(Clip(node.op.low, bound), node.inputs[0])
    return call.one(Clip(None, bound), value)


@rules.reads("clamp")
def read_clamp(call: PrimitiveCall) -> Value:
    low, x, high = call.inputs
    bounds = [call.filled(low), call.filled(high)]
    if None not in bounds and "float" in x.dtype:
        return call.one(Clip(*map(float, bounds)), x)  # type: ignore[arg-type]
    raised = together(call, Binary("maximum"), x, low)
    return together(call, Binary("minimum"), raised, high)


@rules.reads("select_n")
def read_select(call: PrimitiveCall) -> Value:
    which, *cases = call.inputs
    chosen = call.filled(which)
    if chosen is not None:
        found = cases[int(chosen)]
        wide = call.expand(found, call.out.shape)
        if wide is not found:
            call.context.slim[wide] = call.context.slim.get(found, found)
        return wide
    if which.dtype == "bool":
        return together(call, Where(), which, cases[1], cases[0])
    found = cases[0]
    for number, case in enumerate(cases[1:], 1):
        here = call.one(Binary("equal"), which, call.constant(number, which.dtype))
        found = call.one(Where(), here, case, found)
    return found


def _as_truth(call: PrimitiveCall, value: Value) -> Value | None:
    """What was turned into a number, where it was true or false before."""
    node = call.maker(value, Cast)
    return node.inputs[0] if node is not None and node.inputs[0].dtype == "bool" else None


@rules.reads("convert_element_type")
def read_convert(call: PrimitiveCall) -> Value:
    wanted = call.out.dtype
    if wanted == call.x.dtype:
        return call.x
    if wanted == "bool":
        truth = _as_truth(call, call.x)
        if truth is not None:
            return truth
        return together(call, Binary("not_equal"), call.x, call.constant(0, call.x.dtype))
    return together(call, Cast(wanted), call.x)


@rules.reads("reduce_precision")
def read_reduce_precision(call: PrimitiveCall) -> Value:
    kept = {"float32": (8, 23), "bfloat16": (8, 7), "float16": (5, 10), "float64": (11, 52)}
    bits = (int(call["exponent_bits"]), int(call["mantissa_bits"]))
    if kept.get(call.x.dtype) == bits:
        return call.x
    name = next((name for name, size in kept.items() if size == bits), None)
    if name is None:
        raise call.refuse(f"numbers of {bits[0]} and {bits[1]} bits")
    return call.cast(call.cast(call.x, name), call.x.dtype)
