"""What every op offers: attributes, canonical parameter axes, shape rule, NumPy meaning, layout rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeAlias

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.layouts import Relaid, Request, fixed
from porter.graph.model import Spec

Array: TypeAlias = np.ndarray
Arrays: TypeAlias = tuple[Array, ...]

_REGISTRY: dict[str, type[Op]] = {}


@dataclass(frozen=True)
class Op:
    """Base of all ops. Subclasses are frozen dataclasses whose fields are the attributes.

    `PARAMS` gives each parameter's canonical axes; a trailing `?` marks one that may be absent.
    """

    PARAMS: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        if cls.__name__ in _REGISTRY:
            raise GraphError(f"two ops are named {cls.__name__}: {_REGISTRY[cls.__name__]} and {cls}")
        _REGISTRY[cls.__name__] = cls

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        """Shapes and types of the outputs; raises GraphError where the inputs do not fit."""
        raise NotImplementedError(type(self).__name__)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        """The op computed by NumPy in the precision of its inputs."""
        raise NotImplementedError(type(self).__name__)

    def relayout(self, request: Request) -> Relaid:
        """How the op's axes behave under a layout change; by default nothing moves."""
        return fixed(self, request)

    @property
    def pure(self) -> bool:
        """Whether two uses on the same inputs are one."""
        return True


def op_named(name: str) -> type[Op]:
    """The op class of that name, for reading graphs back."""
    if name not in _REGISTRY:
        raise GraphError(f"no op is named {name}")
    return _REGISTRY[name]


def all_ops() -> tuple[type[Op], ...]:
    """Every concrete op class, in order of definition (bases that only share code start with `_`)."""
    return tuple(op for name, op in _REGISTRY.items() if not name.startswith("_"))


def normal_axis(axis: int, rank: int) -> int:
    """A possibly negative axis as a place from the front."""
    if not -rank <= axis < rank:
        raise GraphError(f"axis {axis} is outside a value of rank {rank}")
    return axis % rank
