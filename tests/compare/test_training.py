"""What both sides would learn: gradients and one step of training, and the mistakes that only they show."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import porter
from converters.keras.run import KerasModel
from porter import verification
from porter.compare import GradientRow
from porter.sides import side
from porter.source_model import ReadRequest
from porter.verification import training
from porter.verification.settings import Settings
from porter.workers import Job, Learned

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Array = np.ndarray
RNG = np.random.default_rng(5)
INPUT = RNG.standard_normal((6, 7, 5, 3)).astype("float32")


def network() -> keras.Model:
    x = made = keras.Input((7, 5, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = keras.layers.Activation("tanh", name="tanh")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    model = keras.Model(made, keras.layers.Dense(5, activation="softmax", name="scores")(x))
    for variable in model.variables:
        shift = 1.0 if "variance" in variable.path or "gamma" in variable.path else 0.0
        variable.assign(shift + 0.3 * RNG.standard_normal(variable.shape).astype("float32") ** 2)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    folder = tmp_path_factory.mktemp("trained")
    model = network()
    model.save(folder / "model.keras")
    for to in ("torch", "jax"):
        porter.convert(folder / "model.keras", to=to, out=folder / to, verify=False)
    return model, folder


class Fixed:
    """A worker that is in this process."""

    def __init__(self, model: Any, dtypes: Sequence[str]) -> None:
        self.model, self.dtypes = model, dtypes

    def __enter__(self) -> Fixed:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def learn(self, inputs: Sequence[Array], loss: Sequence[Array]) -> Learned:
        found: Learned = self.model.learn(inputs, self.dtypes, loss)
        return found


def opened(job: Job, timeout: float = 0) -> Fixed:
    """The bundle of a job, by its own runner."""
    import importlib
    import importlib.util

    path = Path(job.model["bundle"]) / "model.py"
    spec = importlib.util.spec_from_file_location("bundle_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    runner = importlib.import_module(job.runner)
    made = module.load()
    if job.precision == "float64":
        made = made.double()
    return Fixed(runner.BundleModel(made, job.precision), job.dtypes)


def compared(
    model: keras.Model, source: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[GradientRow, ...], str]:
    a, b = (side(ReadRequest((path,))) for path in (source, bundle))
    plan = verification._plan_of(a, b)
    monkeypatch.setattr(training, "start", opened)
    exact = [np.zeros((6, 5))]
    workers = Fixed(KerasModel(keras, model), ["float32"]), opened(b.job())
    return training.compare_training((a, b), workers, [INPUT], exact, Settings(layers=plan))


def test_a_port_learns_what_its_source_learns(
    saved: tuple[keras.Model, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = saved
    rows, note = compared(model, folder / "model.keras", folder / "torch", monkeypatch)
    assert all(row.equivalent for row in rows), [row.name for row in rows if not row.equivalent]
    kinds = [row.kind for row in rows]
    assert kinds.count("input gradient") == 1
    assert kinds.count("weight gradient") == 6
    assert kinds.count("after one step") == 8
    assert "1 moving variance(s) divide by n - 1" in note, "PyTorch counts so, and Keras does not"
    dense = next(row for row in rows if row.key == "scores.weight")
    assert "->" in dense.axes
    vain = [row for row in rows if (row.kind, row.key) == ("after one step", "conv.bias")]
    assert all(row.scale > 0 for row in rows if row not in vain)
    assert vain[0].scale < 1e-12, "what batch normalisation takes away: its gradient is 0 but for rounding"


def changed(bundle: Path, out: Path, pattern: str, text: str) -> Path:
    shutil.copytree(bundle, out, ignore=shutil.ignore_patterns("__pycache__"))
    before = (out / "model.py").read_text()
    (out / "model.py").write_text(re.sub(pattern, text, before))
    assert (out / "model.py").read_text() != before
    return out


MISTAKES = [
    # what, a pattern in model.py and what takes its place, where it shows
    ("momentum for one minus momentum", r"momentum=0\.1\b", "momentum=0.9", {"after one step"}),
    ("no gradient flows", r"torch\.tanh\(", "torch.tanh(x.detach() if True else ", {"weight gradient"}),
    ("statistics are not updated", r"momentum=0\.1\b", "momentum=0.0", {"after one step"}),
]


@pytest.mark.parametrize(
    ("pattern", "text", "where"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_in_training_is_found(
    pattern: str,
    text: str,
    where: set[str],
    saved: tuple[keras.Model, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, folder = saved
    bundle = changed(folder / "torch", tmp_path / "mutant", pattern, text)
    rows, _ = compared(model, folder / "model.keras", bundle, monkeypatch)
    assert where <= {row.kind for row in rows if not row.equivalent}


def test_a_wrong_weight_shows_in_gradients_too(
    saved: tuple[keras.Model, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = saved
    shutil.copytree(folder / "torch", tmp_path / "mutant", ignore=shutil.ignore_patterns("__pycache__"))
    weights = load_file(tmp_path / "mutant" / "model.safetensors")
    weights["conv.weight"] = np.flip(weights["conv.weight"], (2, 3)).copy()
    save_file(weights, tmp_path / "mutant" / "model.safetensors")
    rows, _ = compared(model, folder / "model.keras", tmp_path / "mutant", monkeypatch)
    assert not all(row.equivalent for row in rows)


@pytest.mark.parametrize(
    ("workers", "said"),
    [((object(), object()), "of a recording"), ((None, None), "of a recording")],
)
def test_what_cannot_be_asked_is_told(workers: tuple[Any, Any], said: str, saved: Any) -> None:
    _, folder = saved
    a, b = (side(ReadRequest((folder / name,))) for name in ("model.keras", "torch"))
    plan = verification._plan_of(a, b)
    rows, why = training.compare_training((a, b), workers, [INPUT], [np.zeros((6, 5))], Settings(layers=plan))
    assert rows == ()
    assert said in why


def test_flax_learns_the_same_as_keras(saved: tuple[keras.Model, Path]) -> None:
    """Without double precision, which JAX switches on for a whole process: side by side."""
    model, folder = saved
    b = side(ReadRequest((folder / "jax",)))
    loss = [RNG.standard_normal((6, 5))]
    theirs = opened(b.job()).learn([INPUT], loss)
    ours = Fixed(KerasModel(keras, model), ["float32"]).learn([INPUT], loss)
    assert ours.inputs[0] is not None
    assert theirs.inputs[0] is not None
    np.testing.assert_allclose(theirs.inputs[0], ours.inputs[0], atol=1e-6)
    np.testing.assert_allclose(theirs.gradients["conv.kernel"], ours.gradients["conv/kernel"], atol=1e-5)
    np.testing.assert_allclose(theirs.step["norm.mean"], ours.step["norm/moving_mean"], atol=1e-5)
    np.testing.assert_allclose(theirs.step["norm.var"], ours.step["norm/moving_variance"], atol=1e-5)
    np.testing.assert_allclose(theirs.step["norm.scale"], ours.step["norm/gamma"], atol=1e-5)
