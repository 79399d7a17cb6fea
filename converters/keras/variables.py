"""The variables of layer rules: asked for while the graph is read, filled when the file is bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

import numpy as np

from converters.keras.spec import Slot
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.weights.tensor import Stored, Tensor


@dataclass(eq=False)
class Pending:
    """A lazy tensor for a slot; reading it before it is bound to an array of the file is porter's mistake."""

    slot: Slot
    stored: Tensor | None = None
    default: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.slot.shape

    @property
    def dtype(self) -> str:
        return self.stored.dtype if self.stored else "float32"

    @property
    def origins(self) -> tuple[Stored, ...]:
        return self.stored.origins if self.stored else ()

    @property
    def steps(self) -> tuple[str, ...]:
        return self.stored.steps if self.stored else ()

    def read(self) -> np.ndarray:
        if self.stored is not None:
            return self.stored.read()
        if self.default is not None:
            return self.default
        raise GraphError(f"{'/'.join(self.slot.layer)}: {self.slot.name} was read before it was bound")


@dataclass
class Variables:
    """All variables of a model, each asked for once however often its layer is used."""

    asked: dict[tuple[tuple[str, ...], tuple[str, ...], str], Pending] = field(default_factory=dict)
    counts: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = field(default_factory=dict)
    left: dict[Slot, str] = field(default_factory=dict)  # known to be in the file, not carried: the reason

    def ask(
        self,
        layer: tuple[str, ...],
        attribute: tuple[str, ...],
        name: str,
        shape: tuple[int, ...],
        trainable: bool,
        default: np.ndarray | None = None,
    ) -> Pending:
        """The tensor for a variable; `default` makes it optional."""
        key = (layer, attribute, name)
        if key not in self.asked:
            index = self.counts.get((layer, attribute), 0)
            self.counts[layer, attribute] = index + 1
            slot = Slot(layer, attribute, name, index, shape, trainable, default is not None)
            self.asked[key] = Pending(slot, default=default)
        return self.asked[key]

    def leave(self, pending: Pending, because: str) -> None:
        """A variable that no target needs; the ledger says why."""
        self.left[pending.slot] = because

    def bind(self, tensors: Mapping[Slot, Tensor]) -> None:
        """Fill every slot that the file has an array for."""
        for pending in self.asked.values():
            pending.stored = tensors.get(pending.slot)
