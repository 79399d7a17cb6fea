"""The bundle on disk: written whole or not at all, with a manifest that tells everything about it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from porter.bundle_params import Places
from porter.errors import RequestError
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.graph.ops.reshaping import Transpose
from porter.graph.serial import to_json
from porter.layout import LaidOut
from porter.source_model import LedgerRow, SourceModel, Written
from porter.version import __version__
from porter.writing.shared import parted

MANIFEST = "porter.json"


@contextmanager
def fresh_folder(out: Path, force: bool) -> Iterator[Path]:
    """A folder that takes the place of `out` when all went well; until then `out` stays as it was."""
    occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if occupied and not force and not (out / MANIFEST).is_file():
        raise RequestError(f"{out} exists and is no bundle of porter's; choose another folder or say --force")
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield made
        made.chmod(0o755)
        if out.exists():
            old = made.with_name(made.name + "-old")
            out.replace(old)
            made.replace(out)
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        else:
            made.replace(out)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def manifest(
    source: SourceModel,
    laid: LaidOut,
    written: Written,
    target: str,
    weights: Mapping[str, str],
    io_layout: str,
) -> dict[str, Any]:
    """What `porter.json` holds."""
    return {
        "porter": __version__,
        "format": 1,
        "name": source.graph.name,
        "target": target,
        "io_layout": io_layout,
        "source": dict(source.facts),
        "weights": dict(weights),
        "inputs": [_signature(value, laid) for value in laid.graph.inputs],
        "outputs": [
            _signature(v, laid, n) for v, n in zip(laid.graph.outputs, _output_names(laid), strict=True)
        ],
        "transposes": transposes(laid),
        "notices": [*source.notices, *parted(laid.graph, written.weights)],
        "ledger": ledger(source.ledger, written),
        "graph": to_json(laid.graph, Places(written.weights)),
        "modules": {path: node.origin.label for path, node in written.modules.items()},
    }


def transposes(laid: LaidOut) -> list[dict[str, Any]]:
    """Every transpose that is left, with its reason."""
    return [
        {"layer": node.origin.label, "perm": list(node.op.perm), "reason": node.op.reason}
        for node in laid.graph.nodes
        if isinstance(node.op, Transpose)
    ]


def _output_names(laid: LaidOut) -> list[str]:
    named = laid.graph.output_names
    return list(named) if len(named) == len(laid.graph.outputs) else [v.name for v in laid.graph.outputs]


def _signature(value: Value, laid: LaidOut, name: str | None = None) -> dict[str, Any]:
    return {
        "name": name or value.name,
        "shape": [_size(dim) for dim in value.shape],
        "dtype": value.dtype,
        "axes": laid.graph.axes.get(value, ""),
        "source_axes": laid.source_axes.get(value, ""),
    }


def _size(dim: Dim) -> int | None:
    return dim if isinstance(dim, int) else None


def ledger(rows: tuple[LedgerRow, ...], written: Written) -> list[dict[str, Any]]:
    """Every array of the source: what became of it, by which axis strings; or why it was left."""
    goes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for key, weight in written.weights.items():
        for origin in weight.tensor.origins:
            entry: dict[str, Any] = {"key": key, "steps": list(weight.tensor.steps)}
            entry["trainable"] = weight.trainable
            if key in written.also:
                entry["also"] = list(written.also[key])
            goes.setdefault((origin.file, origin.key), []).append(entry)
    return [
        {
            "file": row.array.file,
            "array": row.array.key,
            "shape": list(row.array.shape),
            "dtype": row.array.dtype,
            "becomes": goes.get((row.array.file, row.array.key), []),
            **({"unused": row.reason} if row.reason else {}),
        }
        for row in rows
    ]


def write_json(path: Path, content: object) -> None:
    """JSON that people can read too."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
