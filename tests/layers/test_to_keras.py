"""Every row of the layer tables, from a saved Keras file to Keras again: the numbers, and what is trained.

A row is saved, converted without Keras, and its `model.keras` is loaded by Keras, with `model.py` imported
where it has layers of its own. Nets are also built by their `model.py`, read back, and run on other backends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter import frameworks
from porter.graph.model import Graph
from porter.graph.run import run
from porter.graph.serial import to_json
from porter.normalise import normalise
from porter.source_model import ReadRequest
from tests.layers.cases import CASES, LayerCase
from tests.layers.saved_rows import (
    KERAS_MARKS,
    OLD_FORMAT,
    Saved,
    assert_near,
    bundle_module,
    io_layouts,
    keras_outputs,
    rows_of,
    save,
    turned,
)

pytestmark = KERAS_MARKS

ROOT = Path(__file__).parents[2]

NOT_WRITTEN: dict[str, str] = {}
"""Rows that Keras has no layer for, and a part of what is said of them."""


def _converted(saved: Saved, out: Path, **options: Any) -> porter.Bundle:
    return porter.convert(saved.file, to="tf", out=out, verify=False, **options)


def _outputs(bundle: porter.Bundle, model: Any, saved: Saved) -> list[np.ndarray]:
    """What a model of the bundle says, in the source's axis order."""
    told = bundle.manifest
    given = turned(saved.inputs, told["inputs"], "source_axes", "axes")
    return turned(keras_outputs(model, given), told["outputs"], "axes", "source_axes")


def _has_own_layers(bundle: porter.Bundle) -> bool:
    return "register_keras_serializable" in (bundle.path / "model.py").read_text(encoding="utf-8")


def _loaded(bundle: porter.Bundle) -> Any:
    import keras

    if _has_own_layers(bundle):
        bundle_module(bundle.path)
    return keras.models.load_model(bundle.path / "model.keras", compile=False)


WRITTEN = [case for case in CASES if case.name not in NOT_WRITTEN]


@pytest.mark.parametrize("case", rows_of(WRITTEN, thinned=True))
def test_row_computes_the_same(case: LayerCase, tmp_path: Path) -> None:
    saved = save(case, tmp_path)
    for io in io_layouts(saved) if "first" in case.name else ("native",):
        bundle = _converted(saved, tmp_path / io, io_layout=io)
        model = _loaded(bundle)
        assert_near(_outputs(bundle, model, saved), saved.outputs, saved.limit, f"Keras ({io})")
    _assert_trains(bundle, model)


def _assert_trains(bundle: porter.Bundle, model: Any) -> None:
    """What is trained in the source, and only that, is trained in Keras."""
    becomes = [entry for row in bundle.manifest["ledger"] for entry in row["becomes"]]
    trained = {entry["key"] for entry in becomes if entry["trainable"]}
    assert len(model.trainable_variables) >= len(trained)
    assert bool(model.trainable_variables) == bool(trained)


NETS = (*OLD_FORMAT, "bilstm_classifier", "transformer_encoder", "precision_mixed_float16")
"""Rows whose code is run, and which are read back: every kind of nesting and of weight."""


@pytest.mark.parametrize("case", rows_of(case for case in CASES if case.name in NETS))
def test_code_and_archive_are_one_model(case: LayerCase, tmp_path: Path) -> None:
    """`model.py` builds it, `model.json` says it, porter reads it back: the same, three times."""
    import keras

    saved = save(case, tmp_path)
    bundle = _converted(saved, tmp_path / "out")
    built = bundle_module(bundle.path).load()
    assert_near(_outputs(bundle, built, saved), saved.outputs, saved.limit, "model.py")
    architecture = keras.models.model_from_json((bundle.path / "model.json").read_text(encoding="utf-8"))
    assert [layer.name for layer in architecture.layers] == [layer.name for layer in built.layers]
    architecture.load_weights(bundle.path / "model.weights.h5")
    for ours, theirs in zip(architecture.weights, built.weights, strict=True):
        assert np.array_equal(ours, theirs), ours.path
    if _has_own_layers(bundle):
        return  # which porter reads from its own manifest only
    again = _graph(bundle.path / "model.keras")
    assert_near(run(again, saved.inputs), saved.outputs, saved.limit, "read back")
    second = porter.convert(bundle.path / "model.keras", to="tf", out=tmp_path / "again", verify=False)
    assert _plain(_graph(second.path / "model.keras")) == _plain(again)


