"""What a Flax module would learn from a loss: its gradients, and one step of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from porter.workers.job import Learned

Array = np.ndarray


def learn(module: Any, given: Sequence[Any], loss: Sequence[Array]) -> Learned:
    """The gradients in inference mode, and what one step of plain descent in training mode changes."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    real = [k for k, x in enumerate(given) if jnp.issubdtype(x.dtype, jnp.floating)]

    def value(params: Any, leaves: Any, graphdef: Any, rest: Any) -> tuple[Any, Any]:
        # variables made anew, within the trace that may change them
        merged = nnx.merge(graphdef, params, jax.tree.map(lambda x: x, rest))
        arrays = list(given)
        for k, x in zip(real, leaves, strict=True):
            arrays[k] = x
        outputs = jax.tree.leaves(merged(*arrays))
        pairs = zip(outputs, loss, strict=True)
        total = sum(
            jnp.mean(y * jnp.asarray(c, y.dtype)) for y, c in pairs if jnp.issubdtype(y.dtype, jnp.floating)
        )
        return total, nnx.split(merged, nnx.Param, ...)[2]

    gradient = jax.grad(value, argnums=(0, 1), has_aux=True)
    leaves = [given[k] for k in real]
    graphdef, params, rest = nnx.split(module, nnx.Param, ...)
    (of_params, of_inputs), _ = gradient(params, leaves, graphdef, rest)
    module.train()
    _without_chance(module)
    graphdef, params, rest = nnx.split(module, nnx.Param, ...)
    (trained, _), after = gradient(params, leaves, graphdef, rest)
    step = {name: -array for name, array in _named(trained).items()}
    before = _named(rest)
    step |= {name: array - before[name] for name, array in _named(after).items() if name in before}
    found = dict(zip(real, map(_plain, of_inputs), strict=True))
    return Learned(tuple(found.get(k) for k in range(len(given))), _named(of_params), step, {})


def _without_chance(module: Any) -> None:
    """What drops numbers drops none."""
    from flax import nnx

    for _, part in nnx.iter_modules(module):
        for name in ("rate", "dropout_rate"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)


def _named(state: Any) -> dict[str, Array]:
    """Real numbers of a state by their path joined with dots."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    found = {}
    for path, variable in nnx.to_flat_state(state):
        value = jax.tree.leaves(variable)[0]
        if hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating):
            found[".".join(map(str, path))] = _plain(value)
    return found


def _plain(array: Any) -> Array:
    return np.asarray(array).astype("float64")
