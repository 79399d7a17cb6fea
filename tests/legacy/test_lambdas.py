"""Functions of Lambda layers, compiled by every Python from 2.7 to 3.13, are read and give what they gave."""

from __future__ import annotations

import base64
import json
import marshal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.keras.lambdas.decoding import decoded
from converters.keras.lambdas.marshalled import NotMarshalled, unmarshalled
from converters.keras.lambdas.reading import read_function
from converters.keras.layer import Context, LayerCall
from converters.keras.layers.lambda_ import read_lambda
from converters.keras.legacy.conventions import TENSORFLOW, conventions
from converters.keras.spec import LayerSpec
from converters.keras.upgrade import Writer
from converters.keras.variables import Variables
from porter.errors import UnsupportedModel
from porter.graph.builder import Builder
from porter.graph.dims import BATCH
from porter.graph.model import Spec, Value
from porter.graph.run import run
from porter.numerics.resampling import resize

Array = np.ndarray
FUNCTIONS: dict[str, Any] = json.loads((Path(__file__).parent / "bytecode.json").read_text())["functions"]
X = np.random.default_rng(0).uniform(0, 1, (4, 6))

WANTED: dict[str, Callable[[Array], Array]] = {
    "max": lambda x: x.max(axis=1),
    "scaled": lambda x: x / 255.0 - 0.5,
    "column": lambda x: x[:, 0],
    "tail": lambda x: x[1:],
    "strided": lambda x: x[:, ::2],
    "power": lambda x: x**2 + 1,
    "negative": lambda x: -x * 3,
    "default": lambda x: x * 2,
    "constant_times": lambda x: x * 6 - [1, 2, 3, 4, 5, 6],
    "new_axis": lambda x: x[:, :, None] / 2,
    "not_kept": lambda x: x.sum(axis=1),
    "numpy_type": lambda x: (x > 0.5).astype(float),
    "nested": lambda x: np.sqrt((x**2).sum(axis=1, keepdims=True)),
    "shape": lambda x: x,
    "flat": lambda x: x,
    "compared": lambda x: (x > 0.5).astype(float),
    "list": lambda x: np.concatenate([x, x * 2], axis=-1),
    "pair": lambda x: np.concatenate([x, 1 - x], axis=-1),
    "folded": lambda x: x + 3,
    "method": lambda x: x.mean(axis=-1),
    "keywords": lambda x: x.clip(0.2, 0.8),
    "starred_shape": lambda x: np.tile(x, [1, 2]),
    "imported": lambda x: x.mean(axis=1),
    "locals": lambda x: 2 * (x - x.mean(axis=1, keepdims=True)),
    "unpacked": lambda x: x[:, :1] + x[:, 1:],
    "swapped": lambda x: x,
    "closed": lambda x: x * 3,
    "from_import": np.exp,
}
VERSIONS = list(FUNCTIONS["max"]["code"])
FOLLOWED: dict[str, Callable[[Array], Array]] = {
    "appended": lambda x: np.stack([x[:, 2], x[:, 1] * 3], axis=1),
    "broken_off": lambda x: x * 6,
    "chained": lambda x: x,
    "chosen": lambda x: x,
    "comprehension": lambda x: x[:, 1:6:2] * [1, 3, 5],
    "either": lambda x: x * 5,
    "generated": lambda x: x[:, :3].sum(axis=1),
    "inner_function": lambda x: x * 8 + 2,
    "kept_list": lambda x: x * 4 + 9,
    "looped": lambda x: x + 3,
    "mask_given": lambda x: x * 2,
    "member": lambda x: x * 3,
    "nested_comprehension": lambda x: x * 4 + 2,
    "shared_variable": lambda x: x * 4,
    "spread": lambda x: x[:, 2:4],
    "static_shape": lambda x: x[:, :3] + x[:, 3:],
    "switched": lambda x: np.where(x > 0.5, x, 0),
    "ternary": lambda x: x.max(axis=1),
    "typed": lambda x: x * 2,
    "while_loop": lambda x: x + 28,
    "zipped": lambda x: x[:, 0] * 3 + x[:, 1] * 2,
}
"""Functions that choose, repeat and make functions by what the file itself decides."""

