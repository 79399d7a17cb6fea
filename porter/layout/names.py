"""Names for the axes of inputs and outputs, for people: `n h w c`."""

from __future__ import annotations

from porter.graph.model import Value
from porter.layout.wishes import Wishes

SPATIAL = {3: ("t",), 4: ("h", "w"), 5: ("d", "h", "w")}


def axis_names(value: Value, wishes: Wishes) -> list[str]:
    """One name per axis: by the orientation of the first convolution that sees the value, else by custom."""
    rank = value.rank
    if rank <= 2:
        return ["n", "c"][:rank]
    spatial = SPATIAL.get(rank, tuple(f"s{k}" for k in range(rank - 2)))
    user = wishes.spatial_user(value)
    first = user is not None and getattr(user.op, "orientation", "last") == "first"
    return ["n", "c", *spatial] if first else ["n", *spatial, "c"]
