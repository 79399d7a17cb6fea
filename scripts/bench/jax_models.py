"""Flax's example structures, and functions as Equinox and Haiku write them, converted to the others.

    python -m scripts.bench.jax_models [--to torch tf] [--only TEXT ...] [--json FILE]

Weights are random. Each row tells the largest difference over the largest output, for each target; the share
of the weights that are in layers of the target, not in loose parameters; and the transposes that are left.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import porter
from porter.errors import PorterError
from porter.frameworks import converter
from porter.graph.model import Graph
from porter.layout import lay_out
from porter.normalise import normalise
from porter.source_model import LiveModel

Made = tuple[Any, tuple[np.ndarray, ...]]
RNG = np.random.default_rng(0)


def reals(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype("float32")


class Mlp(nnx.Module):
    """Three dense layers."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(784, 512, rngs=rngs), nnx.Linear(512, 256, rngs=rngs)])
        self.out = nnx.Linear(256, 10, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = nnx.relu(layer(x))
        return nnx.log_softmax(self.out(x))


class Cnn(nnx.Module):
    """Flax's MNIST example."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv1, self.conv2 = nnx.Conv(1, 32, (3, 3), rngs=rngs), nnx.Conv(32, 64, (3, 3), rngs=rngs)
        self.norm1, self.norm2 = nnx.BatchNorm(32, rngs=rngs), nnx.BatchNorm(64, rngs=rngs)
        self.dropout = nnx.Dropout(0.025, rngs=rngs)
        self.linear1, self.linear2 = nnx.Linear(3136, 256, rngs=rngs), nnx.Linear(256, 10, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.avg_pool(nnx.relu(self.norm1(self.dropout(self.conv1(x)))), (2, 2), (2, 2))
        x = nnx.avg_pool(nnx.relu(self.norm2(self.conv2(x))), (2, 2), (2, 2))
        return self.linear2(nnx.relu(self.dropout(self.linear1(x.reshape(x.shape[0], -1)))))


class Bottleneck(nnx.Module):
    """A block of ResNet-50."""

    def __init__(self, inputs: int, width: int, stride: int, rngs: nnx.Rngs) -> None:
        def conv(a: int, b: int, size: int, step: int = 1) -> nnx.Conv:
            return nnx.Conv(a, b, (size, size), strides=(step, step), use_bias=False, rngs=rngs)

        self.conv1, self.conv2, self.conv3 = (
            conv(inputs, width, 1),
            conv(width, width, 3, stride),
            conv(width, 4 * width, 1),
        )
        self.bn1, self.bn2 = nnx.BatchNorm(width, rngs=rngs), nnx.BatchNorm(width, rngs=rngs)
        self.bn3 = nnx.BatchNorm(4 * width, rngs=rngs)
        self.project = conv(inputs, 4 * width, 1, stride) if stride > 1 or inputs != 4 * width else None
        self.project_bn = nnx.BatchNorm(4 * width, rngs=rngs) if self.project else None

    def __call__(self, x: Any) -> Any:
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(nnx.relu(self.bn2(self.conv2(y)))))
        if self.project is not None and self.project_bn is not None:
            x = self.project_bn(self.project(x))
        return nnx.relu(x + y)


class ResNet50(nnx.Module):
    """Flax's ImageNet example."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(
            3, 64, (7, 7), strides=(2, 2), padding=((3, 3), (3, 3)), use_bias=False, rngs=rngs
        )
        self.bn = nnx.BatchNorm(64, rngs=rngs)
        blocks, inputs = [], 64
        for stage, count in enumerate((3, 4, 6, 3)):
            width = 64 * 2**stage
            for place in range(count):
                blocks.append(Bottleneck(inputs, width, 2 if stage and not place else 1, rngs))
                inputs = 4 * width
        self.blocks = nnx.List(blocks)
        self.head = nnx.Linear(2048, 1000, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.max_pool(nnx.relu(self.bn(self.stem(x))), (3, 3), (2, 2), "SAME")
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((1, 2)))


