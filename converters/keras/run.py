"""Runs saved Keras files in the Keras of their own generation, as a judge. Lives in a worker process.

Keras 3 files run in Keras 3 and Keras 2 files in tf_keras. Older files, and those of another backend, are not
run at all: today's stacks load them without complaint and compute something else.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.keras.archive import content_of
from converters.keras.learn import learn
from converters.keras.load import SavedModel
from converters.keras.load import load as load_files
from porter.errors import RunError
from porter.workers.bundle_module import import_bundle
from porter.workers.capture import Force
from porter.workers.job import Learned, Watch
from porter.workers.process import NotAvailable

try:
    import tensorflow as tf
except ImportError as missing:
    raise NotAvailable(f"TensorFlow is not installed ({missing})") from missing

Array = np.ndarray
Notes = list[str]

CANNOT = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What Keras raises when it cannot load or run a file; its own message is told."""

FOREIGN = ("theano", "cntk")


def load(model: Mapping[str, Any], *, precision: str = "own", threads: int = 1) -> KerasModel:
    """The model in `model["files"]`, opened by the Keras that such files were made for."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if precision != "own":
        raise NotAvailable(f"Keras files are run in their own precision, not in {precision}")
    if "bundle" in model:
        return _bundle(Path(model["bundle"]))
    paths = [Path(path) for path in model["files"]]
    saved = load_files(paths, source_backend=model.get("backend"))
    keras, opened = _honest_keras(saved)
    try:
        with tempfile.TemporaryDirectory(prefix="porter-keras-") as folder:
            return KerasModel(keras, opened(keras, saved, Path(folder)))
    except CANNOT as error:
        raise NotAvailable(f"{keras.__name__} {keras.__version__} cannot load it: {_brief(error)}") from error


def _bundle(folder: Path) -> KerasModel:
    """A bundle's own code and weights."""
    try:
        keras = __import__("keras")
    except ImportError as missing:
        raise NotAvailable(f"keras is not installed ({missing})") from missing
    return KerasModel(keras, import_bundle(folder).load())


def _honest_keras(saved: SavedModel) -> tuple[Any, Callable[[Any, SavedModel, Path], Any]]:
    """The Keras package in which these files mean what they meant, and how it opens them."""
    generation = saved.origin.generation or 0
    made_on = (saved.backend.name or "tensorflow").lower()
    if made_on in FOREIGN and generation < 3:
        raise NotAvailable(f"it was trained on {made_on}, where today's Keras computes something else")
    if saved.backend.certainty == "undecided":
        raise NotAvailable("its files do not tell on what it was trained, and today's Keras is not to guess")
    if generation < 2:
        raise NotAvailable(f"Keras {generation}.x files mean something else to today's Keras")
    name = "keras" if generation == 3 else "tf_keras"
    try:
        keras = __import__(name)
    except ImportError as missing:
        raise NotAvailable(f"{name} is not installed ({missing})") from missing
    if name == "keras" and keras.backend.backend() != "tensorflow":
        raise NotAvailable(f"keras runs on {keras.backend.backend()} here, not on tensorflow")
    return keras, _open


def _open(keras: Any, saved: SavedModel, folder: Path) -> Any:
    """Files are recognised by content here and by name in Keras: links give them the names it wants."""
    files = [Path(file) for file in saved.origin.files]
    contents = [content_of(file) for file in files]
    if len(files) == 1:
        suffix = ".keras" if contents[0] == "zip" else ".h5"
        link = _linked(folder / f"model{suffix}", files[0])
        with _safe(keras):
            return _with_inputs(keras.models.load_model(link, compile=False), saved)
    config, weights = files
    if contents[0] != "text":
        raise NotAvailable("the architecture of one whole model with the weights of another")
    with _safe(keras):
        model = keras.models.model_from_json(_model_json(config))
    suffix = ".weights.h5" if saved.arrays.layout == "objects" else ".h5"
    if contents[1] == "zip":
        suffix = ".keras"
    _with_inputs(model, saved).load_weights(_linked(folder / f"model{suffix}", weights))
    return model


def _with_inputs(model: Any, saved: SavedModel) -> Any:
    """The model, built where its file tells the shape of its input in its first layer alone."""
    if getattr(model, "inputs", None):
        return model
    shape = saved.model.layers[0].config.get("batch_shape") if saved.model.kind == "Sequential" else None
    if shape is None:
        raise NotAvailable("its architecture does not say the shape of its inputs")
    model.build(tuple(shape))
    return model


