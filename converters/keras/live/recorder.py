"""Collects what a live model calls while it runs on symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from converters.keras.live.naming import Names
from converters.keras.live.records import Held, Inside, Record, Tensor, Trace, changed
from porter.errors import UnsupportedModel


class Recorder:
    """One trace in the making.

    `is_tensor` and `held` know symbolic tensors and variables, `plain` makes values of what else there is.
    """

    def __init__(
        self,
        model: Any,
        names: Names,
        is_tensor: Callable[[Any], bool],
        held: Callable[[Any], Held | None],
        plain: Callable[[Any], Any],
    ) -> None:
        self.model, self.names = model, names
        self.is_tensor, self.held, self.plain = is_tensor, held, plain
        self.trace = Trace()
        self.stack: list[Inside] = []
        self.asleep = 0  # inside a known layer, whose own calls are not recorded
        self._calls = 0
        self._known: dict[int, Tensor] = {}
        self._alive: list[Any] = []  # an id means something as long as its object lives

    def inputs(self, tensors: Sequence[Any]) -> None:
        """The symbolic inputs."""
        for place, tensor in enumerate(tensors):
            self._remember(tensor, Tensor(-1, place))

    def _remember(self, tensor: Any, place: Tensor) -> None:
        self._known[id(tensor)] = place
        self._alive.append(tensor)

    @property
    def parent(self) -> Any:
        """The layer or model whose code runs."""
        return self.stack[-1].layer if self.stack else self.model

    def follow(self, layer: Any, call: Callable[[], Any]) -> Any:
        """The outputs of a layer whose own code is followed."""
        if layer is self.model and not self.stack:
            return call()
        self._calls += 1
        name = self.names.of(layer, self.parent)
        self.stack.append(Inside(layer, name, type(layer).__name__, self._calls))
        try:
            return call()
        finally:
            self.stack.pop()

    def record(
        self,
        data: Mapping[str, Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        outputs: Sequence[Any],
        layer: Any = None,
    ) -> None:
        """One call of a known layer or of a function."""
        told = {key: value for key, value in kwargs.items() if key != "training"}
        number = len(self.trace.records)
        plain_args, plain_kwargs = changed(args, self.leaf), changed(told, self.leaf)
        self.trace.records.append(
            Record(data, name, tuple(self.stack), plain_args, plain_kwargs, layer, len(outputs))
        )
        for place, tensor in enumerate(outputs):
            self._remember(tensor, Tensor(number, place))

    def finish(self, outputs: Any) -> Trace:
        """The trace, given what the model returned."""
        self.trace.outputs = changed(outputs, self._output)
        return self.trace

    def _output(self, leaf: Any) -> Any:
        if leaf is None:
            return None
        found = self.leaf(leaf)
        if not isinstance(found, (Tensor, Held)):
            raise UnsupportedModel(
                f"model {self.model.name!r}: one of its outputs does not depend on its inputs as far as "
                "symbolic tensors tell: its code leaves Keras's functions"
            )
        return found

    def leaf(self, item: Any) -> Any:
        """An argument as a plain value."""
        if id(item) in self._known:
            return self._known[id(item)]
        held = self.held(item)
        if held is not None:
            return held
        if self.is_tensor(item):
            where = "/".join([self.model.name, *(one.name for one in self.stack)])
            raise UnsupportedModel(
                f"model {self.model.name!r}: {where} uses a symbolic tensor that its call did not make; "
                "make everything that depends on inputs inside `call`"
            )
        return self.plain(item)
