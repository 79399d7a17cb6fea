"""Faulty ports, and whether `porter diagnose` names what is wrong with them.

    python -m scripts.bench.diagnosis [--cases 360] [--only NETWORK ...] [--part 0/3]

Right ports of CNNs, recurrent networks, transformers and old Keras models get one, two or three of the
mistakes of `tests/diagnosis/faults.py` each, drawn by a seed. All runs in this process, so that hundreds take
minutes; the reference stands in for Keras. A fault that changes no output is drawn anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import porter
from porter.diagnosis.diagnose import diagnose
from porter.diagnosis.findings import Diagnosis
from porter.diagnosis.mend import mend
from porter.source_model import ReadRequest
from porter.verification import Settings, contestant, pair
from porter.verification.trial import verify
from scripts.bench.measure import keep
from tests.compare.in_process import InProcess, loaded
from tests.compare.mutations import NETWORKS, Network
from tests.diagnosis.faults import FAULTS, Fault, Port

Row = dict[str, Any]
TRIES = 40


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--cases", type=int, default=360)
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--only", nargs="+", default=[], help="networks whose name contains one of these words")
    cli.add_argument("--part", default="0/1", help="which part of the networks: 1/3 is the second of three")
    cli.add_argument("--rows", type=Path, help="write the rows of a part here; without it, the whole is kept")
    cli.add_argument("--join", type=Path, nargs="+", help="sum up the rows of parts that were run before")
    told = cli.parse_args()
    contestant.start = InProcess  # type: ignore[assignment]
    rows: list[Row] = []
    if told.join:
        rows = [row for file in told.join for row in json.loads(file.read_text())]
    else:
        here, parts = map(int, told.part.split("/"))
        named = [n for n in NETWORKS if not told.only or any(word in n.name for word in told.only)]
        each = -(-told.cases // len(named))
        with tempfile.TemporaryDirectory() as folder:
            for network in named[here::parts]:
                rows += _of(network, Path(folder), each, told.seed)
    found = summary(rows)
    print(json.dumps(found, indent=1))
    if told.rows:
        told.rows.write_text(json.dumps(rows))
    elif not told.only:
        print(keep("diagnosis", {**found, "rows": rows}))


def _of(network: Network, folder: Path, count: int, seed: int) -> list[Row]:
    files = network.paths(folder)
    right = folder / network.name.replace("/", "_")
    porter.convert(files, to="torch", out=right, verify=False, source_backend=network.backend)
    a = ReadRequest(tuple(files), source_backend=network.backend)
    rows = [{"network": network.name, "family": network.family, "faults": 0, **_right_port(a, right)}]
    print(rows[0], flush=True)
    for case in range(count):
        rng = np.random.default_rng([seed, case, sum(map(ord, network.name))])
        row = _case(network, a, right, folder / "port", rng, 1 + case % 3)
        if row is not None:
            rows.append(row)
            print(_line(row), flush=True)
    return rows


def _right_port(a: ReadRequest, right: Path) -> Row:
    found = _diagnosed(a, right)[0]
    return {"named": not found.causes, "causes": [cause.name for cause in found.causes]}


def _diagnosed(a: ReadRequest, bundle: Path) -> tuple[Diagnosis, Any, Any, Settings]:
    one, two, settings = pair(a, ReadRequest((bundle,)), None, Settings())
    one = replace(one, runner=None)
    return diagnose(one, two, None, settings), one, two, settings


def _case(network: Network, a: ReadRequest, right: Path, out: Path, rng: Any, count: int) -> Row | None:
    """One faulty port; None where this network has no place for so many."""
    planted = _planted(right, out, rng, count)
    if planted is None:
        return None
    began = time.perf_counter()
    row: Row = {"network": network.name, "family": network.family, "faults": count}
    row["planted"] = [(" / ".join(fault.names), label) for fault, label in planted]
    try:
        found, one, two, settings = _diagnosed(a, out)
        row["seconds"] = round(time.perf_counter() - began, 2)
        row["causes"] = [(cause.name, [place.layer for place in cause.places]) for cause in found.causes]
        row |= _judged(found, planted)
        row["fixed"] = _fixed(found, one, two, settings, out) if _all_in_weights(planted) else None
    except Exception as error:  # noqa: BLE001  # a crash is a result of the bench, and is told as one
        row |= {"named": False, "all": False, "error": repr(error)[:300], "causes": [], "fixed": None}
        row["where"] = traceback.format_exc()[-600:]
        row["seconds"] = round(time.perf_counter() - began, 2)
    return row


def _planted(right: Path, out: Path, rng: Any, count: int) -> list[tuple[Fault, str]] | None:
    for _ in range(TRIES):
        port, planted, chosen = Port.of(right), [], []
        for number in rng.permutation(len(FAULTS)):
            fault = FAULTS[number]
            names = {name for other, _ in planted for name in other.names}
            places = fault.places(port)
            if not places or names & set(fault.names) or _clash(fault, planted):
                continue
            place = places[rng.integers(len(places))]
            chosen.append((fault, place))
            planted.append((fault, fault.plant(port, place)))
            if len(planted) == count:
                break
        if len(planted) < count:
            return None
        shutil.rmtree(out, ignore_errors=True)
        port.write(right, out)
        if _tells(right, out) and all(_alone(right, out.with_name("alone"), *one) for one in chosen):
            return planted
    return None


def _alone(right: Path, out: Path, fault: Fault, place: str) -> bool:
    """Whether a fault shows by itself, too."""
    port = Port.of(right)
    if place not in fault.places(port):
        return False
    fault.plant(port, place)
    shutil.rmtree(out, ignore_errors=True)
    port.write(right, out)
    return _tells(right, out)


def _clash(fault: Fault, planted: list[tuple[Fault, str]]) -> bool:
    """Two changes of the way in are one; with the statistics of the batch, stored ones are not looked at."""
    both = [fault, *(other for other, _ in planted)]
    kinds = [one.kind for one in both if one.kind]
    return len(kinds) != len(set(kinds))


def _tells(right: Path, out: Path) -> bool:
    """Whether the outputs differ, and are numbers."""
    manifest = json.loads((right / "porter.json").read_text())
    rng = np.random.default_rng(5)
    inputs, dtypes = [], []
    for row in manifest["inputs"]:
        shape = [
            3 if size is None and not place else 7 if size is None else size
            for place, size in enumerate(row["shape"])
        ]
        whole = "int" in row["dtype"]
        inputs.append(rng.integers(0, 3, shape) if whole else rng.standard_normal(shape).astype("float32"))
        dtypes.append(row["dtype"])
    try:
        one, two = (loaded(folder).run(inputs, dtypes, None)[0] for folder in (right, out))
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False  # it cannot be run at all, which needs no diagnosis
    same = all(x.shape == y.shape and np.allclose(x, y, 1e-5, 1e-6) for x, y in zip(one, two, strict=True))
    return not same and all(np.isfinite(y).all() for y in two)


def _all_in_weights(planted: list[tuple[Fault, str]]) -> bool:
    return all(fault.change is not None for fault, _ in planted)


def _judged(found: Diagnosis, planted: list[tuple[Fault, str]]) -> Row:
    """Is the first cause a true one; are all true ones named, and none that is not?"""
    named: set[int] = set()
    wrong, first = 0, False
    for place, cause in enumerate(found.causes):
        layers = {layer.layer for layer in cause.places}
        true = {
            number
            for number, (fault, layer) in enumerate(planted)
            if cause.name in fault.names and (not layer or layer in layers)
        }
        named |= true
        wrong += not true
        first = first or (place == 0 and bool(true))
    every = len(named) == len(planted) and not wrong
    return {"named": first, "all": every, "false": wrong, "unexplained": len(found.unexplained)}


def _fixed(found: Diagnosis, one: Any, two: Any, settings: Settings, out: Path) -> bool:
    mended = out.with_name("mended")
    shutil.rmtree(mended, ignore_errors=True)
    mend(found, two, settings.layers, mended, force=True)
    again = replace(two, model={**two.model, "bundle": str(mended)})
    return verify(one, again, None, settings).equivalent


def _line(row: Row) -> str:
    good = "ok  " if row["all"] else "part" if row["named"] else "MISS"
    shown = {
        k: row[k]
        for k in ("network", "planted", "causes", "unexplained", "seconds", "fixed", "error")
        if k in row
    }
    return f"{good} {shown}"


def summary(rows: list[Row]) -> Row:
    """The figures that are published."""
    faulty = [row for row in rows if row["faults"]]
    right = [row for row in rows if not row["faults"]]
    fixed = [row["fixed"] for row in faulty if row.get("fixed") is not None]
    told: Row = {"faulty_ports": len(faulty), "right_ports": len(right)}
    told["false_explanations_on_right_ports"] = sum(not row["named"] for row in right)
    for count in (1, 2, 3):
        some = [row for row in faulty if row["faults"] == count]
        if some:
            told[f"{count}_faults"] = {
                "ports": len(some),
                "true_cause_first": round(sum(row["named"] for row in some) / len(some), 4),
                "all_named_and_nothing_else": round(sum(row["all"] for row in some) / len(some), 4),
            }
    families = sorted({row["family"] for row in faulty})
    told["by_family"] = {
        family: [sum(row["all"] for row in faulty if row["family"] == family),
                 sum(row["family"] == family for row in faulty)]
        for family in families
    }  # fmt: skip
    told["mended_of_those_in_weights_alone"] = [sum(fixed), len(fixed)]
    seconds = sorted(row["seconds"] for row in faulty)
    if seconds:
        told["seconds_median"], told["seconds_most"] = seconds[len(seconds) // 2], seconds[-1]
    return told


if __name__ == "__main__":
    main()
