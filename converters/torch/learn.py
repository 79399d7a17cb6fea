"""What a torch module would learn from a loss: its gradients, and one step of training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from porter.workers.job import Learned

Array = np.ndarray

RANDOM = "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout".split()


Called = Callable[[Any, Sequence[Any]], Any]
"""Calls a module on tensors for its inputs."""


def plainly(module: Any, given: Sequence[Any]) -> Any:
    """One argument for each input."""
    return module(*given)


def learn(
    module: Any, given: Sequence[Any], loss: Sequence[Array], called: Called = plainly
) -> Learned:
    """The gradients in inference mode, and what one step of plain descent in training mode changes."""
    import torch

    leaves = [x.detach().requires_grad_(x.is_floating_point()) for x in given]
    parameters = module.named_parameters(remove_duplicate=False)  # one that is shared, under every name
    named = {name: p for name, p in parameters if p.requires_grad}
    wanted = {str(k): x for k, x in enumerate(leaves) if x.requires_grad} | named
    value = _loss(called(module, leaves), loss)
    found = torch.autograd.grad(value, list(wanted.values()), allow_unused=True)
    gradients = {
        name: _plain(torch.zeros_like(x) if g is None else g)
        for (name, x), g in zip(wanted.items(), found, strict=True)
    }
    return Learned(
        tuple(gradients.pop(str(k), None) for k in range(len(leaves))),
        gradients,
        _step(module, given, loss, called),
        {},
    )


def _step(
    module: Any, given: Sequence[Any], loss: Sequence[Array], called: Called
) -> Mapping[str, Array]:
    import torch

    fresh = copy.deepcopy(module).train()
    before = {name: x.detach().clone() for name, x in fresh.state_dict().items()}
    with _certain(fresh):
        _loss(called(fresh, given), loss).backward()
    with torch.no_grad():
        for parameter in fresh.parameters():
            if parameter.grad is not None:
                parameter -= parameter.grad
    after = fresh.state_dict()
    return {name: _plain(after[name] - x) for name, x in before.items() if x.is_floating_point()}


def _loss(result: Any, loss: Sequence[Array]) -> Any:
    import torch

    outputs = [result] if isinstance(result, torch.Tensor) else list(result)
    pairs = zip(outputs, loss, strict=True)
    return sum(
        (y.double() * torch.from_numpy(np.array(c)).double()).mean()
        for y, c in pairs
        if y.is_floating_point()
    )


@contextmanager
def _certain(module: Any) -> Iterator[None]:
    """Without chance: what drops numbers drops none while this lasts."""
    from torch.nn import functional

    for part in module.modules():
        if hasattr(part, "p") and isinstance(part.p, float):
            part.p = 0.0
        if isinstance(getattr(part, "dropout", None), float):
            part.dropout = 0.0

    def kept(x: Any, *args: Any, **how: Any) -> Any:
        return x

    with ExitStack() as patched:
        for name in RANDOM:
            patched.enter_context(patch.object(functional, name, kept))
        yield


def _plain(tensor: Any) -> Array:
    found: Array = tensor.detach().double().cpu().numpy()
    return found
