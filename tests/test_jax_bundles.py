"""Bundles for JAX do what JAX people do with a model: compile it, map it, derive it, train it, save it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.errors import PorterError
from porter.weights.reading import stored_tensors
from tests.layers.cases import CASES
from tests.layers.saved_rows import bundle_module, save

os.environ.setdefault("JAX_PLATFORMS", "cpu")
pytestmark = pytest.mark.skipif(importlib.util.find_spec("flax") is None, reason="Flax is not installed")

FIXTURES = Path(__file__).parents[1] / "fixtures"
IMAGES = ("resnet_small", "efficientnet_small", "unet_small")
SEVERAL = (*IMAGES, "bilstm_classifier", "multi_io", "nested_shared")
FORMATS = ("safetensors", "h5", "msgpack", "orbax")
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Converts a fixture (once) and loads it anew."""
    folders: dict[str, Path] = {}

    def load(name: str) -> Any:
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name) / "bundle"
            convert(name, folders[name])
        return bundle_module(folders[name]).load()

    return load


def convert(name: str, out: Path, **options: Any) -> porter.Bundle:
    suffixes = (".json", ".h5", ".keras")
    files = [path for path in sorted((FIXTURES / name).iterdir()) if path.suffix in suffixes]
    return porter.convert(files, to="jax", out=out, verify=False, **options)


def recorded(name: str, letter: str = "x") -> list[np.ndarray]:
    with np.load(FIXTURES / name / "io.npz") as file:
        return [file[key] for key in sorted(file.files) if key[0] == letter]


