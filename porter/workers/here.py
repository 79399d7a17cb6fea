"""A live model in place of a worker: it is in this process already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from porter.dataclass import dataclass
from porter.workers.job import Array, Layer, Ran


@dataclass
class Here:
    """Fed and asked like a `Worker`; the outputs of its layers are not kept."""

    run: Callable[[Sequence[Array]], tuple[Sequence[Array], Sequence[str]]]
    sets: Sequence[Sequence[Array]] = ()

    def feed(
        self,
        sets: Sequence[Sequence[Array]],
        capture: int | None = None,
        wanted: Sequence[str] | None = None,
        room: float | None = None,
    ) -> None:
        """The inputs to run on, set by set."""
        self.sets = sets

    def layer(self, path: str) -> Layer | None:
        """Nothing: it is asked for its outputs alone."""
        return None

    def result(self) -> Ran:
        """What the model computes from each set."""
        found = [self.run(arrays) for arrays in self.sets]
        outputs = tuple(tuple(arrays) for arrays, _ in found)
        dtypes = tuple(found[-1][1]) if found else ()
        return Ran(outputs, dtypes, (), {"process": "the caller's own"})
