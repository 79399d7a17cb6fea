"""Names for the axes of inputs and outputs, for people: `n h w c`."""

from __future__ import annotations

from porter.graph.model import Value
from porter.layout.wishes import Wishes

SPATIAL = {3: ("t",), 4: ("h", "w"), 5: ("d", "h", "w")}


def axis_names(value: Value, wishes: Wishes) -> list[str]:
    """One name per axis: by the orientation of the nearest convolution, else by custom."""
    rank = value.rank
    if rank <= 2:
        return ["n", "c"][:rank]
    spatial = SPATIAL.get(rank, tuple(f"s{k}" for k in range(rank - 2)))
    channels_first, channels_last = ["n", "c", *spatial], ["n", *spatial, "c"]
    found = wishes.spatial_kin(value)
    if found is None:
        return channels_last
    node, places = found
    names = channels_first if getattr(node.op, "orientation", "last") == "first" else channels_last
    return [names[place] for place in places]
