"""The lines of a forward pass: names for values as a person would give them, small steps folded together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from porter.dataclass import dataclass
from porter.graph.model import Node, Value
from porter.source.code import Call, Expression, Name, Tuple, call
from porter.source.expressions import flat
from porter.source.names import Namer
from porter.source.statements import Assign, Return, Statement, assign
from porter.writing.forms import Form, Inline, Layer
from porter.writing.grouping import Group
from porter.writing.lists import Run, rolled
from porter.writing.roles import ROLES, is_unnamed, roles

RUNNING = ("x", "y", "z")
"""Names for values that the very next line uses up."""

WIDEST = 76
"""Steps are folded into one line as long as it stays this short."""


@dataclass(frozen=True)
class Body:
    """A forward pass: parameter names and lines."""

    params: tuple[str, ...]
    lines: tuple[Statement, ...]


Attribute = Callable[[Node | Group], Expression]
"""The expression for the attribute (`self.conv1`) that a layer or nested model lives in."""


def write_body(
    group: Group,
    forms: Mapping[Node, Form],
    attribute: Attribute,
    names: Sequence[str] | None = None,
    taken: Collection[str] = (),
    runs: Sequence[Run] = (),
) -> Body:
    """The forward pass of one group; `names` are those of its inputs where they matter.

    Names that are `taken` (of modules and helpers) are never given to a value, which would hide them.
    `runs` are the groups among the attributes that may be called in order.
    """
    return _Writer(group, forms, attribute, taken, runs).write(names)


class _Writer:
    def __init__(
        self,
        group: Group,
        forms: Mapping[Node, Form],
        attribute: Attribute,
        taken: Collection[str],
        runs: Sequence[Run],
    ) -> None:
        self.group, self.forms, self.attribute, self.runs = group, forms, attribute, runs
        self.members = {member for run in runs for member in run.members}
        self.steps = [item for item in group.items if not self._is_source(item)]
        self.last: dict[Value, int] = {}
        self.uses: dict[Value, int] = {}
        for place, item in enumerate(self.steps):
            for value in item.inputs:
                self.last[value] = place
                self.uses[value] = self.uses.get(value, 0) + 1
        for value in group.outputs:
            self.last[value] = len(self.steps)
            self.uses[value] = self.uses.get(value, 0) + 1
        sources = [item.outputs[0] for item in group.items if self._is_source(item)]
        self.roles = roles(self.steps, self.uses, set(sources))
        self.held: dict[Value, Expression] = {}
        self.running: dict[str, Value] = {}
        self.namer = Namer((*RUNNING, *taken))
        self.lines: list[Statement] = []
        self.folds: Value | None = (
            None  # the value of the last line, while it may still be folded into the next
        )

    def _is_source(self, item: Node | Group) -> bool:
        return isinstance(item, Node) and not item.inputs

    def write(self, names: Sequence[str] | None) -> Body:
        params = self._take_inputs(names)
        for item in self.group.items:
            if isinstance(item, Node) and self._is_source(item):
                self.held[item.outputs[0]] = self._expression(item, ())
        for place, item in enumerate(self.steps):
            self._step(place, item)
        self.lines = rolled(self.lines, self.runs, self.namer)
        self._return()
        return Body(params, tuple(self.lines))

    def _take_inputs(self, names: Sequence[str] | None) -> tuple[str, ...]:
        inputs = self.group.inputs
        chosen = []
        for place, value in enumerate(inputs):
            label = self._own_label(place, value) if names is None or len(inputs) == 1 else names[place]
            if label in (*RUNNING, *ROLES) and label not in self.running and self._is_free(label, 0):
                self.running[label] = value
            else:
                label = self.namer.identifier(label, "x")
            self.held[value] = Name(label)
            chosen.append(label)
        return tuple(chosen)

    def _own_label(self, place: int, value: Value) -> str:
        """What a nested model calls an input: never after a value of its caller, who is one of many."""
        if place == 0:
            return "x"
        return "mask" if value.dtype == "bool" else self.roles.get(value, "other")

    def _step(self, place: int, item: Node | Group) -> None:
        inputs = [self.held[value] for value in item.inputs]
        form = self.forms[item] if isinstance(item, Node) else None
        if form is not None and form.statements is not None:
            self._statements(place, item, form, inputs)
            return
        if len(item.outputs) == 1 and self._fold(item, form):
            value = item.outputs[0]
            old = self.lines.pop()
            assert isinstance(old, Assign)
            self._assign(place, value, self._expression(item, [old.value]))
            return
        expression = self._expression(item, inputs)
        if len(item.outputs) == 1:
            self._assign(place, item.outputs[0], expression)
            return
        targets = [self._name(place, value) or "_" for value in item.outputs]
        self.lines.append(assign([Tuple(tuple(Name(name) for name in targets))], expression))
        self.folds = None

    def _fold(self, item: Node | Group, form: Form | None) -> bool:
        """Whether this step may wrap the expression of the line before it."""
        if not isinstance(form, Inline) or not form.simple or self.folds is None or not self.lines:
            return False
        old = self.lines[-1]
        if list(item.inputs) != [self.folds] or self.uses[self.folds] != 1 or not isinstance(old, Assign):
            return False
        if isinstance(old.value, Call) and old.value.func in self.members:  # a line of a loop, maybe
            return False
        return len(flat(self._expression(item, [old.value]))) <= WIDEST

    def _assign(self, place: int, value: Value, expression: Expression) -> None:
        if isinstance(expression, Name):  # nothing happens: another word for the same value
            self.held[value] = expression
            return
        name = self._name(place, value) or "_"
        self.lines.append(assign(name, expression))
        self.folds = value

    def _statements(self, place: int, item: Node | Group, form: Form, inputs: list[Expression]) -> None:
        assert isinstance(item, Node)
        assert form.statements is not None
        own = [self.attribute(item)] if isinstance(form, Layer) else []
        names = [self._name(place, value) for value in item.outputs]
        self.lines += form.statements([*own, *inputs], names)
        self.folds = None

    def _name(self, place: int, value: Value) -> str | None:
        """A name for a value made by step `place`; None where nothing uses it."""
        if value not in self.last:
            return None
        item = self.steps[place]
        role = self.roles.get(value) if isinstance(item, Node) and is_unnamed(item) else None
        again = [role] if role is not None else []
        for name in [*again, *RUNNING] if self.last[value] <= place + 1 else again:
            if self._is_free(name, place):
                self.running[name] = value
                self.held[value] = Name(name)
                return name
        label = value.name
        if len(item.outputs) == 1:
            label = item.scopes[-1].name if isinstance(item, Group) else item.origin.layer or label
        name = self.namer.identifier(label, "x")
        self.held[value] = Name(name)
        return name

    def _is_free(self, name: str, place: int) -> bool:
        """Whether step `place` may give a name that is used again and again to another value."""
        if name in self.running:
            return self.last.get(self.running[name], -1) <= place
        if name not in RUNNING and name in self.namer.taken:
            return False
        self.namer.taken.add(name)
        return True

    def _expression(self, item: Node | Group, inputs: Sequence[Expression]) -> Expression:
        form = self.forms[item] if isinstance(item, Node) else None
        if isinstance(form, Inline):
            return form.build(*inputs)
        own = self.attribute(item)
        if isinstance(form, Layer) and form.use is not None:
            return form.use(own, *inputs)
        return call(own, *inputs)

    def _return(self) -> None:
        outputs = [self.held[value] for value in self.group.outputs]
        last = self.lines[-1] if self.lines else None
        if len(outputs) == 1 and isinstance(last, Assign) and last.targets == (outputs[0],):
            self.lines[-1] = Return(last.value)
        else:
            self.lines.append(Return(outputs[0] if len(outputs) == 1 else Tuple(tuple(outputs))))
