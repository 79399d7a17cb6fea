"""Classes of Keras that compute nothing by themselves, or never stand in a model alone."""

from __future__ import annotations

from converters.keras.rules import rules

rules.cannot_read(
    "Layer",
    "Wrapper",
    "InputSpec",
    because="a base class computes nothing; the class that was built on it is not in the file",
    hint="say what it computes with --custom FILE.py (docs/custom.md)",
)
rules.cannot_read(
    "LSTMCell",
    "GRUCell",
    "SimpleRNNCell",
    "StackedRNNCells",
    because="a cell called by itself, for one step, is not carried",
    hint="wrap it in keras.layers.RNN, whose steps are",
)
rules.cannot_read(
    "Pipeline",
    because="a pipeline of preprocessing layers is not carried",
    hint="put its layers into the model one after another",
)
