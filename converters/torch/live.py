"""A live module: exported on example inputs, and run as it stands, its modes and its numbers left alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from converters.torch.exporting import Traced, first_line
from converters.torch.learn import learn
from converters.torch.source import captured, facts_of, read_traced, unwrapped
from porter.errors import FAULTS_OF_CALLS, RequestError, RunError
from porter.source_model import LiveModel, SourceModel
from porter.workers.job import Learned, Watch

Array = np.ndarray


def read_live(live: LiveModel) -> SourceModel:
    """A module in this process, exported on the example inputs."""
    module: Any = unwrapped(live.model)
    if live.example_inputs is None:
        raise RequestError(
            "a torch module says nothing of its inputs: give example inputs, a tuple of tensors, and last a "
            "dict of those that are given by name"
        )
    args, kwargs = _call_of(module, live.example_inputs)

    def read_one(traced: Traced) -> SourceModel:
        return read_traced(traced, type(module).__name__, f"live {type(module).__name__}", module, {})

    with _modes_kept(module):
        model = captured(module, args, kwargs, live.static_batch, read_one)
    facts = facts_of("live module", ())
    return SourceModel(model.graph, model.ledger, facts, model.notices, LiveModule(module, args, kwargs))


@contextmanager
def _modes_kept(module: Any) -> Iterator[None]:
    """Whether each part trains is afterwards as it was before."""
    modes = {part: part.training for part in module.modules()}
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def _call_of(module: Any, examples: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments by place; by name where the last example is a dict of names of arguments."""
    names = list(inspect.signature(module.forward).parameters)
    *args, last = examples or (None,)
    if isinstance(last, Mapping) and last and set(last) <= set(names):
        return tuple(map(_tensor, args)), {name: _tensor(last[name]) for name in names if name in last}
    return tuple(map(_tensor, examples)), {}


def _tensor(example: Any) -> Any:
    import torch

    def made(leaf: Any) -> Any:
        return torch.from_numpy(np.array(leaf)) if isinstance(leaf, np.ndarray) else leaf

    return torch.utils._pytree.tree_map(made, example)


class LiveModule:
    """Runs the module on other numbers in the places of the example tensors."""

    replaces = True

    def __init__(self, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        import torch

        self.module = module
        self.leaves, self.nest = torch.utils._pytree.tree_flatten((tuple(args), dict(kwargs)))
        self.places = [
            place for place, leaf in enumerate(self.leaves) if isinstance(leaf, torch.Tensor)
        ]

    def run(
        self, inputs: Sequence[Array], watch: Watch | None = None
    ) -> tuple[Sequence[Array], Sequence[str]]:
        """The outputs and their types; `watch` sees, and may replace, the outputs of each module."""
        import torch

        from converters.torch.run import arrays_of, watched

        with _modes_kept(self.module), torch.no_grad(), watched(self.module.eval(), watch):
            try:
                return arrays_of(self._called(self.module, self._tensors(inputs)))
            except FAULTS_OF_CALLS as fault:
                raise RunError(f"the module does not run: {first_line(fault)}") from fault

    def learn(self, inputs: Sequence[Array], loss: Sequence[Array]) -> Learned:
        """What the module would learn from a loss."""
        with _modes_kept(self.module):
            return learn(self.module.eval(), self._tensors(inputs), loss, self._called)

    def _tensors(self, inputs: Sequence[Array]) -> list[Any]:
        import torch

        pairs = zip(self.places, inputs, strict=True)
        return [torch.from_numpy(np.array(array)).to(self.leaves[place].dtype) for place, array in pairs]

    def _called(self, module: Any, given: Sequence[Any]) -> Any:
        import torch

        leaves = list(self.leaves)
        for place, tensor in zip(self.places, given, strict=True):
            leaves[place] = tensor
        args, kwargs = torch.utils._pytree.tree_unflatten(leaves, self.nest)
        return module(*args, **kwargs)
