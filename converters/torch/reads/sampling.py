"""Images and volumes sampled at computed places."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.dims import product
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Clip, Unary, Where
from porter.graph.ops.indexing import Index, TakeAlong

LINEAR, NEAREST, CUBIC = 0, 1, 2
ZEROS, BORDER, REFLECTION = 0, 1, 2
WHOLE = (None, None, 1)


@rules.reads("grid_sampler", "grid_sampler_2d", "grid_sampler_3d")
def read_grid_sampler(call: OpCall) -> Value:
    """Places lie in -1 .. 1, x before y (before z); between cells the weights are linear or cubic."""
    x, grid = call.tensor("input"), call.tensor("grid")
    mode, outside = int(call["interpolation_mode"]), int(call["padding_mode"])
    sizes = [size for size in x.shape[2:] if isinstance(size, int)]
    if len(sizes) < x.rank - 2:
        raise call.refuse("an image whose size only running the model tells")
    sampler = _Sampler(call, x, sizes, outside, bool(call["align_corners"]))
    count = len(sizes)
    places = [sampler.place(grid, count - 1 - axis, size) for axis, size in enumerate(sizes)]
    if mode == CUBIC:
        found = sampler.cubic(places)
    else:
        places = [sampler.bounded(place, size) for place, size in zip(places, sizes, strict=True)]
        rounded = [call.one(Unary("round"), place) for place in places] if mode == NEAREST else []
        found = sampler.cell(rounded, None) if rounded else sampler.between(places)
    return call.reshape(found, (x.shape[0], x.shape[1], *grid.shape[1:-1]))


class _Sampler:
    """Picks cells by places that are computed, one for each axis of an image."""

    def __init__(self, call: OpCall, x: Value, sizes: Sequence[int], outside: int, corners: bool) -> None:
        self.call, self.sizes, self.outside, self.corners = call, sizes, outside, corners
        self.flat = call.reshape(x, (x.shape[0], x.shape[1], product(sizes)))

    def place(self, grid: Value, number: int, size: int) -> Value:
        """One coordinate in cells."""
        told = self.call.one(Index((*[WHOLE] * (grid.rank - 1), number)), grid)
        raised = self._with("add", told, 1.0)
        if self.corners:
            return self._with("multiply", raised, (size - 1) / 2)
        return self._with("subtract", self._with("multiply", raised, size / 2), 0.5)

    def bounded(self, place: Value, size: int) -> Value:
        """The place brought inside, where the mode of padding says so."""
        if self.outside == ZEROS:
            return place
        if self.outside == REFLECTION:
            place = self._reflected(place, size)
        return self.call.one(Clip(0.0, size - 1.0), place)

    def _reflected(self, place: Value, size: int) -> Value:
        """Thrown back at the middles of the outermost cells, or at their outer edges."""
        low, span = (0.0, size - 1.0) if self.corners else (-0.5, float(size))
        if span <= 0:
            return self._with("multiply", place, 0.0)
        gap = self.call.one(Unary("abs"), self._with("subtract", place, low))
        rest = self._with("remainder", gap, 2 * span)
        back = self.call.one(Binary("subtract"), self.call.operand(2 * span, place.dtype), rest)
        return self._with("add", self.call.one(Binary("minimum"), rest, back), low)

    def between(self, places: Sequence[Value]) -> Value:
        """The cells around each place, two along each axis, weighted."""
        starts, rests = self._split(places)
        one = self.call.operand(1.0, places[0].dtype)
        shares = [(self.call.one(Binary("subtract"), one, rest), rest) for rest in rests]
        return self._sum(starts, shares, (0, 1), False)

    def cubic(self, places: Sequence[Value]) -> Value:
        """Four cells along each axis; each by itself is brought inside."""
        starts, rests = self._split(places)
        return self._sum(starts, [self._cubic_shares(rest) for rest in rests], (-1, 0, 1, 2), True)

    def _split(self, places: Sequence[Value]) -> tuple[list[Value], list[Value]]:
        starts = [self.call.one(Unary("floor"), place) for place in places]
        pairs = zip(places, starts, strict=True)
        return starts, [self.call.one(Binary("subtract"), place, start) for place, start in pairs]

    def _cubic_shares(self, rest: Value) -> tuple[Value, ...]:
        """Keys's kernel with -0.75 at distances from the four cells."""
        far, near = (-0.75, 3.75, -6.0, 3.0), (1.25, -2.25, 0.0, 1.0)
        back = self.call.one(Binary("subtract"), self.call.operand(1.0, rest.dtype), rest)
        ahead, behind = self._with("add", rest, 1.0), self._with("add", back, 1.0)
        distances = ((ahead, far), (rest, near), (back, near), (behind, far))
        return tuple(self._polynomial(distance, kernel) for distance, kernel in distances)

    def _polynomial(self, x: Value, factors: Sequence[float]) -> Value:
        found = self._with("multiply", x, factors[0])
        for factor in factors[1:-1]:
            raised = self._with("add", found, factor) if factor else found
            found = self.call.one(Binary("multiply"), raised, x)
        return self._with("add", found, factors[-1])

    def _sum(
        self, starts: Sequence[Value], shares: Sequence[Sequence[Value]], steps: Sequence[int], bound: bool
    ) -> Value:
        call = self.call
        total: Value | None = None
        for chosen in itertools.product(range(len(steps)), repeat=len(starts)):
            places = [
                self._with("add", start, float(steps[k])) if steps[k] else start
                for start, k in zip(starts, chosen, strict=True)
            ]
            if bound:
                places = [self.bounded(place, size) for place, size in zip(places, self.sizes, strict=True)]
            weight = shares[-1][chosen[-1]]
            for own, k in list(zip(shares, chosen, strict=True))[-2::-1]:
                weight = call.one(Binary("multiply"), weight, own[k])
            part = self.cell(places, weight)
            total = part if total is None else call.one(Binary("add"), total, part)
        assert total is not None
        return total

    def cell(self, places: Sequence[Value], weight: Value | None) -> Value:
        """The cells at these places (zero outside), times a weight."""
        call = self.call
        inside: Value | None = None
        number: Value | None = None
        for place, size in zip(places, self.sizes, strict=True):
            own = self._inside(place, size)
            inside = own if inside is None else call.one(Binary("logical_and"), inside, own)
            whole = call.cast(call.one(Clip(0.0, size - 1.0), place), "int64")
            if number is not None:
                start = call.one(Binary("multiply"), number, call.operand(size, "int64"))
                whole = call.one(Binary("add"), start, whole)
            number = whole
        assert number is not None
        assert inside is not None
        shape = (number.shape[0], 1, product(number.shape[1:]))
        picked = call.one(TakeAlong(2), self.flat, call.reshape(number, shape))
        share = call.cast(inside, places[0].dtype)
        if weight is not None:
            share = call.one(Where(), inside, weight, call.operand(0.0, weight.dtype))
        return call.one(Binary("multiply"), picked, call.reshape(share, shape))

    def _inside(self, place: Value, size: int) -> Value:
        above = self._with("greater_equal", place, 0.0)
        below = self._with("less_equal", place, size - 1.0)
        return self.call.one(Binary("logical_and"), above, below)

    def _with(self, function: str, value: Value, number: float) -> Value:
        return self.call.one(Binary(function), value, self.call.operand(number, value.dtype))
