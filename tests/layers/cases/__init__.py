"""The layer tables, family by family, and the list of what they leave out."""

from __future__ import annotations

from tests.layers.cases import (
    activation,
    applications,
    attention,
    convolution,
    core,
    dropout,
    feed_forward,
    graphs,
    merging,
    networks,
    normalisation,
    operations,
    pooling,
    preprocessing,
    quantised,
    recurrent,
    recurrent_masks,
    reshaping,
    transposed,
    wrappers,
)
from tests.layers.cases.case import Feed, LayerCase
from tests.layers.cases.not_here import NOT_HERE
from tests.layers.cases.randomise import hard_inputs, randomise

FAMILIES: dict[str, tuple[LayerCase, ...]] = {
    "core": core.CASES,
    "activation": activation.CASES,
    "convolution": convolution.CASES,
    "transposed": transposed.CASES,
    "pooling": pooling.CASES,
    "normalisation": normalisation.CASES,
    "merging": merging.CASES,
    "reshaping": reshaping.CASES,
    "dropout": dropout.CASES,
    "preprocessing": preprocessing.CASES,
    "feed_forward": feed_forward.CASES,
    "recurrent": recurrent.CASES,
    "recurrent_masks": recurrent_masks.CASES,
    "wrappers": wrappers.CASES,
    "attention": attention.CASES,
    "operations": operations.CASES,
    "graphs": graphs.CASES,
    "quantised": quantised.CASES,
    "networks": networks.CASES,
    "applications": applications.CASES,
}

CASES: tuple[LayerCase, ...] = tuple(case for family in FAMILIES.values() for case in family)

__all__ = ["CASES", "FAMILIES", "NOT_HERE", "Feed", "LayerCase", "hard_inputs", "randomise"]