class Vae(nnx.Module):
    """Flax's VAE example, its mean in place of a draw."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.encode, self.mean = nnx.Linear(784, 500, rngs=rngs), nnx.Linear(500, 20, rngs=rngs)
        self.spread, self.decode = nnx.Linear(500, 20, rngs=rngs), nnx.Linear(20, 500, rngs=rngs)
        self.out = nnx.Linear(500, 784, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.relu(self.encode(x))
        mean, spread = self.mean(x), self.spread(x)
        return self.out(nnx.relu(self.decode(mean))), mean, jnp.exp(0.5 * spread)


class Seq2Seq(nnx.Module):
    """Flax's seq2seq example, the decoder given its inputs."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.encoder = nnx.RNN(nnx.LSTMCell(16, 256, rngs=rngs), return_carry=True)
        self.decoder = nnx.RNN(nnx.LSTMCell(16, 256, rngs=rngs))
        self.out = nnx.Linear(256, 16, rngs=rngs)

    def __call__(self, x: Any, y: Any) -> Any:
        carry, _ = self.encoder(x)
        return self.out(self.decoder(y, initial_carry=carry))


class Block(nnx.Module):
    """A block of a transformer."""

    def __init__(self, width: int, heads: int, rngs: nnx.Rngs) -> None:
        self.norm1, self.norm2 = nnx.LayerNorm(width, rngs=rngs), nnx.LayerNorm(width, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(heads, width, dropout_rate=0.1, decode=False, rngs=rngs)
        self.up, self.down = nnx.Linear(width, 4 * width, rngs=rngs), nnx.Linear(4 * width, width, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)

    def __call__(self, x: Any, mask: Any = None) -> Any:
        x = x + self.dropout(self.attention(self.norm1(x), mask=mask))
        return x + self.dropout(self.down(nnx.gelu(self.up(self.norm2(x)))))


class Transformer(nnx.Module):
    """Flax's language model examples: an encoder, or a decoder."""

    def __init__(self, causal: bool, rngs: nnx.Rngs) -> None:
        self.causal = causal
        self.embed, self.position = nnx.Embed(1000, 128, rngs=rngs), nnx.Embed(32, 128, rngs=rngs)
        self.blocks = nnx.List([Block(128, 4, rngs) for _ in range(3)])
        self.norm, self.head = nnx.LayerNorm(128, rngs=rngs), nnx.Linear(128, 1000, use_bias=False, rngs=rngs)

    def __call__(self, ids: Any) -> Any:
        x = self.embed(ids) + self.position(jnp.arange(ids.shape[1]))
        mask = nnx.make_causal_mask(ids, dtype=bool) if self.causal else None
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


def equinox(params: Any, x: Any) -> Any:
    """One example at a time, mapped over the batch; weights lie `o i`."""

    def one(row: Any) -> Any:
        for layer in params["layers"]:
            row = jax.nn.relu(layer["weight"] @ row + layer["bias"])
        return row

    return jax.vmap(one)(x)


def haiku(params: Any, x: Any) -> Any:
    """Two-level names, channels last."""
    conv, norm, linear = params["net/~/conv2_d"], params["net/~/layer_norm"], params["net/~/linear"]
    x = jax.lax.conv_general_dilated(x, conv["w"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    x = jax.nn.silu(x + conv["b"])
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    x = (x - mean) * jax.lax.rsqrt(variance + 1e-5) * norm["scale"] + norm["offset"]
    return x.reshape(x.shape[0], -1) @ linear["w"] + linear["b"]


EQUINOX = {
    "layers": [{"weight": reals(64, 32), "bias": reals(64)}, {"weight": reals(10, 64), "bias": reals(10)}]
}
HAIKU = {
    "net/~/conv2_d": {"w": reals(3, 3, 3, 16), "b": reals(16)},
    "net/~/layer_norm": {"scale": reals(16), "offset": reals(16)},
    "net/~/linear": {"w": reals(8 * 8 * 16, 10), "b": reals(10)},
}
IDS = RNG.integers(0, 1000, (2, 32)).astype("int32")

MODELS: Mapping[str, Callable[[], Made]] = {
    "MLP": lambda: (Mlp(nnx.Rngs(0)), (reals(2, 784),)),
    "CNN": lambda: (Cnn(nnx.Rngs(0)), (reals(2, 28, 28, 1),)),
    "ResNet-50": lambda: (ResNet50(nnx.Rngs(0)), (reals(2, 64, 64, 3),)),
    "VAE": lambda: (Vae(nnx.Rngs(0)), (reals(2, 784),)),
    "LSTM seq2seq": lambda: (Seq2Seq(nnx.Rngs(0)), (reals(2, 9, 16), reals(2, 7, 16))),
    "transformer encoder": lambda: (Transformer(False, nnx.Rngs(0)), (IDS,)),
    "transformer decoder": lambda: (Transformer(True, nnx.Rngs(0)), (IDS,)),
    "Equinox style": lambda: ((equinox, EQUINOX), (reals(2, 32),)),
    "Haiku style": lambda: ((haiku, HAIKU), (reals(2, 16, 16, 3),)),
}


def difference(model: Any, inputs: Sequence[np.ndarray], wanted: Sequence[np.ndarray], target: str) -> float:
    """The largest difference of the converted model, over the largest number of its output."""
    if target == "torch":
        import torch

        made = porter.to_torch(model, tuple(inputs), io_layout="source", verify=False)
        with torch.no_grad():
            found = made(*map(torch.from_numpy, inputs))
        arrays = [one.numpy() for one in (found if isinstance(found, tuple) else (found,))]
    else:
        made = porter.to_keras(model, tuple(inputs), io_layout="source", verify=False)
        found = made(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
        arrays = [np.asarray(one) for one in (found if isinstance(found, (tuple, list)) else (found,))]
    pairs = zip(arrays, wanted, strict=True)
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)


def native_share(graph: Graph) -> float:
    """The share of the trained numbers that are in layers."""
    sizes: dict[bool, int] = {True: 0, False: 0}
    for node, _, param in graph.params():
        if param.trainable:
            sizes[type(node.op).__name__ != "Constant"] += int(np.prod(param.tensor.shape))
    return sizes[True] / max(sum(sizes.values()), 1)


def transposes(graph: Graph) -> int:
    """How many are left in torch's order, at its inputs and outputs too."""
    laid = lay_out(graph, "first", "native").graph
    return sum(type(node.op).__name__ == "Transpose" for node in laid.nodes)


def measured(name: str, targets: Sequence[str]) -> dict[str, Any]:
    """One model, measured."""
    model, inputs = MODELS[name]()
    start = time.perf_counter()
    read_live = converter("jax").read_live
    assert read_live is not None
    source = read_live(LiveModel(model, inputs))
    seconds = time.perf_counter() - start
    assert source.living is not None
    wanted, _ = source.living.run(inputs)
    graph = normalise(source.graph)
    found: dict[str, Any] = {"model": name, "read_seconds": round(seconds, 1)}
    for target in targets:
        try:
            found[target] = float(f"{difference(model, inputs, wanted, target):.1e}")
        except PorterError as refused:
            found[target] = f"refused: {str(refused).splitlines()[0]:.80}"
    found |= {"native": round(native_share(graph), 4), "transposes": transposes(graph)}
    return {**found, "notices": list(source.notices)}


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", nargs="*", default=["torch", "tf"])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path, help="every row goes here")
    told = parser.parse_args()
    rows = []
    for name in MODELS:
        if not told.only or any(text in name for text in told.only):
            rows.append(measured(name, told.to))
            print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
