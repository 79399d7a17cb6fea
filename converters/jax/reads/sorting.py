"""Order: sorted values, their places, the largest few."""

from __future__ import annotations

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.model import Value
from porter.graph.ops.indexing import TakeAlong
from porter.graph.ops.sorting import ArgSort, Sort, TopK


@rules.reads("sort")
def read_sort(call: PrimitiveCall) -> tuple[Value, ...]:
    if int(call["num_keys"]) != 1:
        raise call.refuse("sorts by several keys at once")
    key, *others = call.inputs
    axis = int(call["dimension"])
    made = [call.one(Sort(axis), key)]
    places: Value | None = None
    for other in others:
        places = places or call.one(ArgSort(axis), key)
        counted = call.context.counts.get(other) == axis
        made.append(call.cast(places, other.dtype) if counted else call.one(TakeAlong(axis), other, places))
    return tuple(made)


@rules.reads("top_k")
def read_top_k(call: PrimitiveCall) -> tuple[Value, ...]:
    axis = int(call.settings.get("axis", call.x.rank - 1)) % call.x.rank
    order = [*(k for k in range(call.x.rank) if k != axis), axis]
    made = call.add(TopK(int(call["k"])), call.transpose(call.x, order))
    return tuple(call.transpose(value, [order.index(k) for k in range(call.x.rank)]) for value in made)
