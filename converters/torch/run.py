"""Runs a torch bundle from its own `model.py` and weights, as they lie there; or a source module. Lives in a
worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from converters.torch.learn import learn
from converters.torch.source import source_module
from porter.workers.bundle_module import import_bundle
from porter.workers.job import Learned, Watch
from porter.workers.process import NotAvailable

try:
    import torch
except ImportError as missing:
    raise NotAvailable(f"PyTorch is not installed ({missing})") from missing

Array = np.ndarray


def load(model: Mapping[str, Any], *, precision: str = "own", threads: int = 1) -> BundleModel:
    """The model of the bundle in `model["bundle"]`; or the module that `model` says how to build or load."""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")  # what use_deterministic_algorithms does, without its imports
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.mkldnn.set_flags(False)  # oneDNN picks its algorithms by the processor it finds
    torch.backends.nnpack.set_flags(False)  # NNPACK's Winograd transform costs ten times the rounding
    module = import_bundle(Path(model["bundle"])).load() if "bundle" in model else source_module(model)
    return BundleModel(module.double() if precision == "float64" else module, precision)


def seed(number: int) -> None:
    """Makes what is drawn at random from now on a matter of this number."""
    torch.manual_seed(number)


class BundleModel:
    """A torch module that takes and gives NumPy arrays."""

    replaces = True  # what `watch` gives back takes the place of a module's output

    def __init__(self, module: Any, precision: str) -> None:
        self.module, self.precision = module, precision

    def run(
        self, inputs: Sequence[Array], dtypes: Sequence[str], watch: Watch | None
    ) -> tuple[list[Array], list[str]]:
        """The outputs and their types; `watch` sees, and may replace, the outputs of each module."""
        given = [self._tensor(array, dtype) for array, dtype in zip(inputs, dtypes, strict=True)]
        with torch.no_grad(), watched(self.module, watch):
            return arrays_of(self.module(*given))

    def other_way(self) -> tuple[str, BundleModel]:
        """The same model compiled, which `run` does not do; and what that is called."""
        try:
            compiled = torch.compile(self.module)
        except RuntimeError as error:
            raise NotAvailable(f"torch.compile does not work here: {error}") from error
        return "compiled (torch.compile)", BundleModel(compiled, self.precision)

    def learn(self, inputs: Sequence[Array], dtypes: Sequence[str], loss: Sequence[Array]) -> Learned:
        """What the module would learn from a loss."""
        given = [self._tensor(array, dtype) for array, dtype in zip(inputs, dtypes, strict=True)]
        return learn(self.module, given, loss)

    def _tensor(self, array: Array, dtype: str) -> Any:
        wanted = getattr(torch, dtype)
        if self.precision == "float64" and wanted.is_floating_point:
            wanted = torch.float64
        return torch.from_numpy(np.array(array)).to(wanted)

    def environment(self) -> dict[str, Any]:
        """Versions and settings, for the report."""
        return {
            "framework": "PyTorch",
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "tf32": torch.backends.cuda.matmul.allow_tf32,
            "onednn": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
            "precision": self.precision,
        }


@contextmanager
def watched(module: Any, watch: Watch | None) -> Iterator[None]:
    """While it lasts, every module inside `module` shows its outputs."""
    parts = [] if watch is None else [(path, part) for path, part in module.named_modules() if path]
    hooks = [part.register_forward_hook(_watcher(path, watch)) for path, part in parts if watch is not None]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def arrays_of(result: Any) -> tuple[list[Array], list[str]]:
    """The tensors in a result, and their types."""
    tensors = list(_tensors(result))
    return [_array(tensor) for tensor in tensors], [_dtype(tensor) for tensor in tensors]


def _watcher(path: str, watch: Watch) -> Callable[[Any, Any, Any], Any]:
    def show(module: Any, inputs: Any, result: Any) -> Any:
        instead = watch(path, [_array(tensor) for tensor in _tensors(result)])
        return None if instead is None else _replaced(result, iter(instead))

    return show


def _replaced(result: Any, arrays: Iterator[Array]) -> Any:
    """The result again, with other numbers in its tensors."""
    if isinstance(result, torch.Tensor):
        return torch.from_numpy(np.array(next(arrays))).to(result.dtype)
    if isinstance(result, Mapping):
        return {key: _replaced(part, arrays) for key, part in result.items()}
    if isinstance(result, (list, tuple)):
        return type(result)([_replaced(part, arrays) for part in result])
    return result


def _tensors(result: Any) -> Iterator[Any]:
    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, (list, tuple)):
        for part in result:
            yield from _tensors(part)
    elif isinstance(result, Mapping):
        for part in result.values():
            yield from _tensors(part)


def _array(tensor: Any) -> Array:
    # NumPy has no bfloat16; float32 holds all of its numbers
    plain = tensor.detach().cpu()
    found: Array = (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
    return found


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
