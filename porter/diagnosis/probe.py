"""The layers on trial, each by itself; of those that are off, what they made is kept."""

from __future__ import annotations

from dataclasses import field

import numpy as np

from porter.compare.difference import Distance, Yardstick
from porter.compare.verdict import within_layer_limit
from porter.dataclass import dataclass
from porter.graph.model import Node, Value
from porter.verification.layers import TargetLayers, Truths
from porter.workers import Layer

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Faulty:
    """A layer, or an output, that is something else of true inputs: by how much, and what."""

    path: str
    node: Node
    distance: Distance
    stick: Yardstick  # its natural noise
    made: Array
    value: Value


@dataclass
class Probe(TargetLayers):
    """Layers of side b as they are measured in a verification; the outputs of faulty ones are kept."""

    faulty: list[Faulty] = field(default_factory=list)

    forced: list[Node] = field(default_factory=list)  # whose true outputs the layers behind them got

    def _judged(self, truths: Truths, layer: Layer, truth: Array) -> tuple[str, tuple[Distance, float]]:
        path, (distance, noise) = super()._judged(truths, layer, truth)
        node = self.plan.modules[path]
        if len(node.outputs) == 1:
            self.forced.append(node)
        if not within_layer_limit(distance):
            made = np.array(self._turned(path, layer.read()))
            value = node.outputs[self.measured[path]]
            self.faulty.append(Faulty(path, node, distance, truths.sticks[path], made, value))
        return path, (distance, noise)
