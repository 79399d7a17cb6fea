"""How often a layer of Keras that torch has, too, becomes torch's own, over the rows of the layer tables.

python -m scripts.bench.native [--only LSTM ...]

A twin that is not used means something else with those options; such rows are named.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from scripts.bench.measure import keep

TWINS: Mapping[str, tuple[str, ...]] = {
    "LSTM": ("nn.LSTM",),
    "GRU": ("nn.GRU",),
    "SimpleRNN": ("nn.RNN",),
    "Bidirectional": ("nn.LSTM", "nn.GRU", "nn.RNN"),
    "MultiHeadAttention": ("F.scaled_dot_product_attention", "nn.MultiheadAttention"),
    "GroupQueryAttention": ("F.scaled_dot_product_attention",),
    "Attention": ("F.scaled_dot_product_attention",),
    "Dense": ("nn.Linear",),
    "EinsumDense": ("nn.Linear",),
    "Embedding": ("nn.Embedding",),
    "BatchNormalization": ("nn.BatchNorm",),
    "LayerNormalization": ("nn.LayerNorm",),
    "GroupNormalization": ("nn.GroupNorm",),
    "RMSNormalization": ("nn.RMSNorm",),
    "PReLU": ("nn.PReLU",),
} | {
    f"{kind}{n}D": (f"nn.Conv{n}d",) for kind in ("Conv", "DepthwiseConv", "SeparableConv") for n in (1, 2, 3)
}
TWINS |= {f"Conv{n}DTranspose": (f"nn.ConvTranspose{n}d",) for n in (1, 2, 3)}
"""Classes of `keras.layers`, and what torch calls the same."""


def tally(only: list[str]) -> dict[str, dict[str, list[str]]]:
    """For each class the rows that use torch's own, and those that do not."""
    import porter
    from tests.layers.cases import CASES

    found: dict[str, dict[str, list[str]]] = {}
    with tempfile.TemporaryDirectory(prefix="porter-bench-") as scratch:
        file = Path(scratch) / "model.keras"
        for case in CASES:
            classes = [name for name in case.covers if name in TWINS and (not only or name in only)]
            if not classes:
                continue
            case.model().save(file)
            bundle = porter.convert(file, to="torch", out=Path(scratch) / "out", verify=False, force=True)
            text = (bundle.path / "model.py").read_text(encoding="utf-8")
            for name in classes:
                used = any(re.search(rf"{twin}\w*\(", text) for twin in TWINS[name])
                found.setdefault(name, {"own": [], "other": []})["own" if used else "other"].append(case.name)
    return found


def main() -> None:
    """Print a line for each class, and the sum."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--only", nargs="+", default=[], choices=list(TWINS))
    found = tally(cli.parse_args().only)
    for name, rows in found.items():
        others = f"; not in {', '.join(rows['other'])}" if rows["other"] else ""
        print(f"{name:22} {len(rows['own'])} of {sum(map(len, rows.values()))}{others}")
    own = sum(len(rows["own"]) for rows in found.values())
    print(f"all: {own} of {sum(len(row) for rows in found.values() for row in rows.values())}")
    print("kept in", keep("native", found))


if __name__ == "__main__":
    main()
