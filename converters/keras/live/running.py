"""A live Keras model at work: called as it stands, its layers watched, all that it holds left alone."""

from __future__ import annotations

import functools
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np

from converters.keras.learn import learn
from converters.keras.live.inputs import Inputs
from converters.keras.live.records import leaves
from converters.keras.spec import ModelSpec
from porter.errors import RunError
from porter.workers.job import Learned, Watch
from porter.workers.process import NotAvailable

CANNOT = (ValueError, TypeError, AttributeError, RuntimeError, LookupError, ArithmeticError)
"""What a model's own code raises where it cannot run on symbolic tensors; where, and what, is told."""

PACKAGES = ("keras", "tf_keras", "tensorflow", "porter", "converters", "optree", "importlib", "contextlib.py")


class Running:
    """Runs a model on arrays. Of Keras 3, the layers in `layers` can be watched, by the names given there."""

    def __init__(self, model: Any, name: str, package: Any, generation: int, inputs: Inputs) -> None:
        self.model, self.name, self.package, self.inputs = model, name, package, inputs
        self.generation = generation
        self.replaces = generation == 3
        self.layers: Mapping[str, Any] = {}

    def run(
        self, inputs: Sequence[np.ndarray], watch: Watch | None = None
    ) -> tuple[Sequence[np.ndarray], Sequence[str]]:
        """The outputs and their types; `watch` sees, and may replace, the outputs of layers."""
        with self._watched(watch):
            outputs = self.called(inputs, "run")
        types = [str(getattr(one.dtype, "name", one.dtype)).removeprefix("torch.") for one in outputs]
        return [_plain(self.numbers(one)) for one in outputs], types

    def called(self, arrays: Sequence[np.ndarray], what: str) -> list[Any]:
        """The tensors that the model gives; `what` says why it is called, for messages."""
        try:
            args, kwargs = self.inputs.pack(self._tensors(arrays))
            outputs = self.model(*args, **kwargs)
        except CANNOT as error:
            raise RunError(f"model {self.name!r} cannot be {what}: {told(error)}") from error
        return [leaf for leaf in leaves(outputs) if leaf is not None]

    def learn(self, inputs: Sequence[np.ndarray], loss: Sequence[np.ndarray]) -> Learned:
        """What the model would learn from a loss."""
        if self.generation == 3 and self.package.backend.backend() != "tensorflow":
            raise NotAvailable("the gradients of a live Keras model are taken by TensorFlow")

        def called(model: Any, given: Sequence[Any], training: bool) -> Any:
            args, kwargs = self.inputs.pack(given)
            return model(*args, **{**kwargs, "training": training})

        return learn(self.model, self._tensors(inputs), loss, called)

    def numbers(self, variable: Any) -> np.ndarray:
        """A variable or a tensor as an array."""
        if self.generation == 2:
            return np.asarray(variable)
        return np.asarray(self.package.ops.convert_to_numpy(variable))

    def _tensors(self, arrays: Sequence[np.ndarray]) -> list[Any]:
        functions = self.package.ops if self.generation == 3 else import_module("tensorflow")
        convert = functions.convert_to_tensor
        pairs = zip(arrays, self.inputs.entries, strict=True)
        return [convert(array, dtype=one.dtype) for array, one in pairs]

    @contextmanager
    def _watched(self, watch: Watch | None) -> Iterator[None]:
        """While it lasts, layers show their outputs: each gets a `call` of its own, which is taken away."""
        watched = [] if watch is None or not self.replaces else list(self.layers.items())
        kept = [(layer, vars(layer).get("call")) for _, layer in watched]
        for name, layer in watched:
            assert watch is not None
            layer.call = self._showing(name, layer.call, watch)
        try:
            yield
        finally:
            for layer, call in kept:
                del layer.call
                if call is not None:
                    layer.call = call

    def _showing(self, name: str, call: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
        @functools.wraps(call)
        def show(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            tensors = self.package.tree.flatten(result)
            instead = watch(name, [_plain(self.numbers(one)) for one in tensors])
            if instead is None:
                return result
            convert = self.package.ops.convert_to_tensor
            truths = [convert(np.array(x), dtype=one.dtype) for x, one in zip(instead, tensors, strict=True)]
            return self.package.tree.pack_sequence_as(result, truths)

        return show


def seen(model: Any, spec: ModelSpec, live: Mapping[tuple[str, ...], Any]) -> Iterator[tuple[str, Any]]:
    """The layers that are called once, by their names in reports; `live` holds those of a trace."""
    layer_class = next(kind for kind in type(model).__mro__ if kind.__name__ == "Layer")
    for path in _once(spec):
        layer = live.get(path) if live else _at(model, path)
        if isinstance(layer, layer_class):
            yield "/".join(path), layer


def _once(model: ModelSpec, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for layer in model.layers:
        inner = (*path, layer.name)
        if len(layer.calls) < 2 and layer.class_name != "InputLayer":
            if layer.model is not None:
                yield from _once(layer.model, inner)
            else:
                yield inner


def _at(model: Any, path: Sequence[str]) -> Any:
    """The layer at a path of names; None where there is none."""
    for name in path:
        model = next((one for one in getattr(model, "layers", ()) if one.name == name), None)
    return model


def _plain(array: np.ndarray) -> np.ndarray:
    # bfloat16 is of kind V; float32 holds all of its numbers
    return array.astype("float32") if array.dtype.kind == "V" or str(array.dtype) == "bfloat16" else array


def told(error: Exception) -> str:
    """What went wrong, and at which line of the user's own code."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    what = f"{type(error).__name__}: {lines[0].strip()[:300] if lines else ''}"
    frames = [frame for frame in extract_tb(error.__traceback__) if not _is_package(frame.filename)]
    if not frames:
        return what
    last = frames[-1]
    code = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
    return f"{Path(last.filename).name}, line {last.lineno}: `{code[:120]}`: {what}"


def _is_package(file: str) -> bool:
    parts = Path(file).parts
    return "site-packages" in parts or any(package in parts for package in PACKAGES) or file.startswith("<")
