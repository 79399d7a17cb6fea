"""Factories with weights in every format, bad weights, and models that cannot be carried."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import porter
from porter.errors import PorterError, RequestError, UnsupportedModel, WeightsError
from porter.factories import Factory
from porter.graph.run import OWN, run
from porter.source_model import LiveModel, ReadRequest, SourceModel
from porter.weights.files import write_h5, write_safetensors
from porter.weights.msgpack import write_msgpack
from porter.weights.tensor import Constant

pytest.importorskip("flax")

CODE = """
import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import nnx


class Net(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(3, 4, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x):
        return self.last(self.drop(nnx.relu(self.first(x))))


class Small(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.BatchNorm(use_running_average=not train)(nn.Dense(2)(x))


def module():
    return Net(nnx.Rngs(0))


def linen():
    return Small()


def function():
    return apply


def apply(params, x):
    for layer in params["layers"]:
        x = jnp.tanh(x @ layer["w"])
    return x


def random():
    return lambda params, x: x + params["w"] * jax.random.normal(jax.random.key(0), x.shape)


def talking():
    def apply(params, x):
        jax.debug.print("{}", x.sum())
        return x * params["w"]

    return apply


def endless():
    def apply(params, x):
        looped = jax.lax.while_loop(lambda v: v.sum() < 10, lambda v: v * 2, x)
        return looped + jnp.fft.fft(x * params["w"]).real

    return apply


def devices():
    mesh = jax.sharding.Mesh(jax.devices()[:1], ("d",))
    whole = jax.sharding.PartitionSpec()

    def apply(params, x):
        def summed(v):
            return jax.lax.psum(v * params["w"], "d")

        return jax.shard_map(summed, mesh=mesh, in_specs=whole, out_specs=whole)(x)

    return apply


def asking():
    return lambda params, x: jax.pure_callback(lambda v: v, x, x) * params["w"]


def branching():
    return lambda params, x: x * params["w"] if x.sum() > 0 else x


def wordy():
    return lambda params, x: {"y": x * params["w"], "name": "net"}


def silent():
    return lambda params, x: None


def remembering():
    class Counter(nnx.Module):
        def __init__(self):
            self.seen = nnx.Variable(jnp.zeros(()))

        def __call__(self, x):
            self.seen[...] = self.seen[...] + 1
            return x + self.seen[...]

    return Counter()
"""

NET = {"first.kernel": (3, 4), "first.bias": (4,), "last.kernel": (4, 2), "last.bias": (2,)}
LAYERS = {"layers.0.w": (3, 4), "layers.1.w": (4, 2)}
SMALL = {
    "params.Dense_0.kernel": (3, 2),
    "params.Dense_0.bias": (2,),
    "params.BatchNorm_0.scale": (2,),
    "params.BatchNorm_0.bias": (2,),
    "batch_stats.BatchNorm_0.mean": (2,),
    "batch_stats.BatchNorm_0.var": (2,),
}
ONE = {"w": (3,)}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("jax_code") / "net.py"
    file.write_text(CODE, encoding="utf-8")
    return file


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {key: rng.random(shape).astype("float32") + 0.1 for key, shape in shapes.items()}


def written(folder: Path, kind: str, arrays: dict[str, np.ndarray]) -> Path:
    """A weights file of that kind."""
    path = folder / f"weights.{kind}"
    if kind == "orbax":
        from converters.jax.orbax import write_orbax

        write_orbax(path, {key: Constant(array) for key, array in arrays.items()})
        return path
    if kind == "npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
        return path
    write = {"safetensors": write_safetensors, "h5": write_h5, "msgpack": write_msgpack}[kind]
    write(path, {key: Constant(array) for key, array in arrays.items()}, None)
    return path


def read(code: Path, name: str, weights: Path | None) -> SourceModel:
    from converters.jax.reading.source import read_source

    request = ReadRequest((), factory=Factory(str(code), name), weights=weights, input_shapes={"": (2, 3)})
    return read_source(request)


@pytest.mark.parametrize(
    ("name", "shapes", "kind"),
    [
        ("module", NET, "safetensors"),
        ("module", NET, "npz"),
        ("linen", SMALL, "msgpack"),
        ("linen", SMALL, "orbax"),
        ("function", LAYERS, "h5"),
    ],
)
def test_weights_of_files(
    code: Path, tmp_path: Path, name: str, shapes: dict[str, tuple[int, ...]], kind: str
) -> None:
    arrays = filled(shapes)
    model = read(code, name, written(tmp_path, kind, arrays))
    assert {row.array.key for row in model.ledger} == set(arrays)
    assert all(row.used_by for row in model.ledger)
    x = np.ones((2, 3), "float32")
    (got,) = run(model.graph, [x], OWN)
    np.testing.assert_allclose(got, EXPECTED[name](arrays, x), rtol=1e-5, atol=1e-6)


def _net(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    hidden = np.maximum(x @ w["first.kernel"] + w["first.bias"], 0)
    return np.asarray(hidden @ w["last.kernel"] + w["last.bias"])


def _small(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    x = x @ w["params.Dense_0.kernel"] + w["params.Dense_0.bias"]
    x = (x - w["batch_stats.BatchNorm_0.mean"]) / np.sqrt(w["batch_stats.BatchNorm_0.var"] + 1e-5)
    return np.asarray(x * w["params.BatchNorm_0.scale"] + w["params.BatchNorm_0.bias"])


EXPECTED: dict[str, Any] = {
    "module": _net,
    "linen": _small,
    "function": lambda w, x: np.tanh(np.tanh(x @ w["layers.0.w"]) @ w["layers.1.w"]),
}


def test_all_misfits_at_once(code: Path, tmp_path: Path) -> None:
    arrays = filled({"first.kernel": (3, 5), "first.bias": (4,), "last.kernel": (4, 2), "odd": (1,)})
    with pytest.raises(WeightsError) as refused:
        read(code, "module", written(tmp_path, "safetensors", arrays))
    told = str(refused.value)
    assert "3 array(s) do not fit" in told
    for words in (
        "first.kernel: is [3, 5] in the file, and [3, 4]",
        "last.bias: is missing",
        "odd: is in the file",
    ):
        assert words in told


def test_training_states(code: Path, tmp_path: Path) -> None:
    """Counters, and what an optimizer remembers, are no part of a model."""
    arrays = filled(SMALL)
    state = {"step": np.array(3), "opt_state.0.mu.Dense_0.bias": np.zeros(2, "float32")}
    model = read(code, "linen", written(tmp_path, "msgpack", {**arrays, **state}))
    assert {row.array.key for row in model.ledger} == set(arrays)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x04K\x01.", "pickles are never read"),
        (b"\x81\xa1w\xc7\xff", "damaged"),
        (b"PK\x03\x04", "neither"),
    ],
)
def test_files_that_are_none(code: Path, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "weights"
    file.write_bytes(content)
    with pytest.raises(PorterError, match=words):
        read(code, "module", file)


def test_folders_of_several_checkpoints(code: Path, tmp_path: Path) -> None:
    for step in "12":
        (tmp_path / step / "default").mkdir(parents=True)
        (tmp_path / step / "default" / "_METADATA").write_text("{}")
    with pytest.raises(PorterError, match=r"several checkpoints; name one: .*1.default"):
        read(code, "module", tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("random", UnsupportedModel, ("net.py:", "draws random numbers")),
        ("talking", UnsupportedModel, ("net.py:", "calls back into Python")),
        ("devices", UnsupportedModel, ("net.py:", "shard_map: speaks to other devices")),
        ("asking", UnsupportedModel, ("net.py:", "pure_callback: calls back into Python")),
        ("branching", RequestError, ("net.py:", "depends on the numbers")),
        ("wordy", UnsupportedModel, ("returns a str",)),
        ("silent", UnsupportedModel, ("returns no array",)),
        ("endless", UnsupportedModel, ("2 operation(s)", "how many steps it takes", "complex numbers")),
    ],
)
def test_refusals(
    code: Path, tmp_path: Path, name: str, kind: type[PorterError], words: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as refused:
        read(code, name, written(tmp_path, "npz", filled(ONE)))
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_converted_and_verified(
    code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command; then a refusal's one sentence, and a bundle read back without JAX."""
    pytest.importorskip("torch")
    from porter.cli.main import main

    weights = written(tmp_path, "safetensors", filled(NET))
    given = [f"{code}:module", "--weights", str(weights), "--from", "jax", "--input-shape", "2,3", "--quiet"]
    assert main(["convert", *given, "--to", "torch", "-o", str(tmp_path / "torch")]) == 0
    assert "\nequivalent: " in capsys.readouterr().out
    other = [f"{code}:devices", *given[1:]]
    assert main(["convert", *other, "--to", "torch", "-o", str(tmp_path / "none")]) == 2
    assert "asks for 'w', which is not there (at net.py:" in capsys.readouterr().err
    assert main(["convert", *given, "--to", "jax", "-o", str(tmp_path / "jax"), "--no-verify"]) == 0
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "flax", None)
    back = ["convert", str(tmp_path / "jax"), "--to", "torch", "-o", str(tmp_path / "back"), "--no-verify"]
    assert main([*back, "--quiet"]) == 0
    first, again = (load_file(tmp_path / name / "model.safetensors") for name in ("torch", "back"))
    assert first.keys() == again.keys()
    assert all((first[key] == again[key]).all() for key in first)


def test_state_is_refused(code: Path) -> None:
    with pytest.raises(UnsupportedModel, match="overwrites seen as it runs"):
        read(code, "remembering", None)


def test_a_live_model_needs_examples(code: Path) -> None:
    from converters.jax.reading.live import read_live

    with pytest.raises(RequestError, match="give example inputs"):
        read_live(LiveModel(Factory(str(code), "module").model))


def test_a_function_needs_its_parameters(code: Path) -> None:
    with pytest.raises(RequestError, match="needs its parameters"):
        read(code, "function", None)


def test_a_live_module_becomes_torch() -> None:
    torch = pytest.importorskip("torch")
    import jax.numpy as jnp
    from flax import nnx

    module = nnx.Sequential(nnx.Linear(3, 4, rngs=nnx.Rngs(0)), nnx.relu, nnx.Linear(4, 2, rngs=nnx.Rngs(1)))
    x = np.random.default_rng(0).random((2, 3)).astype("float32")
    made = porter.to_torch(module, x, verify=False)
    found = made(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(found, np.asarray(module(jnp.asarray(x))), rtol=1e-5, atol=1e-6)
    kinds = [type(part).__name__ for part in made.modules()]
    assert kinds.count("Linear") == 2
