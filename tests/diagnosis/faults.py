"""The mistakes that people make in ports, to be planted in a torch bundle: what each is called, and how it is
made. They are written without a look at how porter finds them."""

# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import load_file, save_file

Array = np.ndarray


@dataclass
class Port:
    """A bundle that is being spoilt: its weights, its code, and which weights were touched."""

    weights: dict[str, Array]
    code: str
    labels: dict[str, str]  # by path in the bundle, the layer of the source
    ledger: dict[str, tuple[str, str, str]]  # by key, its file, the array there, and its moves
    touched: set[str] = field(default_factory=set)

    @staticmethod
    def of(bundle: Path) -> Port:
        """The bundle as it is."""
        manifest = json.loads((bundle / "porter.json").read_text(encoding="utf-8"))
        moves = {
            made["key"]: (row["file"], row["array"], " ".join(made["steps"]))
            for row in manifest["ledger"]
            for made in row["becomes"]
        }
        code = (bundle / "model.py").read_text(encoding="utf-8")
        return Port(load_file(bundle / "model.safetensors"), code, dict(manifest["modules"]), moves)

    def label(self, key: str) -> str:
        """The layer that a weight belongs to."""
        return self.labels.get(key.rpartition(".")[0], "")

    def write(self, right: Path, out: Path) -> Path:
        """A copy of a bundle with these weights and this code."""
        shutil.copytree(right, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        save_file({k: np.array(x, order="C") for k, x in self.weights.items()}, out / "model.safetensors")
        (out / "model.py").write_text(self.code, encoding="utf-8")
        return out


@dataclass(frozen=True)
class Fault:
    """One mistake; `names` are what it may rightly be called. In weights: which keys, and what becomes of
    them. In code: a pattern and its replacement."""

    names: tuple[str, ...]
    keys: Callable[[Port], list[str]] | None = None
    change: Callable[[Port, str], None] | None = None
    pattern: str = ""
    instead: str = ""
    kind: str = ""

    def places(self, port: Port) -> list[str]:
        """Where it can be planted: keys of weights, or the numbers of the pattern's matches."""
        if self.keys is not None:
            return [key for key in self.keys(port) if key not in port.touched]
        return [str(place) for place, _ in enumerate(re.finditer(self.pattern, port.code))]

    def plant(self, port: Port, place: str) -> str:
        """Plant it there; the layer that has it, where that is known."""
        if self.change is not None:
            prefix = place.rpartition(".")[0]
            port.touched |= {key for key in port.weights if key.rpartition(".")[0] == prefix}
            self.change(port, place)
            return port.label(place)
        match = list(re.finditer(self.pattern, port.code))[int(place)]
        port.code = port.code[: match.start()] + match.expand(self.instead) + port.code[match.end() :]
        return ""


def _weights(port: Port, rank: Sequence[int], suffix: str = "weight") -> list[str]:
    return [k for k, x in port.weights.items() if x.ndim in rank and k.endswith(suffix)]


def convolutions(port: Port) -> list[str]:
    return [k for k in _weights(port, (3, 4, 5)) if max(port.weights[k].shape[2:]) > 1 and _telling(port, k)]


def _telling(port: Port, key: str) -> bool:
    x = port.weights[key]
    return not np.allclose(x, np.flip(x, tuple(range(2, x.ndim))))


def square_kernels(port: Port) -> list[str]:
    return [
        k
        for k in convolutions(port)
        if port.weights[k].ndim == 4 and len(set(port.weights[k].shape[2:])) == 1
    ]


def _linear(port: Port, square: bool) -> list[str]:
    made = set(re.findall(r"self\.(\w+) = nn\.Linear", port.code))
    keys = [k for k in _weights(port, (2,)) if k.split(".")[-2] in made and min(port.weights[k].shape) > 1]
    return [k for k in keys if (len(set(port.weights[k].shape)) == 1) == square]


def _first_images(port: Port) -> list[str]:
    found = re.search(r"axes `n c h w`", port.code)
    keys = [k for k in _weights(port, (4,)) if port.weights[k].shape[1] == 3]
    return keys[:1] if found else []


def biases(port: Port) -> list[str]:
    return [k for k in _weights(port, (1,), ".bias") if np.abs(port.weights[k]).max() > 1e-3]


def _norms(port: Port) -> list[str]:
    keys = _weights(port, (1,), "running_var")
    return [k for k in keys if np.abs(port.weights[k] - 1).max() > 1e-2]


def _with_scale(port: Port) -> list[str]:
    keys = [k for k in _weights(port, (1,)) if k.removesuffix("weight") + "bias" in port.weights]
    return [k for k in keys if np.abs(port.weights[k] - 1).max() > 1e-2]


def _rnn(port: Port, gates: int, suffix: str = "weight_ih_l0") -> list[str]:
    keys = [k for k in port.weights if k.endswith(suffix)]
    kinds = {4: "LSTM", 3: "GRU", 1: "RNN"}
    made = set(re.findall(rf"self\.(\w+) = nn\.{kinds[gates]}\(", port.code))
    return [k for k in keys if k.split(".")[-2] in made]


def _set(change: Callable[[Array], Array]) -> Callable[[Port, str], None]:
    def plant(port: Port, key: str) -> None:
        port.weights[key] = np.ascontiguousarray(change(port.weights[key]))

    return plant


def _reshaped(x: Array) -> Array:
    order = (1, 0) if x.ndim == 2 else (*range(2, x.ndim), 1, 0)
    return np.ascontiguousarray(x.transpose(order)).reshape(x.shape)


def _gates(order: Sequence[int]) -> Callable[[Port, str], None]:
    def plant(port: Port, key: str) -> None:
        prefix = key.rpartition(".")[0]
        for name in [k for k in port.weights if k.rpartition(".")[0] == prefix]:
            parts = np.split(port.weights[name], len(order))
            port.weights[name] = np.concatenate([parts[k] for k in order])

    return plant


def _exchange(suffix: str, other: str) -> Callable[[Port, str], None]:
    def plant(port: Port, key: str) -> None:
        partner = key.removesuffix(suffix) + other
        port.weights[key], port.weights[partner] = port.weights[partner], port.weights[key]

    return plant


def _directions(port: Port, key: str) -> None:
    prefix = key.rpartition(".")[0]
    for name in [k for k in port.weights if k.startswith(f"{prefix}.") and k.endswith("_l0")]:
        _exchange("_l0", "_l0_reverse")(port, name)


def _bidirectional(port: Port) -> list[str]:
    return [k for k in port.weights if k.endswith("weight_ih_l0") and f"{k}_reverse" in port.weights]


def _two_biases(port: Port) -> list[str]:
    keys = [k for k in port.weights if k.endswith("bias_ih_l0")]
    return [k for k in keys if np.abs(port.weights[k.replace("_ih_", "_hh_")]).max() > 1e-3]


def _summed(port: Port, key: str) -> None:
    other = key.replace("_ih_", "_hh_")
    port.weights[key] = port.weights[key] + port.weights[other]
    port.weights[other] = np.zeros_like(port.weights[other])


def _in_both(port: Port, key: str) -> None:
    port.weights[key.replace("_ih_", "_hh_")] = port.weights[key].copy()


def _statistics_missing(port: Port, key: str) -> None:
    port.weights[key] = np.ones_like(port.weights[key])
    mean = key.replace("var", "mean")
    port.weights[mean] = np.zeros_like(port.weights[mean])


def _like_another(port: Port) -> list[str]:
    return [k for k in (*_weights(port, (2, 3, 4)),) if _partner(port, k)]


def _partner(port: Port, key: str) -> str:
    x = port.weights[key]
    for other, y in port.weights.items():
        same_rest = (
            key.removesuffix("weight") + "bias" in port.weights,
            other.removesuffix("weight") + "bias" in port.weights,
        )
        if other > key and y.shape == x.shape and other.endswith("weight") and same_rest[0] == same_rest[1]:
            return other
    return ""


def _exchanged(port: Port, key: str) -> None:
    other = _partner(port, key)
    for name in ("weight", "bias"):
        one, two = key.removesuffix("weight") + name, other.removesuffix("weight") + name
        if one in port.weights:
            port.weights[one], port.weights[two] = port.weights[two], port.weights[one]
    port.touched |= {k for k in port.weights if k.rpartition(".")[0] == other.rpartition(".")[0]}


def _flattened(port: Port) -> list[str]:
    """Weights behind a Flatten, whose source can be read by h5py alone."""
    keys = [key for key, (file, _, steps) in port.ledger.items() if "(f0 f1" in steps and h5py.is_hdf5(file)]
    return [key for key in keys if port.weights[key].ndim == 2]


def _in_source_order(port: Port, key: str) -> None:
    file, array, _ = port.ledger[key]
    with h5py.File(file) as stored:
        port.weights[key] = np.ascontiguousarray(np.array(stored[array]).T)


def _one_number(x: Array) -> Array:
    x = x.copy()
    x.reshape(-1)[x.size // 2] += 0.3 * (np.abs(x).max() + 0.1)
    return x


def _in_half(x: Array) -> Array:
    return x.astype("float16").astype("float32")


def _of(
    name: str, keys: Callable[[Port], list[str]], change: Callable[[Array], Array], kind: str = ""
) -> Fault:
    return Fault((name,), keys, _set(change), kind=kind)


FORWARD = r"(class Model\(nn\.Module\):(?:.|\n)*?def forward\(self, (x)\):\n)"
IMAGE = r"(class Model\(nn\.Module\):(?:.|\n)*?axes `n c h w`(?:.|\n)*?def forward\(self, (x)\):\n)"

WEIGHT_FAULTS = (
    _of("kernel flipped", convolutions, lambda x: np.flip(x, tuple(range(2, x.ndim)))),
    _of("height and width exchanged", square_kernels, lambda x: np.swapaxes(x, 2, 3)),
    _of("inputs and outputs exchanged", lambda p: _linear(p, True), np.transpose),
    _of("reshaped, not transposed", lambda p: _linear(p, False) + convolutions(p), _reshaped),
    _of("red and blue exchanged", _first_images, lambda x: x[:, ::-1]),
    _of("bias dropped", biases, np.zeros_like),
    _of("bias twice", biases, lambda x: 2 * x),
    Fault(("flattened in another order",), _flattened, _in_source_order),
    Fault(("gates in another order",), lambda p: _rnn(p, 4), _gates((0, 2, 1, 3))),
    Fault(("gates in another order",), lambda p: _rnn(p, 4), _gates((0, 1, 3, 2))),
    Fault(("gates in another order",), lambda p: _rnn(p, 3), _gates((1, 0, 2))),
    Fault(("directions exchanged",), _bidirectional, _directions),
    Fault(("biases exchanged",), _two_biases, _exchange("bias_ih_l0", "bias_hh_l0")),
    Fault(("biases summed",), _two_biases, _summed),
    Fault(("mean and variance exchanged",), _norms, _exchange("running_var", "running_mean"), kind="statistics"),
    _of("deviation for variance", _norms, np.sqrt, "statistics"),
    _of("variance for deviation", _norms, np.square, "statistics"),
    Fault(("statistics missing",), _norms, _statistics_missing, kind="statistics"),
    Fault(("scale and shift exchanged",), _with_scale, _exchange("weight", "bias")),
    Fault(("layers exchanged",), _like_another, _exchanged),
    _of("other numbers", lambda p: _linear(p, False) + convolutions(p), _one_number),
    _of("weights in a shorter type", lambda p: convolutions(p) + _linear(p, False) + _linear(p, True), _in_half),
)  # fmt: skip

CODE_FAULTS = (
    Fault(("another epsilon",), pattern=r"eps=0\.001", instead="eps=1e-05"),
    Fault(("another epsilon",), pattern=r"eps=1e-0?5", instead="eps=0.001"),
    Fault(("another approximate", "another activation"), pattern=r"F\.gelu\((.*)\)\n", instead=r'F.gelu(\1, approximate="tanh")\n'),
    Fault(("activation missing",), pattern=r"F\.relu\(", instead="("),
    Fault(("another negative slope",), pattern=r"F\.relu\(", instead="F.leaky_relu("),
    Fault(("another activation",), pattern=r"F\.relu\(", instead="F.gelu("),
    Fault(("activation missing",), pattern=r"F\.softmax\((.*), dim=-1\)", instead=r"(\1)"),
    Fault(("activation missing",), pattern=r"torch\.sigmoid\(", instead="("),
    Fault(("another activation",), pattern=r"torch\.sigmoid\(", instead="torch.tanh("),
    Fault(("another pooling",), pattern=r"F\.max_pool2d", instead="F.avg_pool2d"),
    Fault(("another pooling",), pattern=r"F\.avg_pool2d", instead="F.max_pool2d"),
    Fault(("another padding",), pattern=r"F\.pad\((\w+), \(0, 1, 0, 1\)", instead=r"F.pad(\1, (1, 0, 1, 0)"),
    Fault(("another padding mode",), pattern=r"(nn\.Conv\dd\(.*padding=1.*)\)\n", instead=r'\1, padding_mode="reflect")\n'),
    Fault(("branch forgotten",), pattern=r"= (\w+) \+ x\n", instead="= x\n"),
    Fault(("branches exchanged",), pattern=r"torch\.cat\(\[([\w\[\]]+), ([\w\[\]]+)\]", instead=r"torch.cat([\2, \1]"),
    Fault(("another attention scale",), pattern=r"attention\(query, key, (\w+)", instead=r"attention(query, key, \1, scale=1.0"),
    Fault(("statistics of the batch", "dropout active"), pattern=r"(?s)((?:BatchNorm|Dropout).*)return model\.eval\(\)", instead=r"\1return model.train()", kind="statistics"),
    Fault(("align corners",), pattern=r'mode="bilinear"\)', instead='mode="bilinear", align_corners=True)'),
    Fault(("another interpolation", "another kernel"), pattern=r'mode="bilinear"\)', instead='mode="bicubic")'),
    Fault(("inputs scaled",), pattern=IMAGE, instead=r"\1        \2 = \2 / 255\n", kind="inputs"),
    Fault(("inputs not scaled",), pattern=IMAGE, instead=r"\1        \2 = \2 * 255\n", kind="inputs"),
    Fault(("inputs standardised",), pattern=IMAGE, instead=r"\1        \2 = (\2 - \2.mean((1, 2, 3), keepdim=True)) / \2.std((1, 2, 3), correction=0, keepdim=True)\n", kind="inputs"),
    Fault(("integer division",), pattern=IMAGE, instead=r"\1        \2 = torch.trunc(\2)\n", kind="inputs"),
)  # fmt: skip

FAULTS = (*WEIGHT_FAULTS, *CODE_FAULTS)
