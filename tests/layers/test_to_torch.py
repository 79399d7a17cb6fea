"""Every row of the layer tables, from a saved Keras file to torch: the numbers, and the training.

A row is saved, converted, and its `model.py` is loaded by itself. Three witnesses must agree on hard inputs:
Keras, the generated torch, and the NumPy reference in float64, the last both in the source's axis order and
as laid out for torch.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import porter
from porter import frameworks
from porter.graph.model import Graph
from porter.graph.run import run
from porter.layout import lay_out
from porter.normalise import normalise
from porter.source_model import IoLayout, ReadRequest, SourceModel
from tests.layers.cases import CASES, LayerCase, hard_inputs
from tests.layers.cases.case import feed, row
from tests.layers.saved_rows import (
    KERAS_MARKS,
    OLD_FORMAT,
    Saved,
    assert_near,
    bundle_module,
    first_of_each_class,
    io_layouts,
    rows_of,
    save,
    several,
    turned,
)

pytestmark = [
    *KERAS_MARKS,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]

KERAS_2_ONLY = (
    row("locally_connected1d", "LocallyConnected1D", feed(7, 3), filters=4, kernel_size=3, strides=2),
    row("locally_connected2d", "LocallyConnected2D", feed(6, 5, 2), filters=3, kernel_size=(3, 2)),
    row("thresholded_relu_keras_2", "ThresholdedReLU", feed(6), theta=0.5),
    row("random_crop_keras_2", "RandomCrop", feed(9, 7, 3), height=4, width=5),
)
"""Layers that Keras 3 has no more, or that did something else."""

FIRST_OF_EACH_CLASS = first_of_each_class(case for case in CASES if case.tf_keras)
"""Rows for Keras 2."""


def _run_torch(bundle: porter.Bundle, saved: Saved) -> list[np.ndarray]:
    """The outputs of the loaded bundle in the source's axis order."""
    import torch

    told = bundle.manifest
    inputs = turned(saved.inputs, told["inputs"], "source_axes", "axes")
    model = bundle_module(bundle.path).load()
    assert not model.training
    with torch.no_grad():
        outputs = several(model(*[torch.from_numpy(np.ascontiguousarray(x)) for x in inputs]))
    arrays = [output.to(torch.float64).numpy() for output in outputs]
    return turned(arrays, told["outputs"], "axes", "source_axes")


def _read(file: Path) -> SourceModel:
    request = ReadRequest((file,))
    return frameworks.source(request.paths, None).read(request)


def _assert_reference(graph: Graph, saved: Saved, io: IoLayout) -> None:
    laid = lay_out(graph, "first", io)
    inputs = [array.transpose(layout.perm) for array, layout in zip(saved.inputs, laid.inputs, strict=True)]
    outputs = [
        array.transpose(np.argsort(layout.perm))
        for array, layout in zip(run(laid.graph, inputs), laid.outputs, strict=True)
    ]
    assert_near(outputs, saved.outputs, saved.limit, f"the laid-out reference ({io})")


@pytest.mark.parametrize("case", rows_of(CASES))
def test_row_computes_the_same(case: LayerCase, tmp_path: Path) -> None:
    saved = save(case, tmp_path)
    graph = normalise(_read(saved.file).graph)
    assert_near(run(graph, saved.inputs), saved.outputs, saved.limit, "the reference")
    for io in io_layouts(saved):
        _assert_reference(graph, saved, io)
        bundle = porter.convert(saved.file, to="torch", out=tmp_path / io, io_layout=io, verify=False)
        assert_near(_run_torch(bundle, saved), saved.outputs, saved.limit, f"torch ({io})")
    _assert_trains(tmp_path / "native", case)


def _assert_trains(folder: Path, case: LayerCase) -> None:
    """In training mode every weight that is trained gets a finite gradient; what is frozen stays so."""
    import torch

    torch.manual_seed(0)
    told = json.loads((folder / "porter.json").read_text(encoding="utf-8"))
    model = bundle_module(folder).load().train()
    inputs = turned(hard_inputs(case, seed=3, batch=4), told["inputs"], "source_axes", "axes")
    outputs = several(model(*[torch.from_numpy(np.ascontiguousarray(x)) for x in inputs]))
    becomes = [entry for row in told["ledger"] for entry in row["becomes"]]
    trained = {entry["key"] for entry in becomes if entry["trainable"]}
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        assert parameter.requires_grad == (name in trained), f"{name}: trained and frozen are confused"
    floating = [output for output in outputs if output.is_floating_point() and output.requires_grad]
    if not floating:
        assert not trained & set(parameters) or not any(o.is_floating_point() for o in outputs)
        return
    sum((output.double() * torch.rand_like(output.double())).sum() for output in floating).backward()
    for name, parameter in parameters.items():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} gets no gradient"
            assert torch.isfinite(parameter.grad).all(), f"{name} gets an infinite gradient"


@pytest.mark.parametrize("case", rows_of([*FIRST_OF_EACH_CLASS, *KERAS_2_ONLY]))
def test_row_computes_the_same_from_keras_2(case: LayerCase, tmp_path: Path) -> None:
    pytest.importorskip("tf_keras")
    saved = save(case, tmp_path, "model.h5", "tf_keras")
    bundle = porter.convert(saved.file, to="torch", out=tmp_path / "native", verify=False)
    assert_near(_run_torch(bundle, saved), saved.outputs, saved.limit, "torch")


@pytest.mark.parametrize("case", rows_of(case for case in CASES if case.name in OLD_FORMAT))
def test_row_computes_the_same_from_hdf5(case: LayerCase, tmp_path: Path) -> None:
    saved = save(case, tmp_path, "model.h5")
    bundle = porter.convert(saved.file, to="torch", out=tmp_path / "native", verify=False)
    assert_near(_run_torch(bundle, saved), saved.outputs, saved.limit, "torch")


def test_rows_of_the_old_format_exist() -> None:
    assert {case.name for case in CASES} >= set(OLD_FORMAT)
