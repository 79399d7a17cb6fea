"""The classes of a generated file: one per kind of nested model, with an attribute per layer.

Nested models that are built alike share a class; where they differ in numbers only, the numbers become
arguments of its constructor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Scope
from porter.source.code import Attr, Call, Expression, Name
from porter.source.names import Namer
from porter.weights.tensor import identity
from porter.writing.alike import Made, share
from porter.writing.body import Body, write_body
from porter.writing.forms import Form, Layer, Weight
from porter.writing.grouping import Group, group
from porter.writing.lists import Label, attribute_names, member
from porter.writing.settings import Usual


@dataclass(frozen=True)
class Dialect:
    """What the framework decides about classes."""

    reserved: frozenset[str]  # attribute names that its module class uses itself
    argument_names: Mapping[str, tuple[str, ...]]  # names of positional constructor arguments
    usual: Usual = field(default_factory=dict)  # what constructors assume
    imported: frozenset[str] = frozenset()  # names of the module that forward passes use
    lists: bool = False  # whether its modules hold lists of modules


@dataclass(frozen=True)
class ClassPlan:
    """A class to be written."""

    name: str
    doc: str
    arguments: tuple[str, ...]
    attributes: tuple[tuple[str, Call], ...]
    body: Body | None
    frozen: tuple[str, ...] = ()  # attributes (`conv1`, `norm.bias`) whose parameters are not trained


@dataclass(frozen=True)
class Program:
    """Everything a framework's writer needs: classes (the whole model last), weights by key, snippets
    by name."""

    classes: tuple[ClassPlan, ...]
    weights: Mapping[str, Weight]
    modules: Mapping[str, Node]  # attribute path -> the node that it computes
    plain: frozenset[str]  # paths of modules whose own output is the node's, as it is
    helpers: tuple[str, ...]
    forms: Mapping[Node, Form] = field(default_factory=dict)  # how each node is said


@dataclass(eq=False)
class _Member:
    """One attribute of an object: the source's word for it, how it is made, what of it is not trained."""

    label: Label
    made: Call | _Instance
    frozen: tuple[str, ...] = ()  # names of parameters; "" for the whole


@dataclass(eq=False)
class _Instance:
    """One object of the finished model: the whole, or a nested model however often it is called."""

    path: tuple[str, ...]
    kind: str
    calls: list[Group] = field(default_factory=list)
    members: dict[object, _Member] = field(default_factory=dict)
    names: dict[object, str] = field(default_factory=dict)
    body: Body | None = None
    attribute: str = ""

    def settle(self, reserved: frozenset[str]) -> None:
        """Give the members their names."""
        labels = [one.label for one in self.members.values()]
        self.names = dict(zip(self.members, attribute_names(labels, reserved), strict=True))
        for key, one in self.members.items():
            if isinstance(one.made, _Instance):
                one.made.attribute = self.names[key]

    @property
    def frozen(self) -> tuple[str, ...]:
        """What is not trained, `conv1` or `norm.bias`."""
        return tuple(
            f"{self.names[key]}.{name}".rstrip(".")
            for key, one in self.members.items()
            for name in one.frozen
        )

    def sizes(self, owner: Expression) -> Iterator[tuple[Expression, int]]:
        """The lists among the attributes, and how long they are."""
        counts = Counter(name.partition(".")[0] for name in self.names.values() if "." in name)
        for stem, count in counts.items():
            yield Attr(owner, stem), count


def plan(graph: Graph, write: Callable[[Node], Form], dialect: Dialect, name: str) -> Program:
    """The program for a laid-out graph."""
    forms = {node: write(node) for node in graph.nodes}
    merged: frozenset[tuple[str, ...]] = frozenset()
    while True:
        planner = _Planner(group(graph, merged), forms, dialect, name)
        differing = planner.differing()
        if not differing:
            return planner.program(graph)
        merged |= differing


