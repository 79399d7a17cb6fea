"""Runs a JAX bundle from its own `model.py` and weights, as they lie there; or a model that is code.

Lives in a worker process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from converters.jax.learn import learn
from converters.jax.reading.code import CodeModel, environment
from porter.workers.bundle_module import import_bundle
from porter.workers.job import Learned, Watch
from porter.workers.process import NotAvailable

try:
    import jax
    import jax.numpy as jnp
    from flax import nnx
except ImportError as missing:
    raise NotAvailable(f"JAX or Flax is not installed ({missing})") from missing

Array = np.ndarray


def load(model: Mapping[str, Any], *, precision: str = "own", threads: int = 1) -> Any:
    """The model of the bundle in `model["bundle"]`, or the one that `model["factory"]` builds."""
    if threads == 1:  # read when the first array is made
        flags = (
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 "
            "--xla_allow_excess_precision=false --xla_cpu_enable_fast_math=false"
        )
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_enable_x64", precision == "float64")
    if "factory" in model:
        return CodeModel(model, precision)
    module = import_bundle(Path(model["bundle"])).load()
    if precision == "float64":
        nnx.update(module, jax.tree.map(_doubled, nnx.state(module)))
    return BundleModel(module, precision)


def _doubled(array: Any) -> Any:
    return array.astype(jnp.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array


def seed(number: int) -> None:
    """Nothing: JAX draws from keys that the model itself holds, never from a state of its own."""


class BundleModel:
    """A Flax module that takes and gives NumPy arrays."""

    replaces = True  # what `watch` gives back takes the place of a module's output

    def __init__(self, module: Any, precision: str) -> None:
        self.module, self.precision = module, precision
        graphdef, state = nnx.split(module)

        def apply(*inputs: Any) -> Any:
            return nnx.merge(graphdef, state)(*inputs)

        self.compiled: Callable[..., Any] = jax.jit(apply)

    def run(
        self, inputs: Sequence[Array], dtypes: Sequence[str], watch: Watch | None
    ) -> tuple[list[Array], list[str]]:
        """The outputs and their types; `watch` sees, and may replace, the outputs of each module."""
        given = [self._array(array, dtype) for array, dtype in zip(inputs, dtypes, strict=True)]
        if watch is None:
            outputs = jax.tree.leaves(self.compiled(*given))
        else:
            with watched(self.module, watch):
                outputs = jax.tree.leaves(self.module(*given))
        return [_plain(array) for array in outputs], [str(array.dtype) for array in outputs]

    def other_way(self) -> tuple[str, BundleModel]:
        """The same model operation by operation, where `run` compiles; and what that is called."""
        eager = BundleModel(self.module, self.precision)
        eager.compiled = self.module
        return "not compiled (without jax.jit)", eager

    def learn(self, inputs: Sequence[Array], dtypes: Sequence[str], loss: Sequence[Array]) -> Learned:
        """What the module would learn from a loss."""
        given = [self._array(array, dtype) for array, dtype in zip(inputs, dtypes, strict=True)]
        return learn(self.module, given, loss)

    def _array(self, array: Array, dtype: str) -> Any:
        doubled = self.precision == "float64" and "float" in dtype
        # JAX narrows 64-bit types, where they are not switched on; that is how such a model is used
        wanted = jax.dtypes.canonicalize_dtype("float64" if doubled else dtype)
        return jnp.asarray(array, wanted)

    def environment(self) -> dict[str, Any]:
        """Versions and settings, for the report."""
        return environment(self.precision)


@contextmanager
def watched(module: Any, watch: Watch) -> Iterator[None]:
    """While it lasts, every module inside `module` shows its outputs, but those in a compiled loop."""
    paths = {id(part): ".".join(map(str, path)) for path, part in nnx.iter_modules(module) if path}
    plain = {kind: kind.__call__ for kind in {type(part) for _, part in nnx.iter_modules(module)}}

    def showing(call: Callable[..., Any]) -> Callable[..., Any]:
        def shown(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = call(self, *args, **kwargs)
            arrays = jax.tree.leaves(result)
            if id(self) not in paths or any(isinstance(array, jax.core.Tracer) for array in arrays):
                return result
            instead = watch(paths[id(self)], [_plain(array) for array in arrays])
            if instead is None:
                return result
            leaves = [jnp.asarray(x, array.dtype) for x, array in zip(instead, arrays, strict=True)]
            return jax.tree.unflatten(jax.tree.structure(result), leaves)

        return shown

    for kind, call in plain.items():
        kind.__call__ = showing(call)
    try:
        yield
    finally:
        for kind, call in plain.items():
            kind.__call__ = call


def _plain(array: Any) -> Array:
    # NumPy has no bfloat16; float32 holds all of its numbers
    return np.asarray(array.astype(jnp.float32) if array.dtype == jnp.bfloat16 else array)
