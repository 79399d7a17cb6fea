"""A bundle's own code, imported by itself in a worker process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from porter.errors import RunError

HIDDEN = ("porter", "converters")


def import_bundle(folder: Path) -> ModuleType:
    """The module `model.py` of a bundle; from now on it finds no porter to lean on."""
    for name in HIDDEN:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it now fails
    return own_module(folder)


def own_module(folder: Path) -> ModuleType:
    """The module `model.py` of a bundle, in a process that goes on to need porter."""
    path = folder / "model.py"
    if not path.is_file():
        raise RunError(f"{path}: the bundle holds no model.py")
    spec = importlib.util.spec_from_file_location("bundle_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
