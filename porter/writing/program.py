"""The classes of a generated file: one per kind of nested model, with an attribute per layer.

Nested models that are built alike share a class; where they differ in numbers only, the numbers become
arguments of its constructor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import reduce

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Scope
from porter.source.code import Call, Expression, Name, attr, call
from porter.source.names import Namer
from porter.weights.tensor import identity
from porter.writing.alike import Made, share
from porter.writing.body import Body, write_body
from porter.writing.chains import Chains, find_chains
from porter.writing.containers import Kinds, Label
from porter.writing.forms import ITSELF, Form, Inline, Layer, Ways, Weight
from porter.writing.grouping import Group, group
from porter.writing.instances import Dialect, Instance, Member
from porter.writing.ties import find_ties, opened


@dataclass(frozen=True)
class ClassPlan:
    """A class to be written."""

    name: str
    doc: str
    arguments: tuple[str, ...]
    attributes: tuple[tuple[str, Expression], ...]
    body: Body | None
    frozen: tuple[str, ...] = ()  # attributes (`conv1`, `norm.bias`) whose parameters are not trained
    groups: Kinds = field(default_factory=dict)  # which of them hold others


@dataclass(frozen=True)
class Place:
    """Where a layer holds an array: its key among the weights, how the whole model reaches the layer, and
    the layer's name for it."""

    key: str
    layer: Expression
    name: str

    @property
    def reached(self) -> Expression:
        """How the whole model reaches the array."""
        return reduce(attr, self.name.split("."), self.layer)


@dataclass(frozen=True)
class Program:
    """Everything a framework's writer needs: classes (the whole model last), weights by key, snippets
    by name."""

    classes: tuple[ClassPlan, ...]
    weights: Mapping[str, Weight]
    modules: Mapping[str, Node]  # attribute path -> the node that it computes
    shows: Mapping[str, Ways]  # what modules give, by path, where that is outputs of their nodes as they are
    helpers: tuple[str, ...]
    forms: Mapping[Node, Form] = field(default_factory=dict)  # how each node is said
    shared: Sequence[Sequence[Place]] = ()  # several of them hold one array of the source's


def plan(graph: Graph, write: Callable[[Node], Form], dialect: Dialect, name: str) -> Program:
    """The program for a laid-out graph."""
    forms = {node: write(node) for node in graph.nodes}
    chains = _chains(graph, forms, dialect)
    merged = frozenset(opened(find_ties(forms)))
    while True:
        planner = _Planner(group(graph, merged), forms, dialect, name, chains)
        differing = planner.differing()
        if not differing:
            return planner.program(graph)
        merged |= differing


def _chains(graph: Graph, forms: dict[Node, Form], dialect: Dialect) -> Chains:
    """Layers that are called one after another; what stands between them becomes a module as they are."""
    words = dialect.words
    if not words.listed:
        return Chains({}, frozenset())

    def entry(node: Node) -> Expression | None:
        form = forms[node]
        if len(node.inputs) != 1 or len(node.outputs) != 1 or form.statements is not None:
            return None
        if isinstance(form, Inline):
            return words.entry(form.build(Name("x")), node.inputs[0].rank)
        called = form.use is None or form.use(Name("module"), Name("x")) == call("module", Name("x"))
        return form.make if called and "" not in form.weights else None

    chains = find_chains(graph, lambda node: entry(node) is not None, words)
    for node in chains.steps:
        made = entry(node)
        form = forms[node]
        if isinstance(form, Inline) and made is not None:
            forms[node] = Layer(made, helpers=form.helpers, step=True)
    return chains


