"""A model that is code, run as its factory builds it: what a verification compares a conversion with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.jax.load import fitted, weights_of
from converters.jax.reading.model import Model, model_of
from converters.jax.reading.source import built
from converters.jax.reading.trace import faults
from porter.errors import RunError
from porter.factories import Factory
from porter.workers.job import Watch


class CodeModel:
    """The model of a factory, filled from a file of weights; takes and gives NumPy arrays."""

    def __init__(self, told: Mapping[str, Any], precision: str) -> None:
        self.factory = Factory(*told["factory"])
        self.file = None if told["weights"] is None else Path(told["weights"])
        self.precision = precision
        self.model: Model | None = None  # which follows from the first inputs
        self.arrays: dict[str, Any] = {}
        self.compiled: Any = None

    def run(
        self, inputs: Sequence[np.ndarray], dtypes: Sequence[str], watch: Watch | None
    ) -> tuple[list[np.ndarray], list[str]]:
        """The outputs and their types; what happens inside is not shown."""
        import jax.numpy as jnp

        rows = zip(inputs, dtypes, strict=True)
        given = [jnp.asarray(array, self._wanted(dtype)) for array, dtype in rows]
        if self.model is None:
            self._build(given)
        try:
            found = self.compiled(self.arrays, given)
        except faults() as fault:
            raise RunError(f"{self.factory} does not run: {fault}") from fault
        return [plain(one) for one in found], [str(one.dtype) for one in found]

    def _wanted(self, dtype: str) -> Any:
        import jax

        return jax.dtypes.canonicalize_dtype(
            "float64" if self.precision == "float64" and "float" in dtype else dtype
        )

    def _build(self, given: Sequence[Any]) -> None:
        import jax
        import jax.numpy as jnp

        weights = {} if self.file is None else weights_of(self.file)
        model = model_of(built(self.factory.model, weights), self.factory.name, lambda told: given)
        model.watched(False)
        stored = fitted(model.arrays, weights, str(self.file)) if weights else {}
        for key, array in model.arrays.items():
            numbers = jnp.asarray(stored[key].read() if weights else array)
            self.arrays[key] = jnp.asarray(numbers, self._wanted(str(numbers.dtype)))
        self.model = model

        def pure(arrays: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
            return jax.tree_util.tree_leaves(model.call(arrays, inputs)[0])

        self.compiled = jax.jit(pure)

    def environment(self) -> dict[str, Any]:
        """Versions and settings, for the report."""
        return environment(self.precision)


def environment(precision: str) -> dict[str, Any]:
    """What JAX runs on and with, as reports tell it."""
    import flax
    import jax

    return {
        "framework": "JAX",
        "jax": jax.__version__,
        "flax": flax.__version__,
        "device": jax.default_backend(),
        "matmul": jax.config.jax_default_matmul_precision,
        "tf32": False,
        "fast_math": False,
        "precision": precision,
    }


def plain(array: Any) -> np.ndarray:
    """An array as NumPy has it; float32 holds all numbers of bfloat16."""
    return np.asarray(array.astype("float32") if str(array.dtype) == "bfloat16" else array)
