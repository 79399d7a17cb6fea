"""Verification from end to end: real workers, real files, through the library and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import porter
from porter.errors import RequestError
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.conftest import ROOT, Finished

FIXTURES = ROOT / "fixtures"
CNN = FIXTURES / "unet_small"


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> porter.Bundle:
    """A small network with images at both ends, converted and verified."""
    return porter.convert(CNN, to="torch", out=tmp_path_factory.mktemp("verified") / "unet")


def test_convert_verifies_against_keras_and_reference(verified: porter.Bundle) -> None:
    found = verified.verification
    assert found is not None
    assert found.equivalent
    assert found.verdict.startswith("equivalent: PyTorch (unet) computes what Keras (unet_small) computes")
    assert {row.inputs for row in found.outputs} == {"ordinary", "large"}
    for row in found.outputs:
        assert row.a is not None
        assert row.a.times < 8
        assert row.b.times < 8
        assert row.between is not None
    assert len(found.layers) > 10
    assert all(row.equivalent for row in found.layers)
    assert found.environment["a"]["framework"] == "Keras"
    assert found.environment["b"]["framework"] == "PyTorch"


def test_the_report_lies_in_the_bundle(verified: porter.Bundle) -> None:
    report = json.loads((verified.path / "report.json").read_text())
    manifest = json.loads((verified.path / "porter.json").read_text())
    assert verified.verification is not None
    assert report == json.loads(json.dumps(verified.verification.to_dict()))
    assert manifest["verification"] == {
        "equivalent": True,
        "verdict": report["verdict"],
        "report": "report.json",
    }
    left = sorted(path.name for path in verified.path.iterdir())
    assert left == ["model.py", "model.safetensors", "porter.json", "report.html", "report.json"]


def test_without_verifying_there_is_no_report(tmp_path: Path) -> None:
    bundle = porter.convert(CNN, to="torch", out=tmp_path / "unet", verify=False)
    assert bundle.verification is None
    assert not (tmp_path / "unet" / "report.json").exists()


def mutant(bundle: Path, out: Path) -> Path:
    weights = load_file(bundle / "model.safetensors")
    key = next(key for key, array in weights.items() if array.ndim == 4)
    weights[key] = weights[key][..., ::-1].copy()
    out.mkdir()
    save_file(weights, out / "model.safetensors")
    for name in ("model.py", "porter.json"):
        (out / name).write_text((bundle / name).read_text())
    return out


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles run in this process, and Keras not at all: starting a framework takes seconds."""
    monkeypatch.setattr(contestant, "start", InProcess)


SIDES = [
    # a, b (BUNDLE and MUTANT are made of the U-Net), equivalent, whether in processes of their own
    ("BUNDLE", CNN, True, "workers"),
    ("BUNDLE", CNN / "io.npz", True, "here"),
    (CNN / "io.npz", CNN, True, "workers"),
    ("BUNDLE", "MUTANT", False, "here"),
    ("MUTANT", CNN / "io.npz", False, "here"),
    (FIXTURES / "nested_shared", FIXTURES / "nested_shared_keras2", True, "workers"),
    (FIXTURES / "mnist_cnn_keras3", FIXTURES / "mnist_cnn_keras3_pair", False, "here"),
]


