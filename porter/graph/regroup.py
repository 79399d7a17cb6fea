"""Reshapes under a layout change: which axes merge or split, and whether the target can do it in place.

A row-major reshape is a list of independent groups: `(n) (h w c) -> (n) (f)`. Where a group's axes lie side
by side in the target as well, the reshape can be done there without moving anything. If they lie in another
order and merge into one axis, that axis holds its parts in another order (`Inner`), which a following
weight can absorb.
"""

from __future__ import annotations

from collections.abc import Sequence

from porter.dataclass import dataclass
from porter.graph.dims import Shape, may_equal, product
from porter.graph.layouts import Inner, Layout


@dataclass(frozen=True)
class Kept:
    """A reshape target's axis that has the size of the input's axis `axis`."""

    axis: int


Target = tuple[int | Kept | None, ...]


def target_for(given: Shape, wanted: Shape) -> Target | None:
    """The wanted shape in terms of the given one, or None where it cannot be said."""
    target: list[int | Kept | None] = []
    start = 0
    for dim in wanted:
        if isinstance(dim, int):
            target.append(dim)
            continue
        axis = next((k for k in range(start, len(given)) if given[k] == dim), None)
        if axis is None and None in target:
            return None
        target.append(None if axis is None else Kept(axis))
        start = start if axis is None else axis + 1
    return tuple(target)


@dataclass(frozen=True)
class Regrouping:
    """A reshape in the source's terms: shapes before and after, and how the target shape is written."""

    before: Shape
    after: Shape
    target: Target


@dataclass(frozen=True)
class Group:
    """Axes of both sides that are the same cells."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def regroup(
    reshape: Regrouping, layout: Layout, inner_welcome: bool, wanted: Layout | None
) -> tuple[Target, Layout] | None:
    """The reshape in the target's terms and its output's layout, or None where data must move first."""
    found = groups(reshape.before, reshape.after)
    if found is None:
        return None
    held = [axis for axis in layout.perm if reshape.before[axis] != 1]
    ordered: list[int] = []
    inner: dict[int, Inner] = {}
    for group in sorted(found, key=lambda g: min((held.index(a) for a in g.before), default=-1)):
        placed = _place(group, held, reshape, layout)
        if placed is None:
            return None
        ordered += placed[0]
        inner.update(placed[1])
    if inner and not inner_welcome:
        return None
    perm = _with_ones(ordered, reshape.after, wanted)
    target = tuple(_translated(reshape, axis, layout) for axis in perm)
    return target, Layout(perm, inner)


def nearest(reshape: Regrouping, layout: Layout, wanted: Layout | None) -> Layout | None:
    """The order nearest to the one that arrives from which the reshape can be done in place, for want of that
    order itself: what merges stands side by side, and images stay as they are held."""
    found = groups(reshape.before, reshape.after)
    if found is None:
        return None
    ordered = _ordered_as(wanted, found) if wanted else None
    if ordered is None:
        ordered = sorted(found, key=lambda group: min(map(layout.place, group.before)))
    rest = [axis for group in ordered for axis in group.before]
    ones = [axis for axis in layout.perm if reshape.before[axis] == 1]
    return Layout((*rest, *ones))


def _ordered_as(wanted: Layout, found: Sequence[Group]) -> list[Group] | None:
    """The groups in the order that gives the wanted one; None where no order of groups does."""
    ordered = sorted(found, key=lambda group: min(map(wanted.place, group.after)))
    given = [axis for group in ordered for axis in group.after]
    return ordered if given == [axis for axis in wanted.perm if axis in given] else None


def groups(before: Shape, after: Shape) -> list[Group] | None:
    """Maximal independent groups of axes, sizes of 1 left aside; None where sizes do not tell."""
    left = [axis for axis, dim in enumerate(before) if dim != 1]
    right = [axis for axis, dim in enumerate(after) if dim != 1]
    found: list[Group] = []
    while left and right:
        match = _shortest_match(before, after, left, right)
        if match is None:
            return None
        count, taken = match
        found.append(Group(tuple(left[:count]), tuple(right[:taken])))
        left, right = left[count:], right[taken:]
    return None if left or right else found


def _shortest_match(
    before: Shape, after: Shape, left: Sequence[int], right: Sequence[int]
) -> tuple[int, int] | None:
    for size in range(2, len(left) + len(right) + 1):
        for count in range(1, size):
            taken = size - count
            if count > len(left) or taken > len(right):
                continue
            merged = product(before[axis] for axis in left[:count])
            if merged == product(after[axis] for axis in right[:taken]):
                return count, taken
    return (1, 1) if len(left) == len(right) == 1 and may_equal(before[left[0]], after[right[0]]) else None


def _place(
    group: Group, held: Sequence[int], reshape: Regrouping, layout: Layout
) -> tuple[list[int], dict[int, Inner]] | None:
    places = sorted(held.index(axis) for axis in group.before)
    if places != list(range(places[0], places[0] + len(places))):
        return None
    order = [held[place] for place in places]
    parts = [layout.inner[axis] for axis in group.before if axis in layout.inner]
    if parts:
        return _unpacked(group, parts[0], reshape)
    if order == list(group.before):
        return list(group.after), {}
    if len(group.after) > 1:
        return None
    sizes = tuple(size for axis in group.before if isinstance(size := reshape.before[axis], int))
    if len(sizes) < len(group.before):
        return None
    return list(group.after), {
        group.after[0]: Inner(sizes, tuple(group.before.index(axis) for axis in order))
    }


def _unpacked(group: Group, part: Inner, reshape: Regrouping) -> tuple[list[int], dict[int, Inner]] | None:
    if len(group.before) > 1:
        return None
    if len(group.after) == 1:
        return list(group.after), {group.after[0]: part}
    if tuple(reshape.after[axis] for axis in group.after) != part.sizes:
        return None
    return [group.after[place] for place in part.order], {}


def _with_ones(ordered: Sequence[int], after: Shape, wanted: Layout | None) -> tuple[int, ...]:
    """The order of all axes, those of size 1 put where they do least harm."""
    rank = len(after)
    likes = ([wanted] if wanted else []) + [
        Layout.identity(rank),
        Layout.oriented(rank, "last", "first"),
    ]
    for like in likes:
        if [axis for axis in like.perm if after[axis] != 1] == list(ordered):
            return like.perm
    return (*ordered, *(axis for axis in range(rank) if after[axis] == 1))


def _translated(reshape: Regrouping, axis: int, layout: Layout) -> int | Kept | None:
    want = reshape.target[axis]
    return Kept(layout.place(want.axis)) if isinstance(want, Kept) else want
