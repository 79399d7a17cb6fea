"""Products with weights and between values."""

from __future__ import annotations

import string

from converters.torch.call import OpCall
from converters.torch.reads.indexing import diagonal
from converters.torch.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.indexing import Gather
from porter.graph.ops.linear import Einsum, Embedding, Linear, MatMul
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Transpose


def turned(call: OpCall, x: Value) -> Value:
    """Matrices with rows and columns exchanged."""
    order = (*range(x.rank - 2), x.rank - 1, x.rank - 2)
    return call.one(Transpose(order), x)


@rules.reads("linear")
def read_linear(call: OpCall) -> Value:
    return linear(call, call.x, call["weight"], call.get("bias"))


def linear(call: OpCall, x: Value, weight: Value, bias: Value | None) -> Value:
    """`x W^T + b`: a layer where weight and bias are the module's own, else a product."""
    if x.rank == 1 and weight.rank == 2:
        return call.without_ones(linear(call, call.with_ones(x, 0), weight, bias), (0,))
    if weight.rank == 2 and call.is_constant(weight) and (bias is None or call.is_constant(bias)):
        outputs, inputs = (int(str(size)) for size in weight.shape)
        params = {"weight": call.as_param(weight)}
        if bias is not None and bias.rank == 1:
            params["bias"] = call.as_param(bias)
        result = call.one(Linear(inputs, outputs), x, params=params)
        return call.one(Binary("add"), result, bias) if bias is not None and bias.rank != 1 else result
    result = _vector(call, x, weight) if weight.rank == 1 else call.one(MatMul(), x, turned(call, weight))
    return result if bias is None else call.one(Binary("add"), result, bias)


def _vector(call: OpCall, x: Value, weight: Value) -> Value:
    product = call.one(Binary("multiply"), x, weight)
    return call.one(Reduce("sum", (x.rank - 1,)), product)


@rules.reads("matmul", "mm", "bmm", "mv", "dot", "vdot", "linalg_matmul", "__matmul__")
def read_matmul(call: OpCall) -> Value:
    names = list(call.args)
    return product(
        call, call.cast(call.tensor(names[0]), call.dtype), call.cast(call.tensor(names[1]), call.dtype)
    )


def product(call: OpCall, a: Value, b: Value) -> Value:
    """torch.matmul: vectors count as matrices of one row or column."""
    if a.rank == 1 and b.rank == 1:
        return call.one(Reduce("sum", (0,)), call.one(Binary("multiply"), a, b))
    left = call.with_ones(a, 0) if a.rank == 1 else a
    if b.rank == 1:
        result = call.one(MatMul(), left, call.with_ones(b, 1))
        return call.without_ones(result, (result.rank - 1,))
    if b.rank == 2 and call.is_constant(b) and not call.is_constant(a) and left.rank >= 2:
        inputs, outputs = (int(str(size)) for size in b.shape)
        weight = call.as_param(b, "i o -> o i")
        result = call.one(Linear(inputs, outputs), left, params={"weight": weight})
    else:
        result = call.one(MatMul(), left, b)
    return call.without_ones(result, (result.rank - 2,)) if a.rank == 1 else result


@rules.reads("addmm", "baddbmm", "addbmm", "addmv")
def read_addmm(call: OpCall) -> Value:
    names = list(call.args)
    bias, a, b = (call.tensor(name) for name in names[:3])
    found = product(call, a, b)
    if call.name == "addbmm":
        found = call.one(Reduce("sum", (0,)), found)
    for name, number in (("alpha", call["alpha"]), ("beta", call["beta"])):
        if number != 1 and name == "alpha":
            found = call.one(Binary("multiply"), found, call.operand(float(number), call.dtype))
        if number not in (0, 1) and name == "beta":
            bias = call.one(Binary("multiply"), bias, call.operand(float(number), call.dtype))
    return found if call["beta"] == 0 else call.one(Binary("add"), found, bias)


