"""The child: imports one framework's runner, opens one model, and answers requests until they end."""

from __future__ import annotations

import importlib
import json
import resource
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from porter.errors import PorterError
from porter.workers.capture import Capture, Force
from porter.workers.job import JOB, answer_file, load_arrays, save_arrays, save_named
from porter.workers.process import NotAvailable

Request = Mapping[str, Any]
Answer = dict[str, Any]


def main(folder: Path) -> None:
    """Answer the job that lies in `folder`."""
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    model, refusal = _loaded(job)
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        answer = refusal or _answer(partial(ANSWERS[request["do"]], folder, model, job, request))
        made = folder / (answer_file(number) + ".part")
        made.write_text(json.dumps(answer), encoding="utf-8")
        made.rename(folder / answer_file(number))


def _loaded(job: Request) -> tuple[Any, Answer]:
    """The model, or the answer to whatever is asked of it."""
    found: list[Any] = [None]

    def load() -> Answer:
        runner = importlib.import_module(job["runner"])
        if job["seed"] is not None:
            runner.seed(job["seed"])
        found[0] = runner.load(job["model"], precision=job["precision"], threads=job["threads"])
        return {}

    refusal = _answer(load)
    return found[0], refusal


def _answer(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except NotAvailable as error:
        return {"error": "unavailable", "message": error.message}
    except PorterError as error:
        return {"error": "failed", "message": str(error)}


def _run(folder: Path, model: Any, job: Request, request: Request) -> Answer:
    """Each set of inputs; of one set, the outputs of layers too."""
    room = request["room"] if request["room"] is not None else float("inf")
    capture = Capture(folder, request["index"], request["wanted"], room)
    dtypes: list[str] = []
    for place in range(request["sets"]):
        inputs = load_arrays(folder / f"in{place}.npz")
        watch = capture if place == request["capture"] else None
        outputs, dtypes = model.run(inputs, job["dtypes"], watch)
        save_arrays(folder / f"out{place}.npz", outputs)
    return {"dtypes": dtypes, "environment": {**model.environment(), "peak_bytes": _peak()}}


def _force(folder: Path, model: Any, job: Request, request: Request) -> Answer:
    """One run in which each layer gets true inputs; none where a runner cannot replace outputs."""
    if not getattr(model, "replaces", False):
        return {}
    capture = Capture(folder, request["index"], request["layers"])
    inputs = load_arrays(folder / "forced.npz")
    outputs, _ = model.run(inputs, job["dtypes"], Force(capture, list(request["layers"])))
    save_arrays(folder / "forced_out.npz", outputs)
    return {}


def _otherwise(folder: Path, model: Any, job: Request, request: Request) -> Answer:
    """One run in the other of the two ways, eager and compiled, that a framework has."""
    if not hasattr(model, "other_way"):
        return {"error": "unavailable", "message": "there is one way to run it"}
    name, other = model.other_way()
    outputs, _ = other.run(load_arrays(folder / "other.npz"), job["dtypes"], None)
    save_arrays(folder / "other_out.npz", outputs)
    return {"way": name}


def _learn(folder: Path, model: Any, job: Request, request: Request) -> Answer:
    """What the model would learn from a loss."""
    if not hasattr(model, "learn"):
        return {"error": "unavailable", "message": "its gradients cannot be asked for yet"}
    learned = model.learn(load_arrays(folder / "learn.npz"), job["dtypes"], load_arrays(folder / "loss.npz"))
    inputs = {str(place): array for place, array in enumerate(learned.inputs) if array is not None}
    save_named(folder / "learned_inputs.npz", inputs)
    for part in ("gradients", "step", "values"):
        save_named(folder / f"learned_{part}.npz", getattr(learned, part))
    return {}


ANSWERS = {"run": _run, "force": _force, "learn": _learn, "otherwise": _otherwise}


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))