def _model_json(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _linked(link: Path, file: Path) -> str:
    link.symlink_to(file.resolve())
    return str(link)


def _safe(keras: Any) -> contextlib.AbstractContextManager[Any]:
    """Keras refuses to unmarshal code here; asked for whole-model HDF5, tf_keras would run it."""
    scope = getattr(getattr(keras, "saving", None), "SafeModeScope", None)
    if scope is None:
        from importlib import import_module

        scope = import_module(f"{keras.__name__}.src.saving.serialization_lib").SafeModeScope
    found: contextlib.AbstractContextManager[Any] = scope(True)
    return found


def seed(number: int) -> None:
    """Makes what is drawn at random from now on a matter of this number."""
    tf.keras.utils.set_random_seed(number)


Group = Sequence[tuple[str, list[Any]]]


def _groups(model: Any, watch: Watch | None, rows: int) -> list[list[tuple[str, list[Any]]]]:
    """The inner layers that are watched, as many at once as there is room for; one group at the least."""
    groups: list[list[tuple[str, list[Any]]]] = [[]]
    if watch is None:
        return groups
    wanted, room = getattr(watch, "wanted", None), getattr(watch, "room", float("inf"))
    taken = 0
    for path, values in _layer_outputs(model):
        if wanted is not None and path not in wanted:
            continue
        size = sum(4 * rows * int(np.prod([dim or 1 for dim in value.shape[1:]])) for value in values)
        if groups[-1] and taken + size > room:
            groups.append([])
            taken = 0
        groups[-1].append((path, values))
        taken += size
    return groups


class KerasModel:
    """A Keras model that takes and gives NumPy arrays."""

    replaces = True
    """A run can be forced along true values."""

    def __init__(self, keras: Any, model: Any) -> None:
        self.keras, self.model = keras, model
        self.compiled = False
        self.graph = False

    def other_way(self) -> tuple[str, KerasModel]:
        """The same model as a compiled graph, as `predict` runs it; and what that is called."""
        other = KerasModel(self.keras, self.model)
        other.graph = True
        return "as a graph (tf.function)", other

    def run(
        self, inputs: Sequence[Array], dtypes: Sequence[str], watch: Watch | None
    ) -> tuple[list[Array], list[str]]:
        """The outputs and their types; `watch` sees the output of each layer."""
        given = [
            tf.cast(tf.convert_to_tensor(array), dtype) for array, dtype in zip(inputs, dtypes, strict=True)
        ]
        if isinstance(watch, Force):
            outputs = self._forced(given, watch)
            return [_array(value) for value in outputs], [value.dtype.name for value in outputs]
        first, *rest = _groups(self.model, watch, len(given[0]) if given else 1)
        outputs, layers = self._computed(given, first)
        for group in (first, *rest):
            if group is not first:
                _, layers = self._computed(given, group)
            if watch is not None:
                arrays = map(_array, layers)
                for path, values in group:
                    watch(path, [next(arrays) for _ in values])
        return [_array(value) for value in outputs], [value.dtype.name for value in outputs]

    def _computed(self, given: Any, inner: Group) -> tuple[list[Any], list[Any]]:
        """The outputs, and those of inner layers one after another, from one run."""
        flat = self._function(inner)
        flat = tf.function(flat) if self.graph else self._broadcasting(flat, given)
        try:
            results: tuple[list[Any], list[Any]] = flat(given)
        except (tf.errors.OpError, ValueError, NotImplementedError) as error:
            results = self._by_xla(flat, given, error)
        return results

    def _forced(self, given: Any, watch: Watch) -> list[Any]:
        """One run, layer by layer, in which `watch` says what takes the place of what a layer gives."""
        graph = getattr(self.model, "_functional", None) or self.model  # which a Sequential has inside
        if not hasattr(graph, "_run_through_graph") or self._broadcasting(_listed, given) is not _listed:
            raise NotAvailable("it cannot be run layer by layer")
        names = {name for name, _ in _layer_outputs(self.model)}

        def shown(operation: Any) -> Callable[..., Any]:
            def call(*args: Any, **named: Any) -> Any:
                if getattr(operation, "_call_has_training_arg", False):
                    named.setdefault("training", False)
                result = operation(*args, **named)
                return _replaced(operation.name, result, watch) if operation.name in names else result

            return call

        try:
            return _listed(graph._run_through_graph(given, operation_fn=shown))
        except (tf.errors.OpError, ValueError, NotImplementedError) as error:
            raise NotAvailable(f"it cannot be run layer by layer: {_brief(error)}") from error

    def _broadcasting(self, flat: Callable[[Any], Any], given: Any) -> Callable[[Any], Any]:
        """Keras 3 on TensorFlow adds one row to a row as if it were a bias, where it has the size of one,
        along another axis than in any other batch; not where it does not know that there is one row."""
        alone = self.keras.__name__ == "keras" and given and given[0].shape[:1] == (1,)
        if not alone or self.model.inputs[0].shape[0] is not None or not _adds_unlike(self.model):
            return flat
        specs = [tf.TensorSpec((None, *one.shape[1:]), one.dtype) for one in given]
        open_: Callable[[Any], Any] = tf.function(flat, input_signature=[specs])
        return open_

    def learn(self, inputs: Sequence[Array], dtypes: Sequence[str], loss: Sequence[Array]) -> Learned:
        """What the model would learn from a loss."""
        given = [
            tf.cast(tf.convert_to_tensor(array), dtype) for array, dtype in zip(inputs, dtypes, strict=True)
        ]
        return learn(self.model, given, loss)

    def _by_xla(self, flat: Callable[[Any], Any], given: Any, error: Exception) -> Any:
        # TensorFlow's own CPU kernels refuse some layouts and strides that XLA computes
        try:
            result = tf.function(flat, jit_compile=True)(given)
        except (tf.errors.OpError, ValueError, NotImplementedError):
            raise NotAvailable(f"{self.keras.__name__} cannot run it: {_brief(error)}") from error
        self.compiled = True
        return result

    def _function(self, inner: Group) -> Callable[[Any], Any]:
        watched = [value for _, values in inner for value in values]
        model = self.keras.Model(self.model.inputs, [*self.model.outputs, *watched])
        count = len(self.model.outputs)

        def call(given: Any) -> tuple[list[Any], list[Any]]:
            results = _listed(model(given if len(given) > 1 else given[0], training=False))
            return results[:count], results[count:]

        return call

    def environment(self) -> dict[str, Any]:
        """Versions and settings, for the report."""
        return {
            "framework": "Keras",
            "keras": f"{self.keras.__name__} {self.keras.__version__}",
            "tensorflow": tf.__version__,
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "onednn": False,
            "xla": self.compiled,
            "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
        }


def _layer_outputs(model: Any) -> Iterator[tuple[str, list[Any]]]:
    """Layers that are used once at the top level, with the tensors that they give."""
    # a Sequential calls its layers anew for each that is added: what counts are the calls of its graph
    graph = getattr(model, "_functional", None) or model
    calls: dict[int, list[Any]] = {}
    for node in (node for nodes in getattr(graph, "_nodes_by_depth", {}).values() for node in nodes):
        owner = node.operation if hasattr(node, "operation") else node.layer
        calls.setdefault(id(owner), []).append(node)
    for layer in model.layers:
        nodes = calls.get(id(layer), [])
        if len(nodes) == 1 and type(layer).__name__ != "InputLayer":
            outputs = getattr(nodes[0], "output_tensors", None)
            yield layer.name, tf.nest.flatten(nodes[0].outputs if outputs is None else outputs)


def _replaced(name: str, result: Any, watch: Watch) -> Any:
    """What the layers that follow see of a layer's result: its numbers may change, its masks stay."""
    from keras import tree
    from keras.src.backend import get_keras_mask, set_keras_mask

    values = tree.flatten(result)
    instead = watch(name, [_array(value) for value in values])
    if instead is None:
        return result
    truths = []
    for value, array in zip(values, instead, strict=True):
        truths.append(tf.cast(tf.convert_to_tensor(np.array(array)), value.dtype))
        mask = get_keras_mask(value)
        if mask is not None:
            set_keras_mask(truths[-1], mask)
    return tree.pack_sequence_as(result, truths)


def _adds_unlike(model: Any) -> bool:
    """Whether tensors of different shapes are added anywhere in a model."""
    for layer in model._flatten_layers(include_self=True, recursive=True):
        for operation in getattr(layer, "_operations", ()):
            if type(operation).__name__ in ("Add", "Average"):
                nodes = operation._inbound_nodes
                if any(len({tuple(one.shape) for one in node.input_tensors}) > 1 for node in nodes):
                    return True
    return False


def _listed(result: Any) -> list[Any]:
    if isinstance(result, Mapping):
        return list(result.values())
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _array(value: Any) -> Array:
    found = np.asarray(value)
    # bfloat16 is of kind V; float32 holds all of its numbers
    return found.astype("float32") if found.dtype.kind == "V" else found


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


__all__ = ["KerasModel", "RunError", "load"]
