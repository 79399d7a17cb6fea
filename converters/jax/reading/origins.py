"""Where each operation stands: the modules around it as nested models, its own layer, the user's line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Origin, Scope
from porter.graph.ops.sources import Constant

MARK = "porter|"
CONTAINERS = frozenset({"Sequential", "List", "Dict"})
FOREIGN = re.compile(
    r"[/\\](site-packages|dist-packages)[/\\]|[/\\]lib[/\\]python3|[/\\]porter[/\\]converters[/\\]jax"
)


@dataclass(frozen=True)
class Module:
    """A module that was being called: its path, its class, and which call of it this is."""

    path: str
    kind: str
    call: int = 0

    @property
    def tag(self) -> str:
        """The module as a scope's name."""
        return f"{MARK}{self.path}|{self.kind}|{self.call}"

    @staticmethod
    def parse(tag: str) -> Module:
        """The inverse of `tag`."""
        path, kind, call = tag.removeprefix(MARK).rsplit("|", 2)
        return Module(path, kind, int(call))


@dataclass(frozen=True)
class Place:
    """Where an operation stands; `key` is the name of an array of the model."""

    modules: tuple[Module, ...] = ()
    primitive: str = ""
    line: str = ""
    key: str = ""

    def within(self, eqn: Any) -> Place:
        """The place of an operation of the program that stands here."""
        names = [getattr(scope, "name", "") for scope in eqn.source_info.name_stack.stack]
        own = tuple(Module.parse(name) for name in names if name.startswith(MARK))
        return Place((*self.modules, *own), _word(eqn), line_of(eqn) or self.line)

    @property
    def where(self) -> str:
        """The module and the line, for people."""
        module = self.modules[-1] if self.modules else None
        named = f"{module.path} ({module.kind})" if module and module.path else module.kind if module else ""
        return ", ".join(part for part in (named, self.line) if part)


WORDS = {
    "argmax": "place",
    "argmin": "place",
    "broadcast_in_dim": "broadcast",
    "concatenate": "joined",
    "convert_element_type": "cast",
    "dot_general": "product",
    "dynamic_slice": "part",
    "eq": "same",
    "gather": "taken",
    "ge": "mask",
    "gt": "mask",
    "integer_pow": "power",
    "iota": "places",
    "le": "mask",
    "lt": "mask",
    "ne": "mask",
    "reduce_and": "all",
    "reduce_or": "any",
    "rev": "reversed",
    "select_n": "chosen",
    "slice": "part",
}
"""What the results of primitives are called where nothing else gives a name."""


def _word(eqn: Any) -> str:
    """The primitive, or the function that it is the call of."""
    primitive: str = eqn.primitive.name
    named = eqn.params.get("name") if primitive in ("jit", "pjit") else None
    return str(named).strip("_") if named else WORDS.get(primitive, primitive.removeprefix("reduce_"))


def line_of(eqn: Any) -> str:
    """The line of the user's code that JAX has on record."""
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback is not None else ():
        if not FOREIGN.search(frame.file_name) and Path(__file__).parent != Path(frame.file_name).parent:
            return f"{Path(frame.file_name).name}:{getattr(frame, 'line_num', '?')}"
    return ""


def named(graph: Graph, places: Mapping[int, Place]) -> Graph:
    """The graph with the origin of every node."""
    nodes = [(node, places[id(node.origin)]) for node in graph.nodes]
    paths = {module.path for _, place in nodes for module in place.modules}
    counts = Counter(
        place.modules[-1]
        for node, place in nodes
        if place.modules and node.params and not isinstance(node.op, Constant)
    )
    several = {module.path for module, count in counts.items() if count > 1}
    outer = {path for path in paths if any(other.startswith(f"{path}.") for other in paths if path)}
    leaves = {path for path in paths - outer if path} - several
    made = tuple(replace(node, origin=_origin(node, place, leaves)) for node, place in nodes)
    return replace(graph, nodes=made)


def _origin(node: Node, place: Place, leaves: set[str]) -> Origin:
    if place.key:
        return Origin(_flat(place.key.removeprefix("params.")), "Param", (), place.key)
    stack = [module for module in place.modules if module.path]
    leaf = stack.pop() if stack and stack[-1].path in leaves else None
    scopes, home = _scopes(stack)
    if leaf is not None:
        return Origin(_relative(leaf.path, home), leaf.kind, scopes, leaf.path)
    key = next(_keys(node), "")
    label = _label(key, home) if key else _plain(node, place)
    full = ".".join(part for part in (stack[-1].path if stack else "", label) if part)
    return Origin(label, type(node.op).__name__ if key else place.primitive, scopes, full)


def _plain(node: Node, place: Place) -> str:
    """What to call an operation without arrays: the primitive, or what a step of a whole layer does."""
    if place.primitive != "porter_layer":
        return place.primitive
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(node.op).__name__).lower()


def _scopes(stack: list[Module]) -> tuple[tuple[Scope, ...], str]:
    """Nested models for the modules that hold others; containers only lend their names."""
    scopes: list[Scope] = []
    home = ""
    for module in stack:
        if module.kind in CONTAINERS:
            continue
        scopes.append(Scope(_relative(module.path, home), module.kind, module.call))
        home = module.path
    return tuple(scopes), home


def _relative(path: str, home: str) -> str:
    return path[len(home) + 1 :] if home and path.startswith(f"{home}.") else path


def _keys(node: Node) -> Iterator[str]:
    for param in node.params.values():
        for origin in param.tensor.origins:
            yield origin.key


def _label(key: str, home: str) -> str:
    """What to call an operation that is no module: after its first array."""
    path = _relative(re.sub(r"^params\.", "", key), home)
    stem = re.sub(r"(^|[._/])(kernel|weights?|bias|embeddings?|w|b|W|scale)$", "", path)
    return _flat(stem or path)


def _flat(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", key.replace("~", "")).strip("_") or "value"
