"""Whose model is it? Told from the classes of the object, without importing anything."""

from __future__ import annotations

GENERATIONS = {"keras": 3, "tf_keras": 2}


def generation_of(model: object) -> int | None:
    """The Keras that made a live layer or model; None for anything else."""
    for kind in type(model).__mro__:
        root = kind.__module__.split(".")[0]
        if root in GENERATIONS and kind.__name__ == "Layer":
            return GENERATIONS[root]
    return None


def owns(model: object) -> bool:
    """Whether an object is a live layer or model of Keras."""
    return generation_of(model) is not None
