"""What operators mean for complex numbers, said of their real and imaginary parts."""

from __future__ import annotations

from typing import Any

from converters.torch.call import OpCall
from converters.torch.pairs import Pair, part, reads_pairs
from converters.torch.rules import rule_for
from porter.graph.dims import Sym
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Unary

EACH = """alias cat chunk clone cumsum concat concatenate constant_pad_nd contiguous copy detach
diagonal detach_ diagonal_copy empty empty_like expand expand_as expand_copy flatten flip gather
index index_select mT mean movedim moveaxis narrow neg negative new_empty new_zeros pad permute
positive repeat reshape resolve_conj resolve_neg roll select select_copy select_scatter slice
slice_copy slice_scatter split split_with_sizes squeeze stack sum swapaxes swapdims t tile transpose
tril triu unbind unflatten unfold unsafe_split unsqueeze view view_as reshape_as zeros zeros_like
lift_fresh lift_fresh_copy _unsafe_view take_along_dim""".split()
"""Operators that do to a complex number what they do to each of its parts."""

PRODUCTS = "bmm einsum linear matmul mm mul multiply mv outer".split()


@reads_pairs(*EACH)
def read_each(call: OpCall) -> Any:
    return joined(*(_plain(part(call, which)) for which in ("real", "imaginary")))


def _plain(call: OpCall) -> Any:
    rule = rule_for(call.spec.target, bool(call.spec.changes))
    assert callable(rule)
    return rule(call)


def joined(real: Any, imaginary: Any) -> Any:
    """Pairs of what the parts gave."""
    if isinstance(real, (tuple, list)):
        return tuple(joined(*both) for both in zip(real, imaginary, strict=True))
    return Pair(real, imaginary)


@reads_pairs("to", "_to_copy", "type_as")
def read_to(call: OpCall) -> Any:
    """A real number is one without an imaginary part."""
    x = call["self"]
    kind = part(call, "real").dtype
    if not isinstance(x, Pair):
        return Pair(call.cast(x, kind), call.fill(0.0, x.shape, kind))
    if "complex" not in call.dtype:
        return call.cast(x.real, kind)
    return Pair(call.cast(x.real, kind), call.cast(x.imaginary, kind))


@reads_pairs("real")
def read_real(call: OpCall) -> Value:
    return call["self"].real  # type: ignore[no-any-return]


@reads_pairs("imag")
def read_imag(call: OpCall) -> Value:
    return call["self"].imaginary  # type: ignore[no-any-return]


@reads_pairs("conj", "_conj", "conj_physical", "_conj_physical")
def read_conj(call: OpCall) -> Pair:
    x = call["self"]
    return Pair(x.real, call.one(Unary("neg"), x.imaginary))


@reads_pairs("abs", "absolute")
def read_abs(call: OpCall) -> Value:
    x = call["self"]
    return call.one(Binary("hypot"), x.real, x.imaginary)


@reads_pairs("angle")
def read_angle(call: OpCall) -> Value:
    x = call["self"]
    return call.one(Binary("atan2"), x.imaginary, x.real)


@reads_pairs("exp")
def read_exp(call: OpCall) -> Pair:
    x = call["self"]
    size = call.one(Unary("exp"), x.real)
    return Pair(*(_times(call, size, call.one(Unary(way), x.imaginary)) for way in ("cos", "sin")))


# --- sums


@reads_pairs("add", "sub", "subtract", "rsub")
def read_sum(call: OpCall) -> Pair:
    """A real operand has no part in the imaginary part but its shape."""
    real, shape = part(call, "real"), call.meta.shape
    left, right = (_both(call, arg) for arg in list(call.args.values())[:2])
    first, second = (right, left) if call.name == "rsub" else (left, right)
    alpha = call.get("alpha", 1)
    if alpha != 1:
        scaled = call.operand(alpha, real.dtype)
        right = (_times(call, right[0], scaled), right[1] and _times(call, right[1], scaled))
        first, second = (right, left) if call.name == "rsub" else (left, right)
    sign = Binary("add" if call.name == "add" else "subtract")
    found = []
    for a, b in zip(first, second, strict=True):
        if b is None:
            found.append(call.expand(a, shape))
        elif a is None:
            found.append(call.expand(b if call.name == "add" else call.one(Unary("neg"), b), shape))
        else:
            found.append(call.one(sign, a, b))
    return Pair(*found)


def _both(call: OpCall, arg: Any) -> tuple[Any, Any]:
    """The parts of an operand; None for the imaginary part of a real one."""
    kind = part(call, "real").dtype
    if isinstance(arg, Pair):
        return arg.real, arg.imaginary
    if isinstance(arg, complex):
        return call.operand(arg.real, kind), call.operand(arg.imag, kind)
    return call.operand(arg, kind) if not isinstance(arg, Sym) else call.cast(call.size(arg), kind), None


def _times(call: OpCall, a: Value, b: Value) -> Value:
    return call.one(Binary("multiply"), a, b)


# --- products


@reads_pairs(*PRODUCTS)
def read_product(call: OpCall) -> Pair:
    """(a + bi) (c + di) = ac - bd + (ad + bc) i, for any product of two."""
    if call.get("bias") is not None:
        raise call.refuse("a complex linear layer with a bias in one step", "add the bias afterwards")
    names: list[tuple[str, int | None]] = [
        (name, None) for name, arg in call.args.items() if isinstance(arg, (Pair, complex))
    ]
    for name, arg in call.args.items():
        if isinstance(arg, tuple):
            names += [(name, place) for place, one in enumerate(arg) if isinstance(one, Pair)]
    if len(names) == 1:
        return Pair(*(_plain(part(call, which)) for which in ("real", "imaginary")))
    if len(names) > 2:
        raise call.refuse("a product of more than two complex numbers", "multiply two at a time")

    def product(first: str, second: str) -> Value:
        mixed = part(call, first)
        name, place = names[1]
        other = part(call, second).args[name]
        if place is not None:
            other = (*mixed.args[name][:place], other[place], *mixed.args[name][place + 1 :])
        mixed.args = {**mixed.args, name: other}
        return _plain(mixed)  # type: ignore[no-any-return]

    ac, bd = product("real", "real"), product("imaginary", "imaginary")
    ad, bc = product("real", "imaginary"), product("imaginary", "real")
    return Pair(call.one(Binary("subtract"), ac, bd), call.one(Binary("add"), ad, bc))


@reads_pairs("div", "divide", "true_divide")
def read_quotient(call: OpCall) -> Pair:
    """Of complex numbers: times the conjugate, over the square of the length."""
    if call.get("rounding_mode") is not None:
        raise call.refuse("a rounded quotient of complex numbers")
    left, right = (_both(call, arg) for arg in list(call.args.values())[:2])
    a, b = left
    c, d = right
    if d is None:
        assert b is not None
        return Pair(call.one(Binary("divide"), a, c), call.one(Binary("divide"), b, c))
    length = call.one(Binary("add"), call.one(Unary("square"), c), call.one(Unary("square"), d))
    real, imaginary = _times(call, a, c), call.one(Unary("neg"), _times(call, a, d))
    if b is not None:
        real = call.one(Binary("add"), real, _times(call, b, d))
        imaginary = call.one(Binary("add"), imaginary, _times(call, b, c))
    return Pair(call.one(Binary("divide"), real, length), call.one(Binary("divide"), imaginary, length))
