"""Layers of two models that porter did not make of one another: which module answers to which step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from porter.compare.alignment import align, sketches
from porter.graph.model import Node
from porter.sides import Side, turned
from porter.verification.inputs import graph_of
from porter.verification.settings import LayerPlan

Array = np.ndarray


def aligned(truth: Side, b: Side, arrays: Sequence[Array]) -> LayerPlan | None:
    """How the modules of side b answer to the steps of the reference; None where b is the reference.

    `arrays` are inputs in the common order.
    """
    modules = modules_of(b)
    if b is truth or not modules:
        return None
    ours = sketches(graph_of(truth), turned(arrays, truth.into))
    theirs = sketches(graph_of(b), turned(arrays, b.into))
    paths = {node: path for path, node in modules.items()}
    ended = {node.origin.label for node in paths}
    # a step inside a module is not seen: let it not stand in the way of the last one, which may be like it
    theirs = [one for one in theirs if one.node in paths or one.node.origin.label not in ended]
    pairs = {paths[pair.theirs]: pair for pair in align(ours, theirs) if pair.theirs in paths}
    return LayerPlan(
        graph_of(truth),
        {path: pair.ours for path, pair in pairs.items()},
        turns={path: pair.turn for path, pair in pairs.items()},
        matched={path: pair.matched for path, pair in pairs.items()},
        laid_out=False,
        counts=False,
    )


def modules_of(side: Side) -> dict[str, Node]:
    """By the path under which its framework shows them, the modules of a side, each with the step whose value
    it gives: of a bundle by its manifest, of anything else the last step that stems from the module."""
    nodes = [node for node in graph_of(side).nodes if "float" in node.outputs[0].dtype]
    if side.manifest is not None:
        stems: dict[str, list[Node]] = {}
        for node in nodes:
            if node.params:
                stems.setdefault(node.origin.label, []).append(node)
        told = side.manifest.get("modules", {})
        return {path: stems[label][0] for path, label in told.items() if len(stems.get(label, ())) == 1}
    last: dict[str, Node] = {}
    for node in nodes:
        if node.origin.layer:
            last |= dict.fromkeys((node.origin.label, ".".join(node.origin.path)), node)
    return last