class _Planner:
    def __init__(
        self, tree: Group, forms: Mapping[Node, Form], dialect: Dialect, name: str, chains: Chains
    ) -> None:
        self.forms, self.dialect, self.name = forms, dialect, name
        self.listed = bool(dialect.words.listed)
        self.taken = {*dialect.imported, *(helper for form in forms.values() for helper in form.helpers)}
        self.weights: dict[str, Weight] = {}
        self.modules: dict[str, Node] = {}
        self.shows: dict[str, Ways] = {}
        self.places: dict[object, dict[str, Place]] = {}
        self.ties = find_ties(forms)
        self.root = Instance((), name)
        self.instances: dict[tuple[str, ...], Instance] = {(): self.root}
        for node, form in forms.items():  # attributes stand in the order of the source
            self._instance(node.origin.scopes)
            if isinstance(form, Layer) and node not in self.ties:
                self._layer(node, form)
        self._collect(tree)
        self._drop_empty()
        for instance in self.instances.values():
            instance.settle(dialect, chains.of(instance.path))

    def _collect(self, tree: Group) -> None:
        """Note which calls each object has."""
        self.instances[tree.home].calls.append(tree)
        for item in tree.items:
            if isinstance(item, Group):
                self._collect(item)

    def _drop_empty(self) -> None:
        """Nested models that hold nothing and whose steps stand in the pass of another."""
        for path, instance in sorted(self.instances.items(), key=lambda pair: -len(pair[0])):
            if path and not instance.members and not instance.calls:
                del self.instances[path], self.instances[path[:-1]].members[path]

    def _instance(self, scopes: Sequence[Scope]) -> Instance:
        """The object for a nested model, an attribute of the one that holds it."""
        path = tuple(scope.name for scope in scopes)
        if path not in self.instances:
            owner = self._instance(scopes[:-1])
            made = Instance(path, scopes[-1].kind)
            owner.members[path] = Member(Label(scopes[-1].name, self.listed, nested=True), made)
            self.instances[path] = made
        return self.instances[path]

    def _layer(self, node: Node, form: Layer) -> None:
        owner, key = self._instance(node.origin.scopes), self._key(node)
        if key in owner.members:
            return
        held = {name: weight for name, weight in form.weights.items() if not weight.buffer}
        frozen = tuple(name for name, weight in held.items() if not weight.trainable)
        whole = len(frozen) == len(held) > 0
        is_module = "" not in form.weights  # and no bare array, which a group of modules cannot hold
        label = Label(node.origin.layer or type(node.op).__name__.lower(), self.listed and is_module)
        owner.members[key] = Member(label, form.make, ("",) if whole else frozen)

    def _key(self, node: Node) -> object:
        """What makes two uses one attribute: the same layer of the source with the same weights."""
        form = self.forms[node]
        assert isinstance(form, Layer)
        params = tuple(sorted((name, repr(identity(param.tensor))) for name, param in node.params.items()))
        return node.origin.path, repr(form.make), params

    def _attribute(self, tree: Group) -> Callable[[Node | Group], Expression]:
        """How the forward pass of `tree` names an attribute: `self.conv1`, `self.encoder.conv1`."""

        def build(item: Node | Group) -> Expression:
            if isinstance(item, Node) and item in self.ties:
                tie = self.ties[item]
                return reduce(attr, tie.name.split(".") if tie.name else (), build(tie.layer))
            if isinstance(item, Group):
                key: object = item.home
                home = item.home[:-1]
            else:
                key, home = self._key(item), tuple(scope.name for scope in item.origin.scopes)
            return self.instances[home].member(self._owner(tree, home), key)

        return build

    def _owner(self, tree: Group, home: tuple[str, ...]) -> Expression:
        """The object at `home` as the forward pass of `tree` reaches it."""
        found: Expression = Name("self")
        for depth in range(len(tree.home), len(home)):
            found = self.instances[home[:depth]].member(found, home[: depth + 1])
        return found

    def _body(self, tree: Group, names: Sequence[str] | None = None) -> Body:
        homes = [home for home in self.instances if home[: len(tree.home)] == tree.home]
        runs = [run for home in homes for run in self.instances[home].runs(self._owner(tree, home))]
        return write_body(tree, self.forms, self._attribute(tree), names, self.taken, runs)

    def differing(self) -> frozenset[tuple[str, ...]]:
        """Nested models whose calls do not read alike, so that one forward pass cannot serve them."""
        found = set()
        for path, instance in self.instances.items():
            bodies = [self._body(tree) for tree in instance.calls]
            if any(
                body.lines != bodies[0].lines or len(body.params) != len(bodies[0].params) for body in bodies
            ):
                found.add(path)
            instance.body = bodies[0] if bodies else None
        return frozenset(found)

    def program(self, graph: Graph) -> Program:
        tree = self.root.calls[0]
        names = [value.name for value in graph.inputs]
        self.root.body = self._body(tree, names)
        self._collect_weights()
        inner = [instance for instance in self.instances.values() if instance is not self.root]
        namer = Namer([self.name, *self.dialect.argument_names, *self.dialect.imported])
        made = [_made(instance) for instance in inner]
        classes, constructors = share(made, namer, self.dialect.argument_names, self.dialect.usual)
        plans = [
            ClassPlan(
                shared.name,
                shared.doc,
                shared.arguments,
                shared.attributes,
                self.instances[shared.of].body,
                self.instances[shared.of].frozen,
                self.instances[shared.of].groups,
            )
            for shared in classes
        ]
        attributes = _made(self.root).resolved(constructors)
        body, frozen = self.root.body, self.root.frozen
        plans.append(ClassPlan(self.name, "", (), attributes, body, frozen, self.root.groups))
        helpers = dict.fromkeys(helper for form in self.forms.values() for helper in form.helpers)
        return Program(
            tuple(plans),
            self.weights,
            self.modules,
            self.shows,
            tuple(helpers),
            self.forms,
            [tuple(places.values()) for places in self.places.values() if len(places) > 1],
        )

    def _collect_weights(self) -> None:
        """Weights and modules under their full attribute paths, in the order of the source."""
        for node, form in self.forms.items():
            if not isinstance(form, Layer) or node in self.ties:
                continue
            home = tuple(scope.name for scope in node.origin.scopes)
            steps = [self.instances[home[:k]].names[home[: k + 1]] for k in range(len(home))]
            path = ".".join([*steps, self.instances[home].names[self._key(node)]])
            ways = form.shows or (ITSELF if _is_plain(form, node) else ())
            if not form.step and path not in self.modules and ways:
                self.shows[path] = ways
            if not form.step:
                self.modules.setdefault(path, node)
            for name, weight in form.weights.items():
                self.weights.setdefault(f"{path}.{name}" if name else path, weight)
                self._note_place(node, path, name, weight)

    def _note_place(self, node: Node, path: str, name: str, weight: Weight) -> None:
        """Where an array of the source's is to be found, should another layer hold it as well."""
        if name and not weight.buffer and weight.tensor.origins:
            place = Place(f"{path}.{name}", self._attribute(self.root.calls[0])(node), name)
            held = identity(weight.tensor), weight.trainable
            self.places.setdefault(held, {}).setdefault(place.key, place)


def _is_plain(form: Layer, node: Node) -> bool:
    """Whether the module's own output is the node's: nothing is done to it after the call."""
    if form.direct or form.statements is not None or form.use is None:
        return form.direct or form.statements is None
    used = form.use(Name("module"), *(Name(f"x{place}") for place in range(len(node.inputs))))
    return isinstance(used, Call) and used.func == Name("module")


def _made(instance: Instance) -> Made:
    attributes = tuple(
        (instance.names[key], one.made.path if isinstance(one.made, Instance) else one.made)
        for key, one in instance.members.items()
    )
    body, frozen = instance.body, instance.frozen
    return Made(instance.path, instance.attribute, instance.kind, attributes, body, frozen, instance.groups)
