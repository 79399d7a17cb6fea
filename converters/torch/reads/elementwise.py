"""Arithmetic on each element."""

from __future__ import annotations

import math

from converters.torch.call import OpCall
from converters.torch.promotion import common, is_float
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Cast, Clip, NanToNum, Unary, Where

UNARY = {
    **{
        name: name
        for name in """acos acosh asin asinh atan atanh cos cosh erf erfc erfinv exp exp2 expm1 isfinite
        isinf isnan
        log log10 log1p log2 reciprocal rsqrt sigmoid signbit sin sinc sinh sqrt square tan tanh""".split()
    },
    "abs": "abs",
    "absolute": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "digamma": "digamma",
    "lgamma": "lgamma",
    "special_digamma": "digamma",
    "special_gammaln": "lgamma",
    "special_psi": "digamma",
    "bitwise_not": "bitwise_not",
    "ceil": "ceil",
    "fix": "trunc",
    "floor": "floor",
    "i0": "i0",
    "logical_not": "logical_not",
    "neg": "neg",
    "negative": "neg",
    "sgn": "sign",
    "sign": "sign",
    "special_erf": "erf",
    "special_erfc": "erfc",
    "special_expm1": "expm1",
    "special_expit": "sigmoid",
    "special_log1p": "log1p",
    "special_sinc": "sinc",
    "trunc": "trunc",
}
KEEP_WHOLE = frozenset(
    "abs bitwise_not ceil floor logical_not neg sign square trunc isfinite isinf isnan signbit".split()
)
"""Functions that give whole numbers for whole numbers; the others compute in float."""


@rules.reads(*UNARY)
def read_unary(call: OpCall) -> Value:
    function = UNARY[call.name]
    x = call.x if function in KEEP_WHOLE or is_float(call.x.dtype) else call.cast(call.x, call.dtype)
    if function == "logical_not":
        x = truth(call, x)
    if function in ("ceil", "floor", "trunc") and not is_float(x.dtype):
        return x
    if function == "bitwise_not" and x.dtype == "bool":
        function = "logical_not"
    return call.one(Unary(function), x)


@rules.reads("round")
def read_round(call: OpCall) -> Value:
    decimals = int(call.get("decimals", 0))
    if not is_float(call.x.dtype):
        return call.x
    if not decimals:
        return call.one(Unary("round"), call.x)
    scale = call.operand(10.0**decimals, call.dtype)
    return call.one(
        Binary("divide"), call.one(Unary("round"), call.one(Binary("multiply"), call.x, scale)), scale
    )


@rules.reads("frac")
def read_frac(call: OpCall) -> Value:
    return call.one(Binary("subtract"), call.x, call.one(Unary("trunc"), call.x))


@rules.reads("logit")
def read_logit(call: OpCall) -> Value:
    x, eps = call.x, call.get("eps")
    if eps is not None:
        x = call.one(Clip(float(eps), 1 - float(eps)), x)
    one = call.operand(1.0, x.dtype)
    return call.one(Unary("log"), call.one(Binary("divide"), x, call.one(Binary("subtract"), one, x)))


def truth(call: OpCall, x: Value) -> Value:
    """Whether each number is other than zero."""
    return x if x.dtype == "bool" else call.one(Binary("not_equal"), x, call.operand(0, x.dtype))


# --- two operands

ARITHMETIC = {
    "add": "add",
    "sub": "subtract",
    "subtract": "subtract",
    "mul": "multiply",
    "multiply": "multiply",
    "maximum": "maximum",
    "minimum": "minimum",
    "max.other": "maximum",
    "min.other": "minimum",
    "fmax": "fmax",
    "fmin": "fmin",
    "remainder": "remainder",
    "fmod": "fmod",
    "atan2": "atan2",
    "arctan2": "atan2",
    "hypot": "hypot",
    "logaddexp": "logaddexp",
    "logaddexp2": "logaddexp2",
    "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or",
    "bitwise_xor": "bitwise_xor",
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift",
    "gcd": "gcd",
    "lcm": "lcm",
}
TRUTHS = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor"}
ON_TRUTHS = {
    **TRUTHS,
    "multiply": "logical_and",
    "add": "logical_or",
    "maximum": "logical_or",
    "minimum": "logical_and",
}