@pytest.mark.parametrize(("a", "b", "same", "run"), SIDES, ids=lambda item: getattr(item, "name", str(item)))
def test_sides(
    a: str | Path,
    b: str | Path,
    same: bool,
    run: str,
    verified: porter.Bundle,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if run == "here":
        request.getfixturevalue("here")
    sides = {"BUNDLE": verified.path}
    if "MUTANT" in (a, b):
        sides["MUTANT"] = mutant(verified.path, tmp_path / "mutant")
    found = porter.verify(sides.get(str(a), a), sides.get(str(b), b), report=tmp_path / "report")
    assert found.equivalent is same, found.verdict
    assert json.loads((tmp_path / "report" / "report.json").read_text())["equivalent"] is same


@pytest.mark.usefixtures("here")
def test_a_recording_in_the_bundles_own_order(verified: porter.Bundle, tmp_path: Path) -> None:
    recorded = np.load(CNN / "io.npz")
    turned = {name: np.moveaxis(recorded[name], -1, 1) for name in ("x0", "y0")}
    np.savez(tmp_path / "native.npz", **turned)
    assert porter.verify(tmp_path / "native.npz", verified.path).equivalent


@pytest.mark.usefixtures("here")
def test_inputs_of_ones_own_and_tolerance(verified: porter.Bundle) -> None:
    found = porter.verify(CNN, verified.path, inputs=CNN / "io.npz", tolerance="1e-4,1e-4")
    assert found.equivalent
    assert {row.inputs for row in found.outputs} == {"io.npz"}
    assert not porter.verify(CNN, verified.path, inputs=CNN / "io.npz", tolerance=(0.0, 0.0)).equivalent


def test_a_source_that_cannot_be_run_is_stood_in_for(tmp_path: Path) -> None:
    """Batch-norm layers of this file were trained on channels first, which TensorFlow's kernels refuse."""
    case = FIXTURES / "legacy" / "keras2.2.4-tf1.12.0" / "resnet_small_cf"
    files = [case / "model.json", case / "weights.h5"]
    bundle = porter.convert(files, to="torch", out=tmp_path / "resnet", source_backend="theano")
    found = bundle.verification
    assert found is not None
    assert any("the reference stands in" in note for note in found.notes)
    assert all(row.a is None for row in found.outputs)


def refused(*words: object, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        porter.verify(*words)  # type: ignore[arg-type]


def test_requests_that_make_no_sense(verified: porter.Bundle, tmp_path: Path) -> None:
    np.savez(tmp_path / "gap.npz", x0=np.zeros(1), x2=np.zeros(1), y0=np.zeros(1))
    np.savez(tmp_path / "other.npz", x0=np.zeros((1, 5, 5, 5), "float32"), y0=np.zeros(1))
    np.savez(tmp_path / "inputs.npz", x0=np.zeros((1, 8, 12, 3), "float32"))
    refused(CNN / "io.npz", CNN / "io.npz", said="both recordings")
    refused(tmp_path / "gap.npz", verified.path, said="without gaps")
    refused(tmp_path / "other.npz", verified.path, said=r"holds inputs of \(1, 5, 5, 5\)")
    refused(tmp_path / "inputs.npz", verified.path, said="no recorded outputs")
    refused(CNN, FIXTURES / "text_conv1d", said="cannot be run on the same inputs")
    with pytest.raises(RequestError, match="neither 'auto' nor two numbers"):
        porter.verify(CNN, verified.path, tolerance="loose")


def test_the_command_line_says_it_all(
    porter: Callable[..., Finished], verified: porter.Bundle, tmp_path: Path
) -> None:
    done = porter("verify", CNN, verified.path, "--per-layer", "--junit", tmp_path / "junit.xml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("equivalent: ")
    assert "a to reference" in done.stdout
    assert "down_1_conv_a" in done.stdout
    bad = mutant(verified.path, tmp_path / "mutant")
    done = porter("verify", CNN, bad, "--json", "--quiet", "--report", tmp_path / "report")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["equivalent"] is False
    assert told == json.loads((tmp_path / "report" / "report.json").read_text())
    assert done.stderr == ""


def test_a_bundle_that_cannot_be_run_is_never_taken_on_trust(
    porter: Callable[..., Finished], verified: porter.Bundle, tmp_path: Path
) -> None:
    """Without torch a bundle's own code cannot be tried, so there is no verdict; converting says so."""
    (tmp_path / "torch.py").write_text("raise ImportError('not here')")
    env = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = porter("verify", CNN, verified.path, **env)
    assert done.returncode == 2
    assert "PyTorch is not installed" in done.stderr
    done = porter("convert", CNN, "--to", "torch", "-o", tmp_path / "out", **env)
    assert done.returncode == 0
    assert "not verified" in done.stdout
    assert "PyTorch is not installed" in done.stderr


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("other", "same"), [("mnist_cnn_keras3", True), ("mnist_cnn_keras2", False)])
def test_two_models_that_no_framework_runs(other: str, same: bool) -> None:
    """What porter reads of their files stands in for both, and the report says so."""
    found = porter.verify(FIXTURES / "mnist_cnn_keras3", FIXTURES / other)
    assert found.equivalent is same
    assert "what porter read of it stands in" in found.notes[0]
    assert "the reference stands in" in found.notes[1]
