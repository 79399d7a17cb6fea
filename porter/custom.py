"""Reading rules of one's own, for layers that porter does not know: `--custom FILE.py`.

A file marks functions with `@reads("ClassName")`, or holds a table `LAYERS = {"ClassName": function}`.
A function gets one call of the layer and returns the output value; `docs/custom.md` shows what it can use.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from porter.errors import FAULTS, RequestError

Rule = Callable[..., Any]
R = TypeVar("R", bound=Rule)

MARK = "__porter_reads__"


def reads(*class_names: str) -> Callable[[R], R]:
    """Mark a function as the reader of the layers of these classes."""

    def mark(rule: R) -> R:
        setattr(rule, MARK, (*getattr(rule, MARK, ()), *class_names))
        return rule

    return mark


def custom_rules(files: Iterable[Path]) -> dict[str, Rule]:
    """The rules of all files by class name; a file that cannot be imported or says nothing is refused."""
    table: dict[str, tuple[Rule, Path]] = {}
    for file in files:
        for name, rule in _rules_of(file).items():
            if name in table:
                raise RequestError(f"--custom: {file} and {table[name][1]} both have a rule for {name!r}")
            table[name] = (rule, file)
    return {name: rule for name, (rule, _) in table.items()}


def _rules_of(file: Path) -> dict[str, Rule]:
    module = _imported(file)
    found: dict[str, Rule] = {}
    for thing in vars(module).values():
        if callable(thing):
            found.update(dict.fromkeys(getattr(thing, MARK, ()), thing))
    table = getattr(module, "LAYERS", {})
    if not isinstance(table, Mapping):
        raise RequestError(
            f"--custom {file}: LAYERS must be a dict of class names and functions, got {table!r}"
        )
    found.update({str(name): rule for name, rule in table.items()})
    wrong = [name for name, rule in found.items() if not callable(rule)]
    if wrong:
        raise RequestError(f"--custom {file}: the rule for {', '.join(wrong)} is no function")
    if not found:
        raise RequestError(f'--custom {file}: no function in it is marked with @reads("ClassName")')
    return found


def _imported(file: Path) -> ModuleType:
    if not file.is_file():
        raise RequestError(f"--custom {file}: there is no such file")
    name = f"porter_custom_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise RequestError(f"--custom {file}: a Python file is expected")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and the like look their module up
    try:
        spec.loader.exec_module(module)
    except FAULTS as fault:
        raise RequestError(f"--custom {file}: {type(fault).__name__}: {fault}") from fault
    return module