class _Planner:
    def __init__(self, tree: Group, forms: Mapping[Node, Form], dialect: Dialect, name: str) -> None:
        self.forms, self.dialect, self.name = forms, dialect, name
        self.taken = {*dialect.imported, *(helper for form in forms.values() for helper in form.helpers)}
        self.weights: dict[str, Weight] = {}
        self.modules: dict[str, Node] = {}
        self.plain: set[str] = set()
        self.root = _Instance((), name)
        self.instances: dict[tuple[str, ...], _Instance] = {(): self.root}
        for node, form in forms.items():  # attributes stand in the order of the source
            self._instance(node.origin.scopes)
            if isinstance(form, Layer):
                self._layer(node, form)
        for instance in self.instances.values():
            instance.settle(dialect.reserved)
        self._collect(tree)

    def _collect(self, tree: Group) -> None:
        """Note which calls each object has."""
        self.instances[tree.home].calls.append(tree)
        for item in tree.items:
            if isinstance(item, Group):
                self._collect(item)

    def _instance(self, scopes: Sequence[Scope]) -> _Instance:
        """The object for a nested model, an attribute of the one that holds it."""
        path = tuple(scope.name for scope in scopes)
        if path not in self.instances:
            owner = self._instance(scopes[:-1])
            made = _Instance(path, scopes[-1].kind)
            owner.members[path] = _Member(Label(scopes[-1].name, self.dialect.lists, nested=True), made)
            self.instances[path] = made
        return self.instances[path]

    def _layer(self, node: Node, form: Layer) -> None:
        owner, key = self._instance(node.origin.scopes), self._key(node)
        if key in owner.members:
            return
        held = {name: weight for name, weight in form.weights.items() if not weight.buffer}
        frozen = tuple(name for name, weight in held.items() if not weight.trainable)
        whole = len(frozen) == len(held) > 0
        label = Label(
            node.origin.layer or type(node.op).__name__.lower(), self.dialect.lists and "" not in held
        )
        owner.members[key] = _Member(label, form.make, ("",) if whole else frozen)

    def _key(self, node: Node) -> object:
        """What makes two uses one attribute: the same layer of the source with the same weights."""
        form = self.forms[node]
        assert isinstance(form, Layer)
        params = tuple(sorted((name, repr(identity(param.tensor))) for name, param in node.params.items()))
        return node.origin.path, repr(form.make), params

    def _attribute(self, tree: Group) -> Callable[[Node | Group], Expression]:
        """How the forward pass of `tree` names an attribute: `self.conv1`, `self.encoder.conv1`."""

        def build(item: Node | Group) -> Expression:
            if isinstance(item, Group):
                key: object = item.home
                home = item.home[:-1]
            else:
                key, home = self._key(item), tuple(scope.name for scope in item.origin.scopes)
            return member(self._owner(tree, home), self.instances[home].names[key])

        return build

    def _owner(self, tree: Group, home: tuple[str, ...]) -> Expression:
        """The object at `home` as the forward pass of `tree` reaches it."""
        found: Expression = Name("self")
        for depth in range(len(tree.home), len(home)):
            found = member(found, self.instances[home[:depth]].names[home[: depth + 1]])
        return found

    def _body(self, tree: Group, names: Sequence[str] | None = None) -> Body:
        homes = [home for home in self.instances if home[: len(tree.home)] == tree.home]
        sizes = dict(pair for home in homes for pair in self.instances[home].sizes(self._owner(tree, home)))
        return write_body(tree, self.forms, self._attribute(tree), names, self.taken, sizes)

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
        namer = Namer([self.name, *self.dialect.argument_names])
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
            )
            for shared in classes
        ]
        attributes = _made(self.root).resolved(constructors)
        plans.append(ClassPlan(self.name, "", (), attributes, self.root.body, self.root.frozen))
        helpers = dict.fromkeys(helper for form in self.forms.values() for helper in form.helpers)
        return Program(
            tuple(plans), self.weights, self.modules, frozenset(self.plain), tuple(helpers), self.forms
        )

    def _collect_weights(self) -> None:
        """Weights and modules under their full attribute paths, in the order of the source."""
        for node, form in self.forms.items():
            if not isinstance(form, Layer):
                continue
            home = tuple(scope.name for scope in node.origin.scopes)
            steps = [self.instances[home[:k]].names[home[: k + 1]] for k in range(len(home))]
            path = ".".join([*steps, self.instances[home].names[self._key(node)]])
            if path not in self.modules and _is_plain(form, node):
                self.plain.add(path)
            self.modules.setdefault(path, node)
            for name, weight in form.weights.items():
                self.weights.setdefault(f"{path}.{name}" if name else path, weight)


def _is_plain(form: Layer, node: Node) -> bool:
    """Whether the module's own output is the node's: nothing is done to it after the call."""
    if form.direct or form.statements is not None or form.use is None:
        return form.direct or form.statements is None
    used = form.use(Name("module"), *(Name(f"x{place}") for place in range(len(node.inputs))))
    return isinstance(used, Call) and used.func == Name("module")


def _made(instance: _Instance) -> Made:
    attributes = tuple(
        (instance.names[key], one.made.path if isinstance(one.made, _Instance) else one.made)
        for key, one in instance.members.items()
    )
    return Made(instance.path, instance.attribute, instance.kind, attributes, instance.body, instance.frozen)
