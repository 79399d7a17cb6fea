"""The one list of frameworks. A converter is imported when it is asked for, and never before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from porter import bundle_source
from porter.errors import RequestError, SourceError
from porter.factories import Factory
from porter.source_model import Converter

BUILT_IN: Mapping[str, str] = {
    "tf": "converters.keras",
    "torch": "converters.torch",
    "jax": "converters.jax",
}

GROUP = "porter.converters"
"""Entry points of this group add frameworks of others: a name, and a module with a `CONVERTER`."""


def names() -> tuple[str, ...]:
    """All frameworks that can be named."""
    return (*BUILT_IN, *_added())


def _added() -> Mapping[str, str]:
    """The modules of frameworks that other packages add."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


def _all() -> Iterator[Converter]:
    """Every framework, our own first: what others add is looked for only when those did not do."""
    yield from map(converter, BUILT_IN)
    yield from map(converter, _added())


def converter(name: str) -> Converter:
    """The converter of a framework."""
    if name in BUILT_IN:
        found = import_module(BUILT_IN[name]).CONVERTER
    else:
        module = _added().get(name)
        if module is None:
            raise RequestError(f"no framework is named {name!r}; known are {', '.join(names())}")
        found = import_module(module).CONVERTER
    if not isinstance(found, Converter):
        raise RequestError(f"the converter {name!r} is not a porter Converter but {type(found).__name__}")
    return found


def target(name: str) -> Converter:
    """A framework that can be written."""
    found = converter(name)
    if found.write is None:
        able = [other for other in names() if converter(other).write is not None]
        raise RequestError(f"{found.title} cannot be written yet; targets are {', '.join(able)}")
    return found


def live(model: object) -> Converter:
    """The framework that a live model belongs to, which must be able to read it."""
    known = [converter(name) for name in names()]
    found = next((one for one in known if one.owns is not None and one.owns(model)), None)
    if found is None:
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        able = ", ".join(one.title for one in known if one.read_live is not None)
        raise RequestError(f"an object of class {kind} is not a live model of a framework known here: {able}")
    if found.read_live is None:
        raise RequestError(f"live models of {found.title} cannot be read yet")
    return found


def _bundle(folder: Path, told: str | None) -> Converter:
    """A bundle is read by the core itself, whichever framework it was written for."""
    made_for = converter(str(bundle_source.read_manifest(folder)["target"]))
    if told is not None and told != made_for.name:
        raise RequestError(f"--from {told} was asked for, but {folder} is a bundle for {made_for.title}")
    return replace(made_for, read=bundle_source.read_bundle, inspect=None)


def _of_factory(factory: Factory, told: str | None) -> Converter:
    """The framework of a model that is code: the one told, or else the one that owns what is built."""
    if told is not None:
        wanted = converter(told)
        if not wanted.reads_code:
            able = ", ".join(one.name for one in _all() if one.reads_code)
            raise RequestError(f"{factory}: code of {wanted.title} cannot be read; --from can be {able}")
        return wanted
    model = factory.model
    found = next((one for one in _all() if one.reads_code and one.owns is not None and one.owns(model)), None)
    if found is None:
        kind = type(model).__qualname__
        raise SourceError(f"{factory}: returns an object of class {kind}; say whose it is with --from")
    return found


def source(paths: Sequence[Path], told: str | None, factory: Factory | None = None) -> Converter:
    """The framework that recognises these files; `told` is a check, not a hint."""
    if factory is not None:
        return _of_factory(factory, told)
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path}: no such file or folder")
    if bundle_source.recognises(paths):
        return _bundle(paths[0], told)
    found = next((c for c in _all() if c.recognises(paths)), None)
    if found is None and told is None:
        listed = ", ".join(str(path) for path in paths)
        raise SourceError(f"{listed}: not a model in any format that porter knows")
    if told is not None:
        wanted = converter(told)
        if found is not None and found.name != told:
            raise RequestError(f"--from {told} was asked for, but {paths[0]} is a {found.title} file")
        return wanted
    assert found is not None
    return found
