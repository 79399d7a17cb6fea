"""Architectures in YAML, as Keras 1 and 2 could write them: plain values only, whatever a file asks for."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from porter.errors import SourceError, UnsupportedModel

LARGEST = 1_000_000
"""Values that an architecture may have once its aliases are written out."""

APPLIED = "tag:yaml.org,2002:python/object/apply:"
NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMBER_TYPE = re.compile(r"[biuf][1248]")
"""What a size computed with NumPy is dumped as: three things that are read as the number they stand for."""


def parsed_yaml(text: str, label: str) -> Any:
    """The value of a YAML text. Tags that would build Python objects are refused, tuples are lists."""
    try:
        import yaml
    except ImportError as error:
        raise UnsupportedModel(
            f"{label}: is in YAML; install PyYAML to read it (pip install pyyaml)"
        ) from error

    loader: Any = type("Loader", (yaml.SafeLoader,), {})  # its own table of tags
    loader.add_constructor("tag:yaml.org,2002:python/tuple", _listed)
    loader.add_constructor("tag:yaml.org,2002:python/unicode", _text)
    loader.add_constructor("tag:yaml.org,2002:python/str", _text)
    loader.add_constructor("tag:yaml.org,2002:python/long", yaml.SafeLoader.construct_yaml_int)
    for module in NUMPY_MODULES:
        loader.add_constructor(f"{APPLIED}{module}.scalar", _numpy_number)
    loader.add_constructor(f"{APPLIED}numpy.dtype", _dtype)
    try:
        value = yaml.load(text, loader)  # noqa: S506  (a subclass of the safe loader)
    except (yaml.YAMLError, ValueError) as error:
        raise SourceError(
            f"{label}: cannot be read as YAML ({' '.join(str(error).split())[:200]})"
        ) from error
    except RecursionError as error:
        raise SourceError(f"{label}: its YAML is nested without end") from error
    if _size(value, {}, set()) > LARGEST:
        raise SourceError(f"{label}: its aliases stand for more than {LARGEST:,} values; refused")
    return value


def _listed(loader: Any, node: Any) -> Any:
    return loader.construct_sequence(node, True)


def _dtype(loader: Any, node: Any) -> Any:
    """A NumPy number type, by its name and the order of its bytes."""
    told = loader.construct_mapping(node, True)
    name, state = (told.get("args") or [None])[0], told.get("state") or [None, "<"]
    if not isinstance(name, str) or not NUMBER_TYPE.fullmatch(name) or state[1] not in ("<", ">", "|"):
        raise ValueError(f"a number type that is not known: {name!r:.40}")
    return np.dtype(name).newbyteorder(state[1])


def _numpy_number(loader: Any, node: Any) -> Any:
    """A NumPy number, which NumPy stores as its bytes."""
    parts = loader.construct_sequence(node, True)
    dtype, stored = parts if len(parts) == 2 else (None, None)
    if isinstance(stored, str):
        stored = stored.encode("latin-1", "replace")
    if not isinstance(dtype, np.dtype) or not isinstance(stored, bytes) or len(stored) != dtype.itemsize:
        raise ValueError("a NumPy number that is not stored as its bytes")
    return np.frombuffer(stored, dtype)[0].item()


def _text(loader: Any, node: Any) -> Any:
    return loader.construct_scalar(node)


def _size(value: Any, known: dict[int, int], open_: set[int]) -> int:
    """How many values there are with every alias written out; far too many for one that holds itself."""
    if not isinstance(value, (dict, list)):
        return 1
    key = id(value)
    if key in open_:
        return LARGEST + 1
    if key not in known:
        open_.add(key)
        items = value.values() if isinstance(value, dict) else value
        known[key] = 1 + sum(_size(item, known, open_) for item in items)
        open_.discard(key)
    return known[key]