def leaves(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(output) for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def assert_close(got: Any, want: Any) -> None:
    for here, there in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_allclose(here, there, **CLOSE)


@pytest.mark.parametrize("name", SEVERAL)
def test_all_ways_of_running_agree(loaded: Callable[..., Any], name: str) -> None:
    import jax
    from flax import nnx

    model, inputs = loaded(name), recorded(name)
    graphdef, params, rest = nnx.split(model, nnx.Param, ...)

    def apply(params: Any, *inputs: Any) -> Any:
        return nnx.merge(graphdef, params, rest)(*inputs)

    def single(*inputs: Any) -> Any:
        return jax.tree.map(lambda output: output[0], model(*(one[None] for one in inputs)))

    wanted = tuple(recorded(name, "y"))
    assert_close(model(*inputs), wanted)
    assert_close(nnx.jit(lambda model, *inputs: model(*inputs))(model, *inputs), wanted)
    assert_close(jax.jit(apply)(params, *inputs), wanted)
    assert_close(jax.jit(apply)(nnx.to_pure_dict(params), *inputs), wanted)
    assert_close(jax.jit(model)(*inputs), wanted)
    assert_close(jax.vmap(single)(*inputs), wanted)


@pytest.mark.parametrize("name", SEVERAL)
def test_gradients_reach_every_kernel(loaded: Callable[..., Any], name: str) -> None:
    import jax
    from flax import nnx

    inputs = recorded(name)
    graphdef, params, rest = nnx.split(loaded(name), nnx.Param, ...)
    shares = [np.random.default_rng(1).random(array.shape) for array in recorded(name, "y")]

    def loss(params: Any) -> Any:
        outputs = nnx.merge(graphdef, params, rest)(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return sum((output * share).sum() for output, share in zip(outputs, shares, strict=True))

    for path, grad in nnx.to_flat_state(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(grad.get_value()).all(), path
        # what a bias adds may cancel out: in both branches of a difference, before a norm
        assert path[-1] == "bias" or np.any(grad.get_value()), f"{path} plays no part"


@pytest.mark.parametrize("name", ["resnet_small", "bilstm_classifier"])
def test_one_compilation_per_shape(loaded: Callable[..., Any], name: str) -> None:
    """Whichever way it is compiled; also in training, which changes numbers of the module at each step."""
    import jax
    from flax import nnx

    model = loaded(name)
    graphdef, state = nnx.split(model)
    (x,) = recorded(name)
    traced: dict[str, list[int]] = {"function": [], "module": []}

    @jax.jit
    def apply(state: Any, x: Any) -> Any:
        traced["function"].append(x.shape[0])
        return nnx.merge(graphdef, state)(x)

    @nnx.jit
    def call(model: Any, x: Any) -> Any:
        traced["module"].append(x.shape[0])
        return model(x)

    for size in (1, 3, 1, 3):
        several = np.repeat(x[:1], size, axis=0)
        assert_close(call(model, several), apply(state, several))
    assert traced == {"function": [1, 3], "module": [1, 3]}
    model.train()
    for _ in range(3):
        call(model, x)
    assert traced["module"] == [1, 3, len(x)]


@pytest.mark.parametrize("name", IMAGES)
def test_images_stay_as_they_lie(loaded: Callable[..., Any], name: str, tmp_path: Path) -> None:
    """Keras and Flax agree on the order of axes: nothing is transposed (but inside a resize by products)."""
    import jax

    bundle = convert(name, tmp_path / "bundle")
    assert bundle.manifest["transposes"] == []
    assert [one["axes"] for one in bundle.manifest["inputs"]] == ["n h w c"]
    text = str(jax.make_jaxpr(loaded(name))(*recorded(name)))
    assert "conv_general_dilated" in text
    assert "transpose[" not in text or "resize(x" in (bundle.path / "model.py").read_text(encoding="utf-8")


def test_batch_statistics_keep_their_momentum(loaded: Callable[..., Any]) -> None:
    model = loaded("resnet_small")
    (x,) = recorded("resnet_small")
    norm, before = model.stage_0_block_0.norm_1, {}
    for name in ("mean", "var"):
        before[name] = np.asarray(getattr(norm, name)[...])
    seen = np.asarray(model.stage_0_block_0.conv_1(model.stem(x))).reshape(-1, before["mean"].size)
    model.train()
    model(x)
    for name, now in (("mean", seen.mean(0)), ("var", seen.var(0))):
        np.testing.assert_allclose(getattr(norm, name)[...], 0.99 * before[name] + 0.01 * now, rtol=1e-4)
    model.eval()
    kept = np.asarray(norm.mean[...])
    model(x)
    np.testing.assert_array_equal(norm.mean[...], kept)


def test_dropout_lives_in_training_and_can_be_reseeded(loaded: Callable[..., Any]) -> None:
    from flax import nnx

    name = "mnist_cnn_keras3"
    model, inputs = loaded(name), recorded(name)
    assert_close(model(*inputs), model(*inputs))
    model.train()
    first, second = model(*inputs), model(*inputs)
    assert not np.allclose(first, second)
    nnx.reseed(model, default=0)
    assert_close(model(*inputs), first)
    step = nnx.jit(lambda model, *inputs: model(*inputs))
    assert not np.allclose(step(model, *inputs), step(model, *inputs))


def test_trains_with_an_optimizer(loaded: Callable[..., Any]) -> None:
    optax = pytest.importorskip("optax")
    from flax import nnx

    model = loaded("resnet_small")
    (x,) = recorded("resnet_small")
    optimizer = nnx.Optimizer(model, optax.sgd(0.01), wrt=nnx.Param)

    @nnx.jit
    def step(model: Any, optimizer: Any) -> Any:
        loss, grads = nnx.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
        optimizer.update(model, grads)
        return loss

    model.train()
    losses = [float(step(model, optimizer)) for _ in range(5)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["resnet_small", "bilstm_classifier"])
def test_trains_as_a_pure_function(loaded: Callable[..., Any], name: str) -> None:
    """On plain maps of arrays; statistics and random streams come back as an output."""
    optax = pytest.importorskip("optax")
    import jax
    from flax import nnx

    model = loaded(name)
    (x,), (y,) = recorded(name), recorded(name, "y")
    model.train()
    graphdef, *split = nnx.split(model, nnx.Param, ...)
    params, rest = map(nnx.to_pure_dict, split)
    sgd = optax.sgd(0.1)

    @jax.jit
    def step(params: Any, rest: Any) -> Any:
        def loss(params: Any) -> Any:
            model = nnx.merge(graphdef, params, rest)
            apart = ((model(x) - y) ** 2).mean()
            return apart, nnx.to_pure_dict(nnx.state(model, nnx.Not(nnx.Param)))

        (apart, changed), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, _ = sgd.update(grads, sgd.init(params))
        return optax.apply_updates(params, updates), changed, apart

    after, changed, apart = step(params, rest)
    assert np.isfinite(apart)
    assert jax.tree.structure((after, changed)) == jax.tree.structure((params, rest))
    assert not jax.tree.all(jax.tree.map(np.array_equal, changed, rest))
    nnx.update(model, after, changed)
    model.eval()
    assert not np.array_equal(model(x), y)


HALF = [
    ("resnet_small", "bfloat16", 0.1),
    ("resnet_small", "float16", 0.02),
    ("bilstm_classifier", "bfloat16", 0.1),
]


@pytest.mark.parametrize(("name", "dtype", "limit"), HALF)
def test_half_precision_all_the_way(tmp_path: Path, name: str, dtype: str, limit: float) -> None:
    import jax.numpy as jnp
    from flax import nnx

    model = bundle_module(convert(name, tmp_path / "bundle", dtype=dtype).path).load()
    (x,) = recorded(name)
    given = jnp.asarray(x, dtype if x.dtype == "float32" else None)
    outputs = nnx.jit(lambda model, x: model(x))(model, given)
    (wanted,) = recorded(name, "y")
    assert outputs.dtype == dtype
    params = nnx.to_flat_state(nnx.state(model, nnx.Param))
    assert {variable.dtype for _, variable in params} == {jnp.dtype(dtype)}
    assert np.max(np.abs(np.asarray(outputs, "float32") - wanted)) <= limit * np.max(np.abs(wanted))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_attention_weights_drop_out_in_training(tmp_path: Path) -> None:
    """Each row of a batch by itself, as in Keras; Flax would drop the same weights in all."""
    pytest.importorskip("keras")
    from flax import nnx

    (case,) = (case for case in CASES if case.name == "multi_head_dropout")
    saved = save(case, tmp_path)
    bundle = porter.convert(saved.file, to="jax", out=tmp_path / "bundle", verify=False)
    model = bundle_module(bundle.path).load()
    assert isinstance(model.layer, nnx.MultiHeadAttention)
    alike = np.repeat(saved.inputs[0][:1], 2, axis=0)
    one, other = model(alike)
    assert_close(one, other)
    model.train()
    first, second = model(alike), model(alike)
    assert not np.allclose(first, second)
    assert not np.allclose(*first)
    nnx.reseed(model, default=0)
    assert_close(model(alike), first)


def plain_arrays(file: Path, weights_format: str) -> Mapping[str, Any]:
    """The weights by path, read as their own libraries read them."""
    import h5py
    from flax.serialization import msgpack_restore
    from flax.traverse_util import flatten_dict
    from safetensors.flax import load_file

    if weights_format == "safetensors":
        return load_file(file)
    if weights_format == "h5":
        with h5py.File(file) as held:
            return {name: data[()] for name, data in held.items()}
    if weights_format == "msgpack":
        return flatten_dict(msgpack_restore(file.read_bytes()), sep=".")
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.StandardCheckpointer() as checkpointer:
        return flatten_dict(checkpointer.restore(file), sep=".")


@pytest.mark.parametrize("weights_format", FORMATS)
def test_weights_formats(loaded: Callable[..., Any], weights_format: str, tmp_path: Path) -> None:
    """`load` reads each, and so do the format's own library and those who know the paths alone."""
    if weights_format == "orbax":
        pytest.importorskip("orbax.checkpoint")
    from flax import nnx

    name = "mixed_precision"
    want = loaded(name)(*recorded(name))
    bundle = convert(name, tmp_path / "bundle", weights_format=weights_format)
    model = bundle_module(bundle.path).load()
    np.testing.assert_array_equal(model(*recorded(name)), want)
    arrays = plain_arrays(bundle.path / bundle.manifest["weights"]["file"], weights_format)
    state = nnx.to_flat_state(nnx.state(model, nnx.Not(nnx.RngState)))
    assert {".".join(map(str, path)) for path, _ in state} == set(arrays)
    for path, variable in state:
        np.testing.assert_array_equal(variable.get_value(), arrays[".".join(map(str, path))])


def test_msgpack_is_flaxs_own_format(tmp_path: Path) -> None:
    from flax.serialization import msgpack_restore, msgpack_serialize
    from flax.traverse_util import flatten_dict, unflatten_dict

    bundle = convert("resnet_small", tmp_path / "bundle", weights_format="msgpack")
    file = bundle.path / bundle.manifest["weights"]["file"]
    arrays = flatten_dict(msgpack_restore(file.read_bytes()), sep=".")
    ours = {key: stored.read() for key, stored in stored_tensors(file).items()}
    assert ours.keys() == arrays.keys()
    extra = {"a.scalar": np.float32(3)[None][0:1].reshape(()), "b": np.arange(6, dtype="int8")}
    theirs = tmp_path / "theirs.msgpack"
    theirs.write_bytes(msgpack_serialize(unflatten_dict({**arrays, **extra}, sep=".")))
    again = {key: stored.read() for key, stored in stored_tensors(theirs).items()}
    for key, array in {**arrays, **extra}.items():
        np.testing.assert_array_equal(again[key], array)
        if key in ours:
            np.testing.assert_array_equal(ours[key], array)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:40], lambda data: b"\x81\xc1"])