REFUSED = {
    "by_data": "chooses by what the model computes",
    "by_size": "known only when running|these values is not carried",
    "caught": "which is not followed|never returns",
    "counted_far": "counts through more than",
    "deep": "call one another more than",
    "doubled_list": "a list of more than",
    "endless": "takes more than",
    "inner": "'map_fn' is not known here",
    "ordering": "which way round images lay",
    "true_times": "not the same in every TensorFlow",
    "unknown_name": "'KEEP' is, is not in the file",
    "unknown_number": "'SCALE' is, is not in the file",
}


def _layer(code: str, defaults: Any = None, closure: Any = None, **config: Any) -> LayerCall:
    value = Value("x", Spec((BATCH, 6)))
    spec = LayerSpec("Lambda", "lambda_1", {"function": [code, defaults, closure], **config})
    return LayerCall(Context(Builder(), Variables(), generation=2), spec, ("lambda_1",), (value,), (value,))


def _result(layer: LayerCall) -> Array:
    outputs = read_lambda(layer)
    graph = layer.context.builder.graph("m", layer.inputs, outputs)
    return run(graph, [X])[0]


def _told(name: str, version: str) -> LayerCall:
    function = FUNCTIONS[name]
    return _layer(function["code"][version], function["defaults"], function["closure"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", WANTED | FOLLOWED)
def test_what_the_function_computes(name: str, version: str) -> None:
    wanted = (WANTED | FOLLOWED)[name](X)
    assert np.allclose(_result(_told(name, version)), wanted, rtol=0, atol=1e-12)


def _with_bytes(code: str, old: bytes, new: bytes) -> str:
    return base64.b64encode(base64.b64decode(code).replace(old, new)).decode()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["pair", "unpacked", "swapped", "zipped", "spread"])
def test_windows_has_slashes_for_backslashes(name: str, version: str) -> None:
    told = _with_bytes(FUNCTIONS[name]["code"][version], b"\\", b"/")
    assert np.allclose(_result(_layer(told)), (WANTED | FOLLOWED)[name](X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_number_that_windows_may_have_changed_is_refused(version: str) -> None:
    """255.0 becomes 15.9375, which may have been 115.5."""
    told = _with_bytes(FUNCTIONS["scaled"]["code"][version], b"\xe0o@", b"\xe0/@")
    assert np.allclose(_result(_layer(told)), X / 15.9375 - 0.5)
    with pytest.raises(UnsupportedModel, match="one of its numbers has such a byte"):
        _result(_layer(_with_bytes(told, b"train.py", b"C:/me.py")))


@pytest.mark.parametrize("version", VERSIONS)
def test_python_2_divides_whole_numbers_down(version: str) -> None:
    factor = 3 if version == "2.7" else 3.5
    assert np.allclose(_result(_told("divided", version)), X * factor)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_shown_with_a_stub(name: str, version: str) -> None:
    with pytest.raises(UnsupportedModel, match=REFUSED[name]) as caught:
        _result(_told(name, version))
    (problem,) = caught.value.problems
    assert "->" in problem.what
    assert "@reads('lambda_1')" in problem.hint


@pytest.mark.parametrize("version", VERSIONS)
def test_every_function_is_understood_in_one_way(version: str) -> None:
    for name in WANTED | FOLLOWED:
        layer = _told(name, version)
        code = layer.config["function"][0]
        assert len(decoded(unmarshalled(base64.b64decode(code)))) == 1, name


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("data_format", "more"), [("channels_first", 1), ("channels_last", 2)])
def test_keras_s_own_setting_is_that_of_the_files_layers(version: str, data_format: str, more: int) -> None:
    layer = _told("ordering", version)
    layer.context.conventions = replace(TENSORFLOW, data_format=data_format)
    assert np.allclose(_result(layer), X + more)
    assert "ordering of images" in layer.context.notices[0]


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", ["tf.image.resize", "tf.compat.v1.image.resize"])
def test_images_get_another_size_as_in_the_tensorflow_of_the_file(name: str, old: bool) -> None:
    code = marshal.dumps(eval(f"lambda x: {name}(x, (7, 3))").__code__)
    value, image = Value("x", Spec((BATCH, 4, 5, 1))), np.random.default_rng(0).uniform(0, 1, (1, 4, 5, 1))
    layer = replace(_layer(base64.b64encode(code).decode()), inputs=(value,), args=(value,))
    layer.context.conventions = replace(TENSORFLOW, old_grid=old)
    graph = layer.context.builder.graph("m", (value,), read_lambda(layer))
    by_corners = old or "v1" in name
    wanted = resize(image, (7, 3), "linear", half_pixel=not by_corners)
    assert np.allclose(run(graph, [image])[0], wanted, rtol=0, atol=1e-6)


def test_images_that_got_another_size_in_either_tensorflow_are_refused() -> None:
    code = marshal.dumps(eval("lambda x: tf.image.resize(x, (7, 3))").__code__)
    layer = _layer(base64.b64encode(code).decode())
    layer.context.conventions = conventions(Writer(2, "2.3.1", "tensorflow"))
    with pytest.raises(UnsupportedModel, match=r"Keras 2\.3 ran on both"):
        _result(layer)


def test_arguments_of_the_layer_win_over_defaults() -> None:
    function = FUNCTIONS["default"]
    layer = _layer(function["code"]["3.6"], [5.0], None, arguments={"factor": 7.0})
    assert np.allclose(_result(layer), X * 7)


def test_a_missing_closure_is_named() -> None:
    with pytest.raises(UnsupportedModel, match="outer variable 'k' is not in the file"):
        _result(_layer(FUNCTIONS["closed"]["code"]["3.8"]))


def test_a_function_that_the_file_only_names_is_refused() -> None:
    layer = _layer("max_1d", function_type="function")
    layer.spec.config["function"] = "max_1d"  # type: ignore[index]
    with pytest.raises(UnsupportedModel, match="names the function 'max_1d'"):
        read_function(layer, layer.value)


def test_text_of_keras_1_is_bytes() -> None:
    text = base64.b64decode(FUNCTIONS["power"]["code"]["2.7"]).decode("latin-1")
    assert np.allclose(_result(_layer(text)), X**2 + 1)


HOSTILE = {
    "nothing": b"",
    "no code": b"N",
    "cut": b"\xe3\x01\x00",
    "nested": b")\x01" * 200 + b"N",
    "a huge tuple": b"(\xff\xff\xff\x7f",
    "a negative size": b"s\xff\xff\xff\xff",
    "a huge integer": b"l\xff\xff\xff\x7f",
    "a reference to itself": b"\xa9\x01r\x00\x00\x00\x00",
    "long": b"\xe9\x00\x00\x00\x00" * 100_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bytes_are_refused(case: str) -> None:
    with pytest.raises(NotMarshalled):
        unmarshalled(HOSTILE[case])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "every"), [("nested", 1), ("broken_off", 5), ("inner_function", 11)])
def test_any_damage_is_refused_or_read_as_something_harmless(name: str, every: int, version: str) -> None:
    """Bytes of a function changed in turn: nothing but a refusal or a graph comes of it."""
    good = bytearray(base64.b64decode(FUNCTIONS[name]["code"][version]))
    for place in range(0, len(good), every):
        bad = bytearray(good)
        bad[place] ^= 0x55
        layer = _layer(base64.b64encode(bytes(bad)).decode())
        try:
            read_function(layer, layer.value)
        except UnsupportedModel:
            continue


def test_powers_stay_small() -> None:
    """`10 ** 10 ** 10`, which Python itself would not fold."""
    from converters.keras.lambdas.terms import NotFollowed, number

    with pytest.raises(NotFollowed, match="too large"):
        number("**", 10, 10**10)


def test_a_rule_of_ones_own_serves_one_layer_by_its_name(tmp_path: Path) -> None:
    from converters.keras.source import read_source
    from porter.source_model import ReadRequest

    case = Path(__file__).parents[2] / "fixtures/legacy/keras1.2.2-theano0.9.0/imdb_cnn_small_lambda"
    rule = tmp_path / "rule.py"
    rule.write_text(
        "from porter.custom import reads\n"
        "from porter.graph.ops.reduction import Reduce\n\n"
        "@reads('lambda_2')\n"
        "def read_lambda_2(layer):\n"
        "    return layer.add(Reduce('min', (1,)), layer.value)\n"
    )
    model = read_source(ReadRequest((case / "model.json", case / "weights.h5"), custom=(rule,)))
    functions = [getattr(node.op, "function", "") for node in model.graph.nodes]
    assert "min" in functions
    assert "max" not in functions
