"""Fourier transforms: JAX's own, of complex arrays that are made for them and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.fourier import Fourier, RealFourier
from porter.source.code import Expression, Literal, Name, Tuple, attr, call
from porter.source.statements import Assign, Statement
from porter.writing.forms import Expressions, Form, Inline, Names


@rules.writes(Fourier)
def write_fourier(op: Fourier, node: Node) -> Form:
    name = f"{'r' if op.half else 'i' if op.inverse else ''}fft"

    def lines(inputs: Expressions, names: Names) -> Sequence[Statement]:
        found = _transform(name, op.axes, op.norm, _whole(inputs))
        real, imaginary = names
        if real is None or imaginary is None:
            target, part = (imaginary, "imag") if real is None else (real, "real")
            return [Assign((Name(target or "_"),), attr(found, part))]
        parts = Tuple((attr(real, "real"), attr(real, "imag")))
        return [Assign((Name(real),), found), Assign((Name(real), Name(imaginary)), parts)]

    return Inline(lambda *x: x[0], statements=lines)


@rules.writes(RealFourier)
def write_real_fourier(op: RealFourier, node: Node) -> Form:
    def build(*parts: Expression) -> Expression:
        whole = _whole(parts)
        if len(op.axes) > 1:  # one after the other: the sizes of all but the last are as they are
            whole = _transform("ifft", op.axes[:-1], op.norm, whole)
        return _transform("irfft", op.axes[-1:], op.norm, whole, n=op.size)

    return Inline(build, simple=True)


def _transform(name: str, axes: Sequence[int], norm: str, x: Expression, **told: Any) -> Expression:
    along: Any = {"axis": axes[0]} if len(axes) == 1 else {"axes": tuple(axes)}
    said = {} if norm == "backward" else {"norm": Literal(norm)}
    return call(f"jnp.fft.{name}{'' if len(axes) == 1 else 'n'}", x, **told, **along, **said)


def _whole(inputs: Expressions) -> Expression:
    return inputs[0] if len(inputs) == 1 else call("jax.lax.complex", *inputs)