def _graph(file: Path) -> Graph:
    request = ReadRequest((file,))
    return normalise(frameworks.source(request.paths, None).read(request).graph)


def _plain(graph: Graph) -> Any:
    told = to_json(graph, lambda param: {"shape": list(param.tensor.shape)})
    return json.loads(json.dumps({key: told[key] for key in ("nodes", "values", "outputs")}))


ELSEWHERE = (
    "average_pooling2d_same_3_stride_2_odd", "max_pooling2d_same_3_stride_2_odd",
    "conv2d_same_stride_2_odd", "conv2d_transpose_same", "separable_conv2d", "batch_norm_image", "resnet",
    "unet", "lstm_state_sequences", "bidirectional_lstm_concat", "gru_reset_before_sequences",
    "multi_head_causal", "shared_layer", "multi_io",
)  # fmt: skip
"""Rows for the other backends: where they differ from TensorFlow, if they do."""

RUN = """
import importlib.util, json, sys
import numpy as np
for job in json.load(sys.stdin):
    spec = importlib.util.spec_from_file_location("made", job["folder"] + "/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import keras
    data = np.load(job["inputs"])
    given = [data[name] for name in sorted(data.files)]
    given = given if len(given) > 1 else given[0]
    archive = keras.models.load_model(job["folder"] + "/model.keras")
    for kind, model in (("py", module.load()), ("keras", archive)):
        outputs = model.predict(given, verbose=0)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        np.savez(job["folder"] + f"/said_{kind}.npz", *outputs)
"""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[LayerCase, Saved, porter.Bundle]]:
    made = []
    for case in CASES:
        if case.name in ELSEWHERE:
            folder = tmp_path_factory.mktemp(case.name)
            saved = save(case, folder)
            made.append((case, saved, _converted(saved, folder / "out")))
    return made


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_compute_the_same(
    backend: str, bundles: list[tuple[LayerCase, Saved, porter.Bundle]]
) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    jobs = []
    for _, saved, bundle in bundles:
        inputs = bundle.path / "inputs.npz"
        np.savez(inputs, *saved.inputs)
        jobs.append({"folder": str(bundle.path), "inputs": str(inputs)})
    env = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(jobs), text=True, env=env, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for case, saved, bundle in bundles:
        for kind in ("py", "keras"):
            with np.load(bundle.path / f"said_{kind}.npz") as data:
                said = [data[name] for name in sorted(data.files)]
            assert_near(said, saved.outputs, 5 * saved.limit, f"{case.name} on {backend} ({kind})")


def test_rows_that_are_named_exist() -> None:
    assert {case.name for case in CASES} >= {*NOT_WRITTEN, *ELSEWHERE}


@pytest.mark.parametrize("seed", range(8))
def test_weight_files_follow_keras_order_of_layers(seed: int, tmp_path: Path) -> None:
    """Keras counts layers of a class in an order that depends on the whole graph."""
    import keras

    random = np.random.default_rng(seed)
    inputs = [keras.Input((3,), name=f"in_{k}") for k in range(1 + seed % 2)]
    values, shared = list(inputs), keras.layers.Dense(3, name="shared")
    for step in range(10):
        a, b = (values[int(k)] for k in random.integers(0, len(values), 2))
        kind = int(random.integers(0, 4))
        if kind == 0:
            values.append(shared(a))
        elif kind == 1 and a is not b:
            values.append(keras.layers.Multiply(name=f"join_{step}")([a, b]))
        else:
            values.append(keras.layers.Dense(3, activation="tanh", name=f"dense_{step}")(a))
    outputs = [values[-1], *(values[int(k)] for k in random.integers(len(inputs), len(values), 2))]
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name="net")
    model.save(tmp_path / "model.keras")
    given = [random.normal(size=(4, 3)).astype("float32") for _ in inputs]
    saved = Saved(tmp_path / "model.keras", given, keras_outputs(model, given), 1e-5)
    bundle = _converted(saved, tmp_path / "out")
    assert_near(_outputs(bundle, _loaded(bundle), saved), saved.outputs, saved.limit, "Keras")
