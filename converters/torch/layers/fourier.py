"""Fourier transforms: torch's own, of complex tensors that are made for them and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.fourier import Fourier, RealFourier
from porter.source.code import Expression, Literal, Name, attr, call
from porter.source.statements import Assign, Statement
from porter.writing.forms import Expressions, Form, Inline, Names, method

LETTERS = {1: "", 2: "2"}
"""torch's names have the number of axes in them, up to two."""


@rules.writes(Fourier)
def write_fourier(op: Fourier, node: Node) -> Form:
    name = f"{'r' if op.half else 'i' if op.inverse else ''}fft"

    def lines(inputs: Expressions, names: Names) -> Sequence[Statement]:
        found = _transform(name, op.axes, op.norm, _whole(inputs))
        real, imaginary = names
        if real is None or imaginary is None:
            target, part = (imaginary, "imag") if real is None else (real, "real")
            return [Assign((Name(target or "_"),), attr(found, part))]
        return [
            Assign((Name(real), Name(imaginary)), method(call("torch.view_as_real", found), "unbind", -1))
        ]

    return Inline(lambda *x: x[0], statements=lines)


@rules.writes(RealFourier)
def write_real_fourier(op: RealFourier, node: Node) -> Form:
    sizes = [node.inputs[0].shape[axis] for axis in op.axes[:-1]]
    whole: Any = (*(size if isinstance(size, int) else -1 for size in sizes), op.size)

    def build(*parts: Expression) -> Expression:
        told = {"n": op.size} if len(op.axes) == 1 else {"s": whole}
        return _transform("irfft", op.axes, op.norm, _whole(parts), **told)

    return Inline(build, simple=True)


def _transform(name: str, axes: Sequence[int], norm: str, x: Expression, **told: Any) -> Expression:
    letter = LETTERS.get(len(axes), "n")
    along: Any = axes[0] if len(axes) == 1 else tuple(axes)
    said = {} if norm == "backward" else {"norm": Literal(norm)}
    return call(f"torch.fft.{name}{letter}", x, **told, dim=along, **said)


def _whole(inputs: Expressions) -> Expression:
    return inputs[0] if len(inputs) == 1 else call("torch.complex", *inputs)
