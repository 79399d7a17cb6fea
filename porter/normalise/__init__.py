"""Framework-free steps from graph to graph, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from porter.graph.model import Graph
from porter.normalise.absorb_bias import absorb_bias
from porter.normalise.absorb_padding import absorb_padding
from porter.normalise.drop_neutral import drop_neutral
from porter.normalise.fill_modules import fill_modules
from porter.normalise.find_blocks import find_blocks
from porter.normalise.join_reshapes import join_reshapes
from porter.normalise.join_slices import join_slices
from porter.normalise.join_truths import join_truths
from porter.normalise.keep_reduced_axes import keep_reduced_axes
from porter.normalise.keep_steps import keep_steps
from porter.normalise.name_activations import name_activations
from porter.normalise.name_attention import name_attention
from porter.normalise.name_groups import name_groups
from porter.normalise.name_heads import name_heads
from porter.normalise.name_norms import name_norms
from porter.normalise.name_softmax import name_softmax
from porter.normalise.settle_rows import settle_rows

Step = Callable[[Graph], Graph]

STEPS: tuple[Step, ...] = (
    absorb_padding,
    settle_rows,
    drop_neutral,
    keep_steps,
    join_reshapes,
    join_slices,
    join_truths,
    keep_reduced_axes,
    absorb_bias,
    name_activations,
    name_softmax,
    name_norms,
    name_attention,
    name_groups,
    name_heads,
    fill_modules,
    find_blocks,
)


def normalise(graph: Graph) -> Graph:
    """The graph after all steps."""
    for step in STEPS:
        graph = step(graph)
    return graph
