"""A live JAX model: traced on example inputs, and run as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.jax.learn import learn
from converters.jax.reading.code import plain
from converters.jax.reading.model import Model, model_of, settings_for
from converters.jax.reading.source import facts_of, own_arrays, source_of
from converters.jax.reading.trace import faults, trace
from porter.errors import RequestError, RunError
from porter.source_model import LiveModel, SourceModel
from porter.workers.job import Learned, Watch
from porter.workers.process import NotAvailable

Array = np.ndarray


def read_live(live: LiveModel) -> SourceModel:
    """A model in this process, traced on the example inputs."""
    if live.example_inputs is None:
        raise RequestError("a JAX model says nothing of its inputs: give example inputs, a tuple of arrays")
    inputs = [one if hasattr(one, "shape") else np.asarray(one) for one in live.example_inputs]
    model = model_of(live.model, "Model", lambda told: inputs)
    found = own_arrays(model, f"live {model.name}")
    traced = trace(model, inputs, found.__getitem__, static_batch=live.static_batch)
    source = source_of(traced, found)
    living = LiveFunction(live.model, model, [str(value.dtype) for value in source.graph.inputs])
    facts = facts_of(f"live {model.kind}", ())
    return SourceModel(source.graph, source.ledger, facts, traced.notices, living)


class LiveFunction:
    """Runs the model on other numbers. Of what holds its own modules, they can be seen, and can learn."""

    def __init__(self, owner: Any, model: Model, dtypes: Sequence[str]) -> None:
        import jax
        from flax import nnx

        self.owner, self.model, self.dtypes = owner, model, dtypes
        self.replaces = isinstance(owner, nnx.Module)

        def pure(arrays: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
            return jax.tree_util.tree_leaves(model.call(arrays, inputs)[0])

        self.compiled = jax.jit(pure)

    def run(
        self, inputs: Sequence[Array], watch: Watch | None = None
    ) -> tuple[Sequence[Array], Sequence[str]]:
        """The outputs and their types; `watch` sees, and may replace, the outputs of NNX modules."""
        import jax

        given = self._arrays(inputs)
        try:
            with jax.default_matmul_precision("highest"):
                found = self._computed(given, watch)
        except faults() as fault:
            raise RunError(f"the model does not run: {fault}") from fault
        return [plain(one) for one in found], [str(one.dtype) for one in found]

    def _computed(self, given: Sequence[Any], watch: Watch | None) -> Sequence[Any]:
        import jax

        from converters.jax.run import watched

        if watch is None or not self.replaces:
            self.model.watched(False)
            found: Sequence[Any] = self.compiled(self.model.arrays, given)
            return found
        module = self._copy()
        with watched(module, watch):
            found = module(*given, **settings_for(self.model.signature, len(given)))
        leaves: list[Any] = jax.tree_util.tree_leaves(found)
        return leaves

    def learn(self, inputs: Sequence[Array], loss: Sequence[Array]) -> Learned:
        """What a module would learn from a loss."""
        if not self.replaces or settings_for(self.model.signature, len(inputs)):
            raise NotAvailable("the gradients of a function, or of a module that is told when it trains")
        return learn(self._copy(), self._arrays(inputs), loss)

    def _arrays(self, inputs: Sequence[Array]) -> list[Any]:
        import jax.numpy as jnp

        return [jnp.asarray(array, dtype) for array, dtype in zip(inputs, self.dtypes, strict=True)]

    def _copy(self) -> Any:
        from flax import nnx

        module = nnx.clone(self.owner)
        module.eval()
        return module