@rules.reads("outer", "ger")
def read_outer(call: OpCall) -> Value:
    names = list(call.args)
    a, b = call.tensor(names[0]), call.tensor(names[1])
    return call.one(Binary("multiply"), call.with_ones(a, 1), call.with_ones(b, 0))


@rules.reads("einsum")
def read_einsum(call: OpCall) -> Value:
    operands = [call.cast(value, call.dtype) for value in call["tensors"]]
    equation = _spelled(call, call["equation"].replace(" ", ""), [value.rank for value in operands])
    return _einsum(call, equation, operands)


def _einsum(call: OpCall, equation: str, operands: list[Value]) -> Value:
    """Axes of size 1 that broadcast, and letters that stand twice in a term, are made plain first."""
    terms, result = equation.split("->")
    names = terms.split(",")
    sizes: dict[str, Dim] = {}
    for place, (term, value) in enumerate(zip(names, operands, strict=True)):
        names[place], operands[place] = _without_twins(call, term, value)
    for term, value in zip(names, operands, strict=True):
        for letter, dim in zip(term, value.shape, strict=True):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = dim
    for place, (term, value) in enumerate(zip(names, operands, strict=True)):
        ones = [k for k, letter in enumerate(term) if value.shape[k] == 1 and sizes[letter] != 1]
        if ones:
            operands[place] = call.without_ones(value, ones)
            names[place] = "".join(letter for k, letter in enumerate(term) if k not in ones)
    return call.one(Einsum(",".join(names) + "->" + result), *operands)


def _without_twins(call: OpCall, term: str, value: Value) -> tuple[str, Value]:
    """Axes of one letter are gone through together: their diagonal, which becomes the last axis."""
    while twin := next((letter for letter in term if term.count(letter) > 1), None):
        first = term.index(twin)
        second = term.index(twin, first + 1)
        value = diagonal(call, value, first, second)
        term = "".join(letter for k, letter in enumerate(term) if k not in (first, second)) + twin
    return term, value


def _spelled(call: OpCall, equation: str, ranks: list[int]) -> str:
    """The equation with a letter for every axis: no dots, and the result spelled out."""
    terms, arrow, result = equation.partition("->")
    names = terms.split(",")
    free = [letter for letter in string.ascii_letters if letter not in equation]
    counts = [rank - len(name.replace("...", "")) for name, rank in zip(names, ranks, strict=True)]
    dots = "".join(
        free[: max([count for name, count in zip(names, counts, strict=True) if "..." in name], default=0)]
    )
    full = [
        name.replace("...", dots[len(dots) - count :] if count else "")
        for name, count in zip(names, counts, strict=True)
    ]
    if arrow:
        return ",".join(full) + "->" + result.replace("...", dots)
    once = sorted(letter for letter in set("".join(names)) - {"."} if "".join(names).count(letter) == 1)
    return ",".join(full) + "->" + dots + "".join(once)


@rules.reads("bilinear")
def read_bilinear(call: OpCall) -> Value:
    """`y_o = a_i W_oij b_j + bias_o`."""
    a, b, weight = call.tensor("input1"), call.tensor("input2"), call.tensor("weight")
    lead = "".join(letter for letter in string.ascii_lowercase if letter not in "oij")[: a.rank - 1]
    found = call.one(Einsum(f"{lead}i,oij,{lead}j->{lead}o"), a, weight, b)
    return found if call.get("bias") is None else call.one(Binary("add"), found, call.tensor("bias"))


@rules.reads("embedding")
def read_embedding(call: OpCall) -> Value:
    weight, ids = call.tensor("weight"), call.tensor("indices")
    if not call.is_constant(weight):
        return call.one(Gather(0), weight, ids)
    entries, width = (int(str(size)) for size in weight.shape)
    return call.one(Embedding(entries, width, weight.dtype), ids, params={"weight": call.as_param(weight)})