def pair(call: OpCall) -> tuple[object, object]:
    """The two operands, tensors or numbers."""
    names = list(call.args)
    return call[names[0]], call[names[1]]


@rules.reads(*ARITHMETIC)
def read_arithmetic(call: OpCall) -> Value:
    function = ARITHMETIC.get(call.spec.target) or ARITHMETIC[call.name]
    left, right = pair(call)
    a, b = call.operand(left, call.dtype), call.operand(right, call.dtype)
    alpha = call.get("alpha", 1)
    if alpha != 1:
        b = call.one(Binary("multiply"), b, call.operand(alpha, call.dtype))
    if call.dtype == "bool":
        function = ON_TRUTHS.get(function, function)
    return call.one(Binary(function), a, b)


@rules.reads("rsub")
def read_rsub(call: OpCall) -> Value:
    left, right = pair(call)
    a, b = call.operand(left, call.dtype), call.operand(right, call.dtype)
    if call.get("alpha", 1) != 1:
        a = call.one(Binary("multiply"), a, call.operand(call["alpha"], call.dtype))
    return call.one(Binary("subtract"), b, a)


@rules.reads("div", "divide", "true_divide", "floor_divide")
def read_div(call: OpCall) -> Value:
    left, right = pair(call)
    a, b = call.operand(left, call.dtype), call.operand(right, call.dtype)
    mode = "floor" if call.spec.operator == "floor_divide" else call.get("rounding_mode")
    if mode is None:
        return call.one(Binary("divide"), a, b)
    if mode == "floor":
        return call.one(Binary("floor_divide"), a, b)
    if is_float(call.dtype):
        return call.one(Unary("trunc"), call.one(Binary("divide"), a, b))
    rest = call.one(Binary("fmod"), a, b)
    return call.one(Binary("floor_divide"), call.one(Binary("subtract"), a, rest), b)


@rules.reads("pow", "float_power")
def read_pow(call: OpCall) -> Value:
    base, exponent = pair(call)
    told = call.known(exponent) if not isinstance(exponent, Value) else None
    if told is not None and isinstance(base, Value) and is_float(call.dtype):
        x, power = call.cast(base, call.dtype), float(told)
        simple = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}.get(power)
        if simple is not None:
            return call.one(Unary(simple), x)
        if power == 1.0:
            return x
    return call.one(Binary("power"), call.operand(base, call.dtype), call.operand(exponent, call.dtype))


COMPARISONS = {
    "eq": "equal",
    "equal": "equal",
    "ge": "greater_equal",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "gt": "greater",
    "le": "less_equal",
    "less": "less",
    "less_equal": "less_equal",
    "lt": "less",
    "ne": "not_equal",
    "not_equal": "not_equal",
}


@rules.reads(*COMPARISONS)
def read_comparison(call: OpCall) -> Value:
    left, right = pair(call)
    dtype = common((left, right))
    return call.one(
        Binary(COMPARISONS[call.spec.operator]), call.operand(left, dtype), call.operand(right, dtype)
    )


@rules.reads("logical_and", "logical_or", "logical_xor")
def read_logical(call: OpCall) -> Value:
    a, b = (truth(call, call.tensor(name)) for name in list(call.args)[:2])
    return call.one(Binary(call.spec.operator), a, b)


@rules.reads("isclose")
def read_isclose(call: OpCall) -> Value:
    a, b = call.tensor("self"), call.tensor("other")
    bound = call.one(
        Binary("multiply"), call.one(Unary("abs"), b), call.operand(float(call["rtol"]), b.dtype)
    )
    bound = call.one(Binary("add"), bound, call.operand(float(call["atol"]), b.dtype))
    near = call.one(Unary("abs"), call.one(Binary("subtract"), a, b))
    return call.one(Binary("less_equal"), near, bound)


# --- three operands


@rules.reads("where")
def read_where(call: OpCall) -> Value:
    if call.get("other") is None:
        raise call.refuse("how many places are true depends on the numbers", "use where(condition, a, b)")
    condition = truth(call, call.tensor("condition"))
    a, b = (call.operand(call[name], call.dtype) for name in ("self", "other"))
    return call.one(Where(), condition, a, b)


