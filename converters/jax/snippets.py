"""Functions and modules that generated code carries with it where JAX and Flax have no twin. Never imported
by porter: their text is copied into `model.py`, each with those that it needs."""

import h5py
import jax.numpy as jnp
from flax import nnx


class Fixed(nnx.Variable):
    """Numbers that are not trained: `nnx.grad` and optimizers leave everything but `nnx.Param` alone."""


def freeze(module, *names):
    """Turn parameters of a module (all, or those in `names`) into numbers that are not trained."""
    for name, value in list(vars(module).items()):
        if isinstance(value, nnx.Param) and (not names or name in names):
            setattr(module, name, Fixed(value.get_value()))
        elif isinstance(value, nnx.Module) and not names:
            freeze(value)


def set_weights(model, weights):
    """Give the model its numbers: arrays by path (`conv1.kernel`), one for each of its variables."""
    state = nnx.state(model, nnx.Not(nnx.RngState))
    variables = {".".join(map(str, path)): variable for path, variable in nnx.to_flat_state(state)}
    if variables.keys() != weights.keys():
        raise ValueError(f"missing or unknown weights: {sorted(variables.keys() ^ weights.keys())}")
    for path, variable in variables.items():
        if variable.shape != weights[path].shape:
            raise ValueError(f"{path} has shape {weights[path].shape}, the model wants {variable.shape}")
        variable.set_value(jnp.asarray(weights[path], variable.dtype))
    nnx.update(model, state)


def read_h5(path):
    """The arrays of an HDF5 file by their names."""
    with h5py.File(path) as file:
        kinds = {name: data.attrs.get("dtype") for name, data in file.items()}
        arrays = {name: jnp.asarray(data[()]) for name, data in file.items()}
    return {name: array.view(kinds[name]) if kinds[name] else array for name, array in arrays.items()}


def hard_sigmoid_02(x):
    """The older hard sigmoid: 0.2 x + 0.5, between 0 and 1."""
    return jnp.clip(0.2 * x + 0.5, 0, 1)


def tanh_shrink(x):
    """x - tanh(x)."""
    return x - jnp.tanh(x)


def hard_shrink(x, threshold):
    """x where |x| > threshold, else 0."""
    return jnp.where(jnp.abs(x) > threshold, x, 0)


def soft_shrink(x, threshold):
    """x moved towards 0 by threshold, 0 in between."""
    return x - jnp.clip(x, -threshold, threshold)


def threshold(x, threshold, value):
    """x where x > threshold, else `value`."""
    return jnp.where(x > threshold, x, value)


def bounded_relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """Identity from `threshold` up to `max_value`, a slope below the threshold."""
    high = x if max_value is None else jnp.minimum(x, max_value)
    return jnp.where(x >= threshold, high, negative_slope * (x - threshold))


def sparsemax_of_sums(x, axis):
    """Sparsemax as Keras computes it: its threshold comes from the sum of the partial sums in the support."""
    z = jnp.sort(x, axis=axis, descending=True)
    shape = [1] * x.ndim
    shape[axis] = -1
    ranks = jnp.arange(1, x.shape[axis] + 1, dtype=x.dtype).reshape(shape)
    sums = jnp.cumsum(z, axis=axis)
    support = 1 + ranks * z > sums
    total = jnp.sum(jnp.where(support, sums, 0), axis=axis, keepdims=True)
    tau = (total - 1) / jnp.sum(support, axis=axis, keepdims=True)
    return jnp.maximum(x - tau, 0).astype(x.dtype)


def sparsemax(x, axis):
    """Projection onto the probability simplex along `axis`."""
    z = jnp.sort(x, axis=axis, descending=True)
    shape = [1] * x.ndim
    shape[axis] = -1
    ranks = jnp.arange(1, x.shape[axis] + 1, dtype=x.dtype).reshape(shape)
    sums = jnp.cumsum(z, axis=axis)
    support = jnp.sum(1 + ranks * z > sums, axis=axis, keepdims=True)
    tau = (jnp.take_along_axis(sums, support - 1, axis=axis) - 1) / support
    return jnp.maximum(x - tau, 0).astype(x.dtype)


def top_k(x, count):
    """`jax.lax.top_k`, but 0 and -0 are equal, and of equal numbers the first ones count."""
    places = jnp.argsort(x, axis=-1, descending=True)[..., :count].astype("int32")
    return jnp.take_along_axis(x, places, axis=-1), places


def gather_nd(x, places, batch=0):
    """`x[places]` with a vector of indices per place; the first `batch` axes are shared."""
    rows = jnp.ogrid[tuple(slice(size) for size in places.shape[:-1])][:batch]
    return x[(*rows, *jnp.moveaxis(places, -1, 0))]


def diagonal_matrix(x, k=0):
    """Square matrices with the last axis on the k-th diagonal, and zeros elsewhere."""
    size = x.shape[-1] + abs(k)
    places = jnp.arange(x.shape[-1])
    rows, columns = places + max(-k, 0), places + max(k, 0)
    return jnp.zeros((*x.shape[:-1], size, size), x.dtype).at[..., rows, columns].set(x)
