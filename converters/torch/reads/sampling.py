"""Images sampled at computed places."""

from __future__ import annotations

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.dims import product
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Clip, Unary, Where
from porter.graph.ops.indexing import Index, TakeAlong

BILINEAR, NEAREST = 0, 1
ZEROS, BORDER, REFLECTION = 0, 1, 2
WHOLE = (None, None, 1)


@rules.reads("grid_sampler", "grid_sampler_2d")
def read_grid_sampler(call: OpCall) -> Value:
    """Places lie in -1 .. 1, x before y; between four cells the weights are linear."""
    x, grid = call.tensor("input"), call.tensor("grid")
    mode, outside = int(call["interpolation_mode"]), int(call["padding_mode"])
    if x.rank != 4 or mode not in (BILINEAR, NEAREST):
        raise call.refuse("sampling of volumes, or by cubic kernels")
    height, width = x.shape[2:]
    if not isinstance(height, int) or not isinstance(width, int):
        raise call.refuse("an image whose size only running the model tells")
    if outside == REFLECTION:
        raise call.refuse("places outside that are reflected (padding_mode='reflection')")
    corners = bool(call["align_corners"])
    sampler = _Sampler(call, x, (height, width))
    across, down = (_place(call, grid, k, size, corners) for k, size in ((0, width), (1, height)))
    if outside == BORDER:
        across, down = call.one(Clip(0.0, width - 1.0), across), call.one(Clip(0.0, height - 1.0), down)
    if mode == NEAREST:
        found = sampler.cell(call.one(Unary("round"), across), call.one(Unary("round"), down), None)
    else:
        found = sampler.between(across, down)
    return call.reshape(found, (x.shape[0], x.shape[1], *grid.shape[1:3]))


def _place(call: OpCall, grid: Value, number: int, size: int, corners: bool) -> Value:
    """One coordinate in cells."""
    told = call.one(Index((WHOLE, WHOLE, WHOLE, number)), grid)
    raised = call.one(Binary("add"), told, call.operand(1.0, told.dtype))
    if corners:
        return call.one(Binary("multiply"), raised, call.operand((size - 1) / 2, told.dtype))
    scaled = call.one(Binary("multiply"), raised, call.operand(size / 2, told.dtype))
    return call.one(Binary("subtract"), scaled, call.operand(0.5, told.dtype))


class _Sampler:
    """Picks cells of an image by rows and columns that are computed."""

    def __init__(self, call: OpCall, x: Value, sizes: tuple[int, int]) -> None:
        self.call, self.sizes = call, sizes
        self.flat = call.reshape(x, (x.shape[0], x.shape[1], sizes[0] * sizes[1]))

    def between(self, across: Value, down: Value) -> Value:
        """The four cells around each place, weighted."""
        call = self.call
        left, top = call.one(Unary("floor"), across), call.one(Unary("floor"), down)
        right_share = call.one(Binary("subtract"), across, left)
        low_share = call.one(Binary("subtract"), down, top)
        one = call.operand(1.0, across.dtype)
        shares = [(call.one(Binary("subtract"), one, share), share) for share in (right_share, low_share)]
        total: Value | None = None
        for row in (0, 1):
            for column in (0, 1):
                weight = call.one(Binary("multiply"), shares[0][column], shares[1][row])
                part = self.cell(self._next(left, column), self._next(top, row), weight)
                total = part if total is None else call.one(Binary("add"), total, part)
        assert total is not None
        return total

    def _next(self, place: Value, step: int) -> Value:
        return place if not step else self.call.one(Binary("add"), place, self.call.operand(1.0, place.dtype))

    def cell(self, column: Value, row: Value, weight: Value | None) -> Value:
        """The cells at these places (zero outside), times a weight."""
        call, (height, width) = self.call, self.sizes
        inside = self._inside(column, width)
        inside = call.one(Binary("logical_and"), inside, self._inside(row, height))
        places = [
            call.cast(call.one(Clip(0.0, size - 1.0), place), "int64")
            for place, size in ((row, height), (column, width))
        ]
        start = call.one(Binary("multiply"), places[0], call.operand(width, "int64"))
        number = call.one(Binary("add"), start, places[1])
        shape = (number.shape[0], 1, product(number.shape[1:]))
        picked = call.one(TakeAlong(2), self.flat, call.reshape(number, shape))
        share = call.cast(inside, column.dtype)
        if weight is not None:
            share = call.one(Where(), inside, weight, call.operand(0.0, weight.dtype))
        return call.one(Binary("multiply"), picked, call.reshape(share, shape))

    def _inside(self, place: Value, size: int) -> Value:
        call = self.call
        above = call.one(Binary("greater_equal"), place, call.operand(0.0, place.dtype))
        below = call.one(Binary("less_equal"), place, call.operand(size - 1.0, place.dtype))
        return call.one(Binary("logical_and"), above, below)