@rules.reads("copysign")
def read_copysign(call: OpCall) -> Value:
    size, sign = call.one(Unary("abs"), call.operand(call["self"], call.dtype)), call["other"]
    if not isinstance(sign, Value):
        return call.one(Unary("neg"), size) if math.copysign(1, sign) < 0 else size
    negative = call.one(Unary("signbit"), call.operand(sign, call.dtype))
    return call.one(Where(), negative, call.one(Unary("neg"), size), size)


@rules.reads("masked_fill")
def read_masked_fill(call: OpCall) -> Value:
    x, mask = call.x, call.tensor("mask")
    return call.one(Where(), mask, call.operand(call["value"], x.dtype), x)


@rules.reads("clamp", "clip", "clamp_min", "clamp_max", "hardtanh")
def read_clamp(call: OpCall) -> Value:
    bounds = {"hardtanh": ("min_val", "max_val")}.get(call.name, ("min", "max"))
    x = call.cast(call.x, call.dtype)
    low, high = (call.get(name) for name in bounds)
    if isinstance(low, Value) or isinstance(high, Value):
        if low is not None:
            x = call.one(Binary("maximum"), x, call.operand(low, x.dtype))
        return x if high is None else call.one(Binary("minimum"), x, call.operand(high, x.dtype))
    return call.one(Clip(None if low is None else float(low), None if high is None else float(high)), x)


@rules.reads("lerp")
def read_lerp(call: OpCall) -> Value:
    a, b = call.tensor("self"), call.tensor("end")
    weight = call.operand(call["weight"], a.dtype)
    return call.one(
        Binary("add"), a, call.one(Binary("multiply"), weight, call.one(Binary("subtract"), b, a))
    )


@rules.reads("addcmul", "addcdiv")
def read_addc(call: OpCall) -> Value:
    function = "multiply" if call.name == "addcmul" else "divide"
    a, b = call.tensor("tensor1"), call.tensor("tensor2")
    product = call.one(Binary(function), a, b)
    if call["value"] != 1:
        product = call.one(Binary("multiply"), product, call.operand(call["value"], product.dtype))
    return call.one(Binary("add"), call.x, product)


@rules.reads("nan_to_num")
def read_nan_to_num(call: OpCall) -> Value:
    from porter.graph.ops.elementwise import LARGEST

    top = LARGEST[call.x.dtype]
    told = {name: call.get(name) for name in ("nan", "posinf", "neginf")}
    plain = [
        float(default if value is None else value)
        for value, default in zip(told.values(), (0, top, -top), strict=True)
    ]
    return call.one(NanToNum(*plain), call.x)


# --- types, and what changes nothing


@rules.reads("to", "type_as", "_to_copy", "float", "double", "half", "bfloat16", "long", "int", "bool")
def read_to(call: OpCall) -> Value:
    if call.dtype == "bool":
        return truth(call, call.x)
    return call.x if call.dtype == call.x.dtype else call.one(Cast(call.dtype), call.x)


@rules.reads("detach", "detach_")
def read_detach(call: OpCall) -> Value:
    return call.one(Unary("stop_gradient"), call.x)


@rules.reads(
    "alias",
    "clone",
    "contiguous",
    "cpu",
    "lift_fresh",
    "lift_fresh_copy",
    "positive",
    "real",
    "resolve_conj",
    "resolve_neg",
    "conj",
)
def read_same(call: OpCall) -> Value:
    return call.x


@rules.reads("copy", "copy_")
def read_copy(call: OpCall) -> Value:
    return call.expand(call.cast(call.tensor("src"), call.x.dtype), call.x.shape)


@rules.reads("fill", "fill_", "zero_", "zero")
def read_fill(call: OpCall) -> Value:
    value = call.get("value", 0)
    number = call.filled(value)
    if number is None:
        return call.expand(call.cast(value, call.x.dtype), call.x.shape)
    return call.fill(number, call.x.shape, call.x.dtype)


rules.cannot_read(
    "rand",
    "randn",
    "rand_like",
    "randn_like",
    "randint",
    "bernoulli",
    "normal",
    "multinomial",
    "randperm",
    because="draws random numbers, also in inference",
    hint="hand the numbers in as an input",
)
