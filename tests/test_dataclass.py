"""Our quick `dataclass` does what the standard one does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, fields, replace
from dataclasses import dataclass as standard
from typing import Any

import pytest

from porter.dataclass import dataclass as quick


def made(dataclass: Any) -> dict[str, Any]:
    """The same classes by either; the names in their representations are alike too."""

    @dataclass(frozen=True)
    class Point:
        x: int
        y: float = 2.0
        tags: list[str] = field(default_factory=list, repr=False, compare=False)

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("negative")

    @dataclass(frozen=True)
    class Solid(Point):
        z: int = 0

    @dataclass(frozen=True)
    class Shown:  # noqa: PLW1641  (the hash is what is tested)
        x: int

        def __repr__(self) -> str:
            return "shown"

        def __eq__(self, other: object) -> bool:
            return True

    @dataclass(frozen=True, eq=False)
    class Unlike:
        x: int

    @dataclass
    class Open:
        x: int

    return {kind.__name__: kind for kind in (Point, Solid, Shown, Unlike, Open)}


BOTH = [pytest.param(made(standard), id="standard"), pytest.param(made(quick), id="quick")]


@pytest.mark.parametrize("kinds", BOTH)
class TestDataclass:
    def test_values(self, kinds: dict[str, Any]) -> None:
        point, solid = kinds["Point"], kinds["Solid"]
        assert repr(point(1)).endswith("Point(x=1, y=2.0)")
        assert repr(solid(z=3, x=1)).endswith("Solid(x=1, y=2.0, z=3)")
        assert point(1).tags == []
        assert point(1).tags is not point(1).tags
        assert [one.name for one in fields(solid)] == ["x", "y", "tags", "z"]
        assert dataclasses.asdict(solid(1, 4.0)) == {"x": 1, "y": 4.0, "tags": [], "z": 0}
        assert solid.__match_args__ == ("x", "y", "tags", "z")

    def test_comparing(self, kinds: dict[str, Any]) -> None:
        point, solid, unlike = kinds["Point"], kinds["Solid"], kinds["Unlike"]
        assert point(1, tags=["a"]) == point(1)
        assert hash(point(1)) == hash(point(1, 2.0))
        assert point(1) != point(2)
        assert point(1) != solid(1)
        assert unlike(1) != unlike(1)
        assert kinds["Shown"](1) == kinds["Shown"](2)
        assert repr(kinds["Shown"](1)) == "shown"
        assert hash(kinds["Shown"](1)) == hash(kinds["Shown"](1))

    def test_replaced_and_copied(self, kinds: dict[str, Any]) -> None:
        point = kinds["Point"](1)
        assert replace(point, y=5.0) == kinds["Point"](1, 5.0)
        assert copy.copy(point) == point
        assert copy.deepcopy(point) == point
        with pytest.raises(ValueError, match="negative"):
            replace(point, x=-1)

    def test_frozen(self, kinds: dict[str, Any]) -> None:
        point = kinds["Point"](1)
        for name in ("x", "other"):
            with pytest.raises(FrozenInstanceError):
                setattr(point, name, 2)
        with pytest.raises(FrozenInstanceError):
            del point.x
        kinds["Open"](1).x = 2

    @pytest.mark.parametrize(
        ("args", "named"),
        [((), {}), ((1, 2.0, [], 4), {}), ((1,), {"x": 1}), ((1,), {"w": 1}), ((), {"y": 1})],
        ids=["nothing", "too many", "twice", "unknown", "one missing"],
    )
    def test_wrong_calls(self, kinds: dict[str, Any], args: Any, named: Any) -> None:
        with pytest.raises(TypeError):
            kinds["Point"](*args, **named)


@quick(frozen=True)
class Kept:
    """At the top of its module, as pickling asks."""

    x: int


def test_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)
