"""Functions of JAX, many in one model: what `jax.numpy`, `jax.lax` and `jax.nn` leave in a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def reals(*shape: int) -> np.ndarray:
    """Numbers around 0, the same every time."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


def numbers(high: int, *shape: int) -> np.ndarray:
    """Whole numbers below `high`, the same every time."""
    return np.random.default_rng(sum(shape)).integers(0, high, shape).astype("int32")


def indexing(_: Any, x: Any, i: Any) -> Any:
    import jax.numpy as jnp
    from jax import lax, nn

    rows = jnp.arange(x.shape[0])
    cells = jnp.array([2, 0])
    picked = (x[:, 1] + x[:, -1], x[:, ::2], x[:, 1:3], x[..., None], x[:, cells], x[0], x[rows, i[:, 0]])
    taken = (jnp.take(x, i, axis=1), jnp.take_along_axis(x, i, axis=1), nn.one_hot(i, 6))
    written = (x.at[:, 0].set(1.0), x.at[:, 1:3].add(x[:, :2]), x.at[:, 2].max(0.5))
    ranges = (
        lax.dynamic_slice_in_dim(x, 1, 2, 1),
        lax.dynamic_slice_in_dim(x, i[0, 0], 2, 1),
        lax.dynamic_update_slice(x, x[:, :2] * 0, (0, 1)),
    )
    return (*picked, *taken, *written, *ranges)