def test_damaged_msgpack_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    bundle = convert("resnet_small", tmp_path / "bundle", weights_format="msgpack")
    file = tmp_path / "damaged.msgpack"
    file.write_bytes(damage((bundle.path / "model.msgpack").read_bytes()))
    with pytest.raises(PorterError, match="damaged"):
        stored_tensors(file)


def test_other_weights_are_refused_in_one_sentence(loaded: Callable[..., Any], tmp_path: Path) -> None:
    bundle = convert("resnet_small", tmp_path / "bundle")
    other = convert("unet_small", tmp_path / "other")
    module = bundle_module(bundle.path)
    with pytest.raises(ValueError, match="missing or unknown weights"):
        module.load(other.path / "model.safetensors")


def test_formats_of_jax_alone_are_refused_for_torch(tmp_path: Path) -> None:
    file = FIXTURES / "resnet_small" / "model.keras"
    with pytest.raises(PorterError, match="'msgpack' is not one that PyTorch has"):
        porter.convert(file, to="torch", out=tmp_path / "out", weights_format="msgpack", verify=False)


def test_reserved_names_are_all_that_modules_have() -> None:
    from flax import nnx

    from converters.jax.module_names import RESERVED

    public = {name for name in dir(nnx.Module) if not name.startswith("_")}
    assert public <= RESERVED
