"""A model that is Python code: `net.py:build` or `package.module:build`, a function that builds it.

Calling it runs the user's own code, which is what the user asked for by naming it; nothing else of porter
ever runs code that a file holds.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.dataclass import dataclass
from porter.errors import FAULTS, RequestError, SourceError

_WORD = re.compile(r"(?P<home>.+):(?P<function>[A-Za-z_][A-Za-z0-9_.]*)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Factory:
    """A function that builds a model: its file or module, and its name there."""

    home: str
    function: str

    @staticmethod
    def parse(word: str) -> Factory | None:
        """The factory that a word names; None where it is a plain path."""
        found = _WORD.fullmatch(word)
        if found is None or Path(word).exists():
            return None
        home, function = found["home"], found["function"]
        if not home.endswith(".py") and (_MODULE.fullmatch(home) is None or len(home) == 1):
            return None
        return Factory(home, function)

    def __str__(self) -> str:
        return f"{self.home}:{self.function}"

    @property
    def name(self) -> str:
        """A short name for what it builds."""
        return Path(self.home).stem if self.home.endswith(".py") else self.home.rpartition(".")[2]

    @property
    def place(self) -> str:
        """The home in words that mean the same wherever they are read."""
        return str(Path(self.home).resolve()) if self.home.endswith(".py") else self.home

    @cached_property
    def model(self) -> Any:
        """What the function builds; it is called once."""
        return self.build()

    def build(self) -> Any:
        """The model, as the function returns it."""
        found: Any = self._module()
        for part in self.function.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            raise SourceError(f"{self.home}: holds no function {self.function!r} to call")
        try:
            return found()
        except FAULTS as fault:
            raise SourceError(
                f"{self}: the function raised {type(fault).__name__}: {fault}; it is called without "
                "arguments and must return the model"
            ) from fault

    def _module(self) -> ModuleType:
        if self.home.endswith(".py"):
            return self._file(Path(self.home))
        sys.path.insert(0, str(Path.cwd()))
        try:
            return importlib.import_module(self.home)
        except FAULTS as fault:
            raise SourceError(f"{self.home}: cannot be imported: {type(fault).__name__}: {fault}") from fault
        finally:
            sys.path.remove(str(Path.cwd()))

    def _file(self, path: Path) -> ModuleType:
        """The file as a module of its own, which may import what lies beside it."""
        if not path.is_file():
            raise SourceError(f"{path}: no such file")
        name = f"porter_source_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise RequestError(f"{path}: a Python file is expected")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and the like look their module up
        beside = str(path.resolve().parent)
        sys.path.insert(0, beside)
        try:
            spec.loader.exec_module(module)
        except FAULTS as fault:
            raise SourceError(f"{path}: cannot be imported: {type(fault).__name__}: {fault}") from fault
        finally:
            sys.path.remove(beside)
        return module


@dataclass(frozen=True)
class Code:
    """What only a source that is Python code needs."""

    factory: Factory | None = None
    weights: Path | None = None
    static_batch: bool = False


def for_code(listed: Sequence[str | Path], told: Code) -> Code:
    """The factory that the first word names, if it does; a second word is then the file of its weights."""
    factory = Factory.parse(str(listed[0]))
    if factory is None:
        option = "--weights" if told.weights is not None else "--static-batch" if told.static_batch else ""
        if option:
            raise RequestError(
                f"{option} belongs to a source that is Python code (module.py:factory); "
                f"{listed[0]} is a file: leave it out"
            )
        return told
    if len(listed) > 2 or (len(listed) == 2 and told.weights is not None):
        raise RequestError(f"{factory} takes one file of weights, not {', '.join(map(str, listed[1:]))}")
    weights = Path(listed[1]) if len(listed) == 2 else told.weights
    return Code(factory, weights, told.static_batch)
