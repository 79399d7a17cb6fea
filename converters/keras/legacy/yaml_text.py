"""Architectures in YAML, as Keras 1 and 2 could write them: plain values only, whatever a file asks for."""

from __future__ import annotations

from typing import Any

from porter.errors import SourceError, UnsupportedModel

LARGEST = 1_000_000
"""Values that an architecture may have once its aliases are written out."""


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
    try:
        value = yaml.load(text, loader)  # noqa: S506  (a subclass of the safe loader)
    except yaml.YAMLError as error:
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
