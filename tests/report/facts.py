"""Comparisons made up for the report: of a network that is fine, one that is wrong, and one full of traps."""

from __future__ import annotations

import numpy as np

from porter.compare import Comparison, LayerRow, WeightRow
from porter.compare.difference import Distance, Yardstick
from porter.compare.heat import heat_map
from porter.compare.verdict import Case, Evidence, Sides, judge, output_row, within_layer_limit

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"onmouseover="alert(1)',
    "'; alert(1); '",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe",
    "line\nbreak\ttab\x00nul\x1b[31m",
    "half of a pair \ud800",
    "]]><!--",
    "a" * 300,
    "javascript:alert(1)",
    "ünïcödé 🦊",
)


def yardstick(rng: np.random.Generator, *shape: int) -> Yardstick:
    exact = rng.standard_normal(shape)
    return Yardstick(exact, exact.astype("float32"), 2.0**-23)


def distance(stick: Yardstick, off: float, rng: np.random.Generator) -> Distance:
    given = (stick.exact + off * rng.standard_normal(stick.exact.shape)).astype("float32")
    return stick.measure(given)


def layer(number: int, name: str, off: float, alone: float, rng: np.random.Generator) -> LayerRow:
    stick = yardstick(rng, 2, 5, 7, 3)
    b, isolated = distance(stick, off, rng), distance(stick, alone, rng)
    return LayerRow(
        name=name,
        path=name.replace("/", "."),
        kind="Conv2D" if number % 3 else "BatchNormalization",
        op="Conv",
        shape=(2, 5, 7, 3),
        scale=stick.scale,
        noise=stick.noise,
        a=distance(stick, 1e-8, rng),
        b=b if number % 5 != 4 else None,
        isolated=isolated if number % 5 != 4 else None,
        isolated_noise=stick.noise,
        equivalent=number % 5 == 4 or within_layer_limit(b, isolated),
        heat=heat_map((stick.exact + off).astype("float32"), stick.exact, (1, 2)) if off > 1e-3 else None,
    )


def comparison(wrong_from: int | None = None, names: tuple[str, ...] = (), layers: int = 12) -> Comparison:
    """Layers are wrong from number `wrong_from` on; `names` replace those of the first ones."""
    rng = np.random.default_rng(1)
    labels = [*names, *(f"block_{k // 4}/conv_{k}" for k in range(len(names), layers))]
    rows = []
    for number, label in enumerate(labels):
        late = wrong_from is not None and number >= wrong_from
        rows.append(layer(number, label, 0.1 if late else 1e-8, 0.1 if number == wrong_from else 1e-8, rng))
    outputs = []
    for name, shape in ((names[0] if names else "mask", (2, 9, 11, 1)), ("scores", (4, 10))):
        stick = yardstick(rng, *shape)
        off = 1e-8 if wrong_from is None else 0.1
        given = (stick.exact + off * rng.standard_normal(shape)).astype("float32")
        a = stick.exact.astype("float32")
        image = (1, 2) if len(shape) == 4 else None
        outputs.append(output_row(Case(name, "ordinary", stick, a, given, "float32", image)))
    weights = tuple(WeightRow(name, name, "differs by up to 1.0e-01") for name in names)
    note = names[0] if names else "the reference stands in"
    ledger = [
        {
            "file": "model.keras",
            "array": label,
            "shape": [3, 3, 2, 4],
            "dtype": "float32",
            "becomes": [{"key": label, "steps": ["h w i o -> o i h w"], "trainable": True}],
        }
        for label in labels
    ]
    left = {"layer": labels[0], "perm": [0, 3, 1, 2], "reason": note}
    conversion = {"ledger": ledger, "transposes": [left]}
    environment = {
        "porter": "0.1.0",
        "inputs": [{"name": "ordinary", "shapes": [[2, 9, 11, 3]]}],
        "a": None,
        "b": {"framework": note, "tf32": False, "peak_bytes": 123456789},
        "memory": {"budget_bytes": 2 << 30, "peak_bytes": 1 << 28},
        "seconds": 1.5,
    }
    sides = Sides(names[0] if names else "Keras (model)", "PyTorch (bundle)")
    found = judge(sides, Evidence(tuple(outputs), tuple(rows), weights, notes=(note,)), environment)
    return Comparison(**{**vars(found), "conversion": conversion})
