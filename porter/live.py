"""Live models in, live models out: what `porter.to_torch` and its siblings do.

The road is that of files: the model is read to a graph, written as a bundle, verified. Its weights are read
from the live variables one at a time, and the bundle's own code gives the model that is returned.
"""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path
from types import ModuleType
from typing import Any

from porter import frameworks, pipeline, verification
from porter.compare import NotEquivalent
from porter.dataclass import dataclass
from porter.errors import RequestError
from porter.source_model import LiveModel

Progress = Callable[[str, int, int], None]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Settings:
    """How to convert; `to_torch` in `api.py` documents each."""

    out: Path | None = None
    options: pipeline.Options = field(default_factory=pipeline.Options)
    verify: bool = True
    progress: Progress | None = None


def to(target: str, live: LiveModel, settings: Settings) -> Any:
    """The live model in another framework, as a live model there."""
    source = frameworks.live(live.model)
    wanted = frameworks.target(target)
    assert source.read_live is not None
    model = source.read_live(live)
    check = verification.of_live(source, settings.progress) if settings.verify else None
    with ExitStack() as undo:
        folder = settings.out
        if folder is None:
            room = tempfile.mkdtemp(prefix="porter-live-")
            undo.callback(shutil.rmtree, room, ignore_errors=True)
            folder = Path(room) / "bundle"
        done = pipeline.convert(model, wanted, folder, settings.options, settings.progress, check)
        if done.verification is not None and not done.verification.equivalent:
            raise NotEquivalent(done.verification)
        try:
            made = _module(done.path).load()
        except ImportError as error:
            raise RequestError(f"{wanted.title} cannot be imported here: {error}") from error
        weakref.finalize(made, undo.pop_all().close)  # its source can be looked at as long as it lives
    return made


def _module(folder: Path) -> ModuleType:
    """A bundle's `model.py`, under a name of its own: any number of them may live side by side."""
    name = f"porter_live_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def examples(told: Any) -> tuple[Any, ...] | None:
    """Example inputs as the arguments of a call: a tuple is one each, anything else is the only one."""
    if told is None:
        return None
    return told if isinstance(told, tuple) else (told,)