def picking(_: Any, x: Any, i: Any, start: Any) -> Any:
    """Along axes that are shared, row by row; all ways to add cells."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    rows = (jnp.take_along_axis(x, i[..., None], 1), jnp.take_along_axis(x, -1 - i[..., None], 1))
    best = jnp.take_along_axis(x, lax.top_k(x[..., 0], 2)[1][..., None], 1)
    single = (jax.vmap(lambda a, k: a[k])(x, start), jax.vmap(lambda a, k: a[k, 1])(x, i))
    ranges = (
        jax.vmap(lambda a, k: lax.dynamic_slice_in_dim(a, k, 3, 0))(x, start),
        jax.vmap(lambda a, k: lax.dynamic_index_in_dim(a, k, 1))(x, start + 9),
    )
    padded = [jnp.pad(x, ((0, 0), (2, 1), (0, 0)), mode=m) for m in ("reflect", "edge", "wrap", "symmetric")]
    moved = (jnp.roll(x, (2, -1), (1, 2)), jnp.tile(x[:1], (x.shape[0], 1, 2)))
    written = (x.at[:, 2].set(x[:, 0]), x.at[:, :, 1].multiply(2.0), x.at[:, i[0, 0]].set(x[:, 0]))
    return (*rows, best, *single, *ranges, *padded, *moved, *written)


def searching(_: Any, x: Any) -> Any:
    """Comparisons that put NaN last, and cells that point outside, which are dropped."""
    import jax.numpy as jnp

    edges = jnp.array([-0.5, 0.5])
    found = (jnp.digitize(x, edges), jnp.searchsorted(jnp.sort(x[0, 0]), x, side="right"))
    upper = jnp.triu_indices(4)
    written = (x.at[:, jnp.array([1, 9, -1])].set(0.0), x.at[:, jnp.array([1, 9])].add(1.0, mode="clip"))
    outside = x[..., :3] + jnp.zeros(3).at[jnp.array([5])].set(2.0)
    lines = jnp.interp(x, jnp.array([-1.0, 0.0, 1.0]), jnp.array([0.0, 3.0, 1.0]))
    return (*found, x[:, *upper], *written, outside, jnp.insert(x, 1, 0.0, axis=2), lines)


def averaging(_: Any, x: Any) -> Any:
    """Means whose axes come back as ones."""
    y = x.swapaxes(0, 1)
    return y.mean(0), y.std(0), y.mean(0, keepdims=True) + x.mean((1, 2), keepdims=True)


def ordering(_: Any, x: Any) -> Any:
    import jax.numpy as jnp
    from jax import lax

    values, places = lax.top_k(x, 2)
    return jnp.sort(x, axis=1), jnp.argsort(x, axis=1), values, places, jnp.median(x, 1), x.argmax(1)


def reducing(_: Any, x: Any) -> Any:
    import jax.numpy as jnp
    from jax import nn

    plain = (x.mean(1), x.sum(-1), x.var(1), x.std(1), x.max(1), jnp.prod(x, 1), (x > 0).any(1))
    running = (jnp.cumsum(x, 1), jnp.cumsum(x, 1)[:, ::-1])
    over_batch = (x / x.shape[0], x - jnp.mean(x, 0), jnp.arange(x.shape[0]) * 1.0)
    return (*plain, *running, *over_batch, jnp.linalg.norm(x, axis=1), nn.logsumexp(x, axis=1))


NAMES = """relu relu6 silu sigmoid softplus elu selu celu gelu leaky_relu hard_tanh hard_sigmoid hard_silu
mish log_sigmoid log_softmax softmax squareplus sparse_plus sparse_sigmoid soft_sign
standardize tanh""".split()


def activating(_: Any, x: Any) -> Any:
    from jax import nn

    told = (nn.gelu(x, approximate=False), nn.leaky_relu(x, 0.2), nn.elu(x, 0.5), nn.glu(x, axis=-1))
    return (*(getattr(nn, name)(x) for name in NAMES), *told)


def arranging(_: Any, x: Any) -> Any:
    import jax.numpy as jnp

    joined = (jnp.concatenate([x, x], 1), jnp.stack([x, x], 1), jnp.split(x, 2, axis=2)[1])
    moved = (jnp.transpose(x, (0, 2, 1)), jnp.flip(x, 1), jnp.roll(x, 1, axis=1), jnp.moveaxis(x, 1, 2))
    grown = (
        jnp.pad(x, ((0, 0), (1, 2), (0, 0))),
        jnp.pad(x, ((0, 0), (1, 1), (0, 0)), mode="reflect"),
        jnp.tile(x, (1, 2, 1)),
        jnp.repeat(x, 2, axis=1),
        jnp.broadcast_to(x[:, :1], x.shape),
    )
    shaped = (jnp.squeeze(x[:, :1], 1), x.reshape(-1, 2), x.ravel(), jnp.ravel(x[0], "F"), jnp.tril(x))
    return (*joined, *moved, *grown, *shaped)


def computing(_: Any, x: Any) -> Any:
    import jax.numpy as jnp
    from jax import lax

    plain = (x + 1, 1 - x, x * x, x / 2, x**2, x**3, jnp.abs(x) ** 0.5, x // 0.3, x % 0.7)
    told = (jnp.maximum(x, 0.1), jnp.clip(x, -0.5, 0.5), jnp.where(x > 0, x, 0.0), jnp.arctan2(x, x + 1))
    tests = (jnp.isnan(x), x > 0, (x > 0) & (x < 1), ~(x > 0))
    curves = (jnp.log1p(jnp.abs(x)), jnp.sign(x), jnp.round(x), lax.rsqrt(jnp.abs(x) + 1), lax.erf(x))
    rest = (jnp.cbrt(x), jnp.sinc(x), jnp.hypot(x, x), jnp.logaddexp(x, x), lax.round(x * 2))
    return (*plain, *told, *tests, *curves, *rest, x.astype(jnp.int32))


def counting(_: Any, i: Any) -> Any:
    import jax.numpy as jnp

    signed = i - 4
    return signed // 2, signed % 3, i * i, -i, i & 3, i << 1, i.astype(jnp.float32) / 3, jnp.minimum(i, 2)


def multiplying(_: Any, x: Any, y: Any) -> Any:
    import jax.numpy as jnp

    written = ("bij,bjk->bik", "bij,bjk->bki", "bij,bjk->ki")
    single = (jnp.einsum("bij->bj", x), jnp.einsum("bij,bkj->bik", x, x), jnp.einsum("bij,bij->b", x, x))
    return (*(jnp.einsum(text, x, y) for text in written), *single, x @ y, jnp.outer(x[:, 0, 0], y[0, 0]))


def looping(_: Any, x: Any) -> Any:
    from jax import lax

    def step(total: Any, now: Any) -> tuple[Any, Any]:
        return total + now, total * now

    grown = lax.fori_loop(0, 3, lambda k, held: held * 1.1 + k, x)
    chosen = lax.cond(x.sum() > 0, lambda held: held + 1, lambda held: held - 1, x)
    counted = lax.while_loop(lambda held: held[0] < 3, lambda held: (held[0] + 1, held[1] * 1.1), (0, x))
    return grown, chosen, lax.scan(step, x[:, 0], x.T)[1], counted[1]


def pooling(_: Any, x: Any) -> Any:
    import jax
    from flax import linen as nn

    largest = (nn.max_pool(x, (2, 2), (2, 2)), nn.max_pool(x, (3, 3), (2, 2), "SAME"))
    means = (nn.avg_pool(x, (2, 2), (2, 2)), nn.avg_pool(x, (3, 3), (2, 2), "SAME"))
    cells = nn.avg_pool(x, (3, 3), (2, 2), "SAME", count_include_pad=False)
    shape = (x.shape[0], 14, 14, x.shape[3])
    larger = (jax.image.resize(x, shape, "nearest"), jax.image.resize(x, shape, "bilinear"))
    return (*largest, *means, cells, x.mean((1, 2)), *larger)


def convolving(params: Any, x: Any, y: Any) -> Any:
    """Every order of axes, dilated, transposed, in groups."""
    from jax import lax

    first = lax.conv_general_dilated(y, params["oihw"], (1, 1), "SAME")
    last = lax.conv_general_dilated(
        x,
        params["hwio"],
        (2, 1),
        ((1, 0), (2, 1)),
        rhs_dilation=(1, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    grouped = lax.conv_general_dilated(
        x,
        params["grouped"],
        (1, 1),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NCHW"),
        feature_group_count=2,
    )
    turned = lax.conv_transpose(x, params["hwio"], (2, 3), "SAME")
    cropped = lax.conv_general_dilated(
        x, params["hwio"], (1, 1), ((-1, 0), (0, -1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return first, last, grouped, turned, cropped


KERNELS = {
    "oihw": reals(5, 4, 3, 3),
    "hwio": reals(3, 2, 4, 5),
    "grouped": reals(2, 2, 2, 6),
}

FUNCTIONS: Mapping[str, tuple[Callable[..., Any], Any, tuple[np.ndarray, ...]]] = {
    "indexing": (indexing, {}, (reals(3, 5), numbers(4, 3, 2))),
    "picking": (picking, {}, (reals(3, 5, 4), numbers(4, 3, 2), numbers(2, 3))),
    "searching": (searching, {}, (reals(3, 4, 5),)),
    "averaging": (averaging, {}, (reals(3, 5, 4),)),
    "ordering": (ordering, {}, (reals(3, 5),)),
    "reducing": (reducing, {}, (reals(3, 5),)),
    "activating": (activating, {}, (reals(3, 6) * 3,)),
    "arranging": (arranging, {}, (reals(3, 4, 4),)),
    "computing": (computing, {}, (reals(3, 4),)),
    "counting": (counting, {}, (numbers(9, 3, 4),)),
    "multiplying": (multiplying, {}, (reals(2, 3, 4), reals(2, 4, 5))),
    "looping": (looping, {}, (reals(3, 4),)),
    "pooling": (pooling, {}, (reals(2, 7, 7, 3),)),
    "convolving": (convolving, KERNELS, (reals(2, 7, 6, 4), reals(2, 4, 6, 5))),
}
"""Name, function, its parameters, its inputs."""
