"""Layers of a user's own: `--custom FILE.py`, by the example of the documentation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.custom import custom_rules, reads
from porter.errors import RequestError, UnsupportedModel
from tests.conftest import ROOT

# Third-party: Keras calls np.array on TensorFlow variables, whose __array__ NumPy 2 calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PAGE = (ROOT / "docs" / "custom.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

needs_keras = pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    """The documentation's `my_layers.py`."""
    (text,) = [block for block in BLOCKS if block.startswith("# my_layers.py")]
    file = tmp_path / "my_layers.py"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def model() -> Any:
    """A model with two layers of the documentation's class, all weights random."""
    import keras

    names: dict[str, Any] = {"keras": keras}
    (text,) = [block for block in BLOCKS if "class GatedResidual(keras.layers.Layer)" in block]
    exec(text, names)
    keras.backend.clear_session()
    x = keras.Input((6,), name="x")
    y = keras.layers.Dense(4, name="first")(x)
    for name in ("gated", "again"):
        y = names["GatedResidual"](4, name=name)(y)
    made = keras.Model(x, y, name="mine")
    rng = np.random.default_rng(3)
    for variable in made.weights:
        variable.assign(rng.normal(size=variable.shape))
    return made


@needs_keras
@needs_torch
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_the_documentations_example(name: str, model: Any, rule_file: Path, tmp_path: Path) -> None:
    import torch

    model.save(tmp_path / name)
    bundle = porter.convert(
        tmp_path / name, to="torch", out=tmp_path / "out", custom=[rule_file], verify=False
    )
    source = (bundle.path / "model.py").read_text(encoding="utf-8")
    (shown,) = [block for block in BLOCKS if block.startswith("class GatedResidual(nn.Module)")]
    for line in shown.partition("    def forward")[0].splitlines():
        assert line in source
    names: dict[str, Any] = {"__file__": str(bundle.path / "model.py"), "__name__": "model"}
    exec(compile(source, "model.py", "exec"), names)
    x = np.random.default_rng(4).normal(size=(5, 6)).astype("float32")
    with torch.no_grad():
        got = names["load"]()(torch.from_numpy(x)).numpy()
    want = np.asarray(model(x))
    assert float(np.abs(got - want).max()) <= 1e-5 * float(np.abs(want).max())


@needs_keras
def test_without_the_rule_the_layer_is_named(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModel, match=r"gated \(GatedResidual\): this class .* --custom"):
        porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)
    assert not (tmp_path / "out").exists()


WRONG_RULES = {
    "return 3": "must return a value",
    "return layer.conifg": "failed with AttributeError",
    "return layer.add(None, layer.value)": "failed with AttributeError",
    "raise RuntimeError('not thought of')": "failed with RuntimeError: not thought of",
    "raise layer.refuse('units of 4 are not covered')": "units of 4 are not covered",
}


@needs_keras
@pytest.mark.parametrize("body", WRONG_RULES)
def test_a_rule_that_fails_is_the_users_error(body: str, model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    file = tmp_path / "rules.py"
    file.write_text(f"def rule(layer):\n    {body}\n\nLAYERS = {{'GatedResidual': rule}}\n", encoding="utf-8")
    with pytest.raises(UnsupportedModel, match=WRONG_RULES[body]):
        porter.convert(
            tmp_path / "model.keras", to="torch", out=tmp_path / "out", custom=[file], verify=False
        )


WRONG_FILES = {
    "": "no function in it is marked",
    "x = (": "SyntaxError",
    "import no_such_module_at_all": "ModuleNotFoundError",
    "LAYERS = 3": "LAYERS must be a dict",
    "LAYERS = {'A': 3}": "the rule for A is no function",
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_a_file_that_says_nothing_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=WRONG_FILES[text]):
        custom_rules([file])


def test_two_rules_for_one_class_are_refused(rule_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("LAYERS = {'GatedResidual': print}", encoding="utf-8")
    with pytest.raises(RequestError, match="both have a rule for 'GatedResidual'"):
        custom_rules([rule_file, other])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no such file"):
        custom_rules([tmp_path / "gone.py"])


def test_marks_add_up() -> None:
    @reads("A", "B")
    @reads("C")
    def rule(layer: Any) -> Any:
        return layer

    assert set(rule.__porter_reads__) == {"A", "B", "C"}  # type: ignore[attr-defined]
