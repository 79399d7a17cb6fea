"""Axis orders of values, and how ops pass them on: the vocabulary of the layout pass.

A `Layout` says how the tensor that the target holds differs from the one that the source describes:
its axes are permuted, and a flattened axis may hold its parts in another order (`inner`). An op answers a
`Request` (what arrives, which orientation the target wants) with a `Relaid`: the op with its axis attributes
rewritten, the layouts it needs, the layouts it gives and the moves for its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal

from porter.axes import Move
from porter.dataclass import dataclass
from porter.graph.model import Spec

if TYPE_CHECKING:
    from porter.graph.ops.op import Op

Orientation = Literal["first", "last"]


@dataclass(frozen=True)
class Inner:
    """A merged axis whose parts lie in another order: `sizes` in source order, `order` of them in the
    target."""

    sizes: tuple[int, ...]
    order: tuple[int, ...]

    def move(self, axis: str = "f") -> tuple[Move, dict[str, int]]:
        """The rearrangement of a parameter axis that follows this order, and its sizes."""
        names = [f"{axis}{k}" for k in range(len(self.sizes))]
        target = " ".join(names[k] for k in self.order)
        return Move.parse(f"({' '.join(names)}) -> ({target})"), dict(zip(names, self.sizes, strict=True))


@dataclass(frozen=True)
class Layout:
    """Axis j of the target's tensor is axis `perm[j]` of the source's; `inner` is keyed by source axis."""

    perm: tuple[int, ...]
    inner: Mapping[int, Inner] = field(default_factory=dict)

    @staticmethod
    def identity(rank: int) -> Layout:
        return Layout(tuple(range(rank)))

    @staticmethod
    def oriented(rank: int, source: Orientation, target: Orientation) -> Layout:
        """The layout that brings a spatial tensor from one orientation to the other."""
        if source == target or rank < 3:
            return Layout.identity(rank)
        spatial = range(1, rank - 1) if source == "last" else range(2, rank)
        channel = rank - 1 if source == "last" else 1
        perm = (0, channel, *spatial) if target == "first" else (0, *spatial, channel)
        return Layout(perm)

    @property
    def is_identity(self) -> bool:
        return not self.inner and self.perm == tuple(range(len(self.perm)))

    def place(self, axis: int) -> int:
        """Where a source axis lies in the target's tensor."""
        return self.perm.index(axis % len(self.perm))

    def without_inner(self) -> Layout:
        return replace(self, inner={})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.perm == other.perm and dict(self.inner) == dict(other.inner)

    def __hash__(self) -> int:
        return hash((self.perm, tuple(sorted(self.inner.items(), key=lambda item: item[0]))))


@dataclass(frozen=True)
class Request:
    """What an op is asked: the layouts that arrive, the source's specs, the target's orientation."""

    layouts: tuple[Layout, ...]
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    target: Orientation
    inner_welcome: bool = False  # every consumer of the first output can absorb a reordered merged axis
    wanted: Layout | None = None  # what the consumers of the outputs would like, where they agree
    constant: tuple[bool, ...] = ()  # inputs that can be rearranged at conversion time


@dataclass(frozen=True)
class Relaid:
    """An op's answer."""

    op: Op
    inputs: tuple[Layout, ...]
    outputs: tuple[Layout, ...]
    params: Mapping[str, tuple[Move, Mapping[str, int]]] = field(default_factory=dict)
    relabels: bool = False  # no work is left: the output is the input under another name


def fixed(op: Op, request: Request) -> Relaid:
    """The safe answer: everything in the source's own order."""
    return Relaid(
        op,
        tuple(Layout.identity(spec.rank) for spec in request.inputs),
        tuple(Layout.identity(spec.rank) for spec in request.outputs),
    )


def follow(op: Op, request: Request) -> Relaid:
    """Elementwise ops: all inputs in one layout, which the output keeps.

    An input of lower rank is asked for in the full rank: whoever provides it puts axes of size 1 in front.
    """
    rank = request.outputs[0].rank
    chosen = _shared_layout(request, rank)
    needed = tuple(
        Layout.identity(spec.rank) if spec.rank == 0 or chosen.is_identity else chosen
        for spec in request.inputs
    )
    return Relaid(op, needed, tuple(chosen for _ in request.outputs))


def _shared_layout(request: Request, rank: int) -> Layout:
    constant = request.constant or tuple(False for _ in request.inputs)
    full = [
        layout
        for layout, spec, rigid in zip(request.layouts, request.inputs, constant, strict=True)
        if spec.rank == rank and not rigid
    ]
    if len(set(full)) == 1 and not (full[0].inner and len(full) < sum(not rigid for rigid in constant)):
        return full[0]
    moved = (layout for layout in full if not layout.is_identity and not layout.inner)
    return next(moved, Layout.identity(rank))


def along(op: Op, request: Request, axes: Sequence[int]) -> tuple[Layout, tuple[int, ...]]:
    """For ops of one input that name axes: the layout to work in, and the axes' places in it."""
    layout = request.layouts[0]
    return layout, tuple(layout.place(axis) for axis in axes)


def spatial(op: Op, request: Request, source: Orientation, changed: Op) -> Relaid:
    """Convolutions and their kin: in the target's orientation, whatever arrives."""
    needed = Layout.oriented(request.inputs[0].rank, source, request.target)
    given = Layout.oriented(request.outputs[0].rank, source, request.target)
    others = tuple(Layout.identity(spec.rank) for spec in request.inputs[1:])
    return Relaid(changed, (needed, *others), (given,))


def follow_param(
    layout: Layout, axes: Iterable[int], shape: Sequence[int]
) -> tuple[Move, dict[str, int], tuple[int, ...]]:
    """The move for a parameter with one size per source axis in `axes`, so that it lies as the value does.

    Also returned: for each axis of the moved parameter, which axis of the given one it was.
    """
    axes = tuple(axes)
    order = sorted(range(len(axes)), key=lambda k: layout.place(axes[k]))
    sizes: dict[str, int] = {}
    source, target = [], {}
    for k, axis in enumerate(axes):
        inner = layout.inner.get(axis)
        if inner is None or shape[k] == 1:
            source.append(f"a{k}")
            target[k] = f"a{k}"
            continue
        parts = [f"a{k}_{part}" for part in range(len(inner.sizes))]
        sizes.update(zip(parts, inner.sizes, strict=True))
        source.append(f"({' '.join(parts)})")
        target[k] = f"({' '.join(parts[part] for part in inner.order)})"
    move = Move.parse(f"{' '.join(source)} -> {' '.join(target[k] for k in order)}")
    return move, sizes, tuple(order)
