"""Distances and the verdict on plain arrays: what counts as the same, and what fails closed."""

from __future__ import annotations

import numpy as np
import pytest

from porter.compare.difference import SPACINGS, Yardstick, between, tells_nothing
from porter.compare.verdict import LIMIT, Case, Evidence, Sides, judge, output_row

EPS = 2.0**-23
RNG = np.random.default_rng(3)
IMAGE = RNG.standard_normal((4, 3, 8, 8))
NAN, INF = np.nan, np.inf


def stick(exact: np.ndarray, rough: np.ndarray | None = None) -> Yardstick:
    return Yardstick(exact, exact.astype("float32") if rough is None else rough, EPS)


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    changed = array.astype("float32")
    changed.reshape(-1)[5] = value
    return changed


VERDICTS = [
    # what, exact, given, equivalent
    ("itself", IMAGE, IMAGE.astype("float32"), True),
    ("one float apart", IMAGE, np.nextafter(IMAGE.astype("float32"), np.float32(9)), True),
    (
        "off by 1e-3 in one place",
        IMAGE,
        IMAGE.astype("float32") + with_value(np.zeros_like(IMAGE), 1e-3),
        False,
    ),
    ("another shape", IMAGE, IMAGE[:, :, :7].astype("float32"), False),
    ("a shape that would broadcast", IMAGE, IMAGE[:1].astype("float32"), False),
    ("NaN in one place", IMAGE, with_value(IMAGE, NAN), False),
    ("inf in one place", IMAGE, with_value(IMAGE, INF), False),
    ("NaN in the same place", with_value(IMAGE, NAN).astype("float64"), with_value(IMAGE, NAN), True),
    ("inf of another sign", with_value(IMAGE, INF).astype("float64"), with_value(IMAGE, -INF), False),
    ("zeros for zeros", np.zeros((2, 3)), np.zeros((2, 3), "float32"), True),
    ("dust for zeros", np.zeros((2, 3)), np.full((2, 3), 1e-30, "float32"), False),
    ("the same choice", np.array([[1], [2]]), np.array([[1], [2]]), True),
    ("another choice", np.array([[1], [2]]), np.array([[1], [3]]), False),
    ("numbers for choices", np.array([[1], [2]]), np.array([[1.0], [2.0]], "float32"), False),
    ("whole numbers for numbers", IMAGE, IMAGE.astype("int32"), False),
]


@pytest.mark.parametrize(
    ("exact", "given", "same"), [row[1:] for row in VERDICTS], ids=[r[0] for r in VERDICTS]
)
def test_verdict_on_one_output(exact: np.ndarray, given: np.ndarray, same: bool) -> None:
    for a in (None, given):
        row = output_row(Case("y", "made", stick(exact), a, given, "float32"))
        assert row.equivalent is same
        found = judge(Sides("A", "B"), Evidence((row,)), {})
        assert found.equivalent is same
        assert found.verdict.startswith("equivalent" if same else "not equivalent")
        found.to_dict()


def test_a_wrong_source_does_not_excuse_a_wrong_target() -> None:
    wrong = (IMAGE + 0.1).astype("float32")
    row = output_row(Case("y", "made", stick(IMAGE), wrong, wrong, "float32"))
    assert not row.equivalent
    verdict = judge(Sides("A", "B"), Evidence((row,)), {}).verdict
    assert "B is" in verdict
    assert "A is" in verdict


def test_a_wrong_source_alone_is_told_as_such() -> None:
    row = output_row(
        Case("y", "made", stick(IMAGE), (IMAGE + 0.1).astype("float32"), IMAGE.astype("float32"), "")
    )
    assert "B agrees with the reference, but A is" in judge(Sides("A", "B"), Evidence((row,)), {}).verdict


def test_a_small_channel_is_not_judged_by_a_large_one() -> None:
    exact = IMAGE * np.array([1e4, 1.0, 1e-3])[:, None, None]
    given = exact.astype("float32")
    given[:, 2] += np.float32(1e-5)
    assert stick(exact).measure(exact.astype("float32")).times <= 1
    assert stick(exact).measure(given).times > LIMIT


def test_noise_is_measured_not_assumed() -> None:
    """Where the model's own precision is off by much, a faithful run may be too."""
    exact = RNG.standard_normal((3, 10))
    rough = (exact + 1e-3 * RNG.standard_normal(exact.shape)).astype("float32")
    given = (exact + 1e-3 * RNG.standard_normal(exact.shape)).astype("float32")
    assert stick(exact, rough).measure(given).times < LIMIT
    assert stick(exact).measure(given).times > LIMIT


def test_the_least_noise_is_that_of_the_numbers_themselves() -> None:
    exact = np.array([[1.0, 2.0]])
    assert stick(exact).noise == SPACINGS * EPS * 2


NOTHING = [
    ("nothing at all", [np.zeros((3, 0))], "it is empty"),
    ("NaN everywhere", [np.full((3, 2), NAN)], "it is not finite anywhere"),
    ("equal rows", [np.ones((3, 2))], "it is the same for all inputs"),
    (
        "rows equal to rounding",
        [np.ones((3, 2)) + 1e-9 * IMAGE[:3, 0, 0, :2]],
        "it is the same for all inputs",
    ),
    ("rows that differ a little", [np.ones((3, 2)) + 1e-4 * IMAGE[:3, 0, 0, :2]], ""),
    ("saturated, but not the same", [np.array([[1.0, 1e-9], [1.0, 1e-12]])], ""),
    ("one row cannot tell", [np.ones((1, 2))], ""),
    ("one set of inputs tells", [np.ones((3, 2)), IMAGE[:3, 0, 0, :2]], ""),
]


@pytest.mark.parametrize(("exact", "why"), [row[1:] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_outputs_that_say_nothing(exact: list[np.ndarray], why: str) -> None:
    assert tells_nothing(exact) == why


def test_an_output_that_says_nothing_shows_nothing() -> None:
    ones = np.ones((3, 2))
    row = output_row(Case("y", "made", stick(ones), None, ones.astype("float32"), "float32"))
    assert row.equivalent
    found = judge(Sides("A", "B"), Evidence((row,), silent=("y",)), {})
    assert not found.equivalent
    assert "says nothing" in found.verdict


CLOSED = [
    (Evidence(()), "nothing to compare"),
    (Evidence((), problem="A gave 2 output(s) where the reference gives 1"), "A gave 2 output"),
]


@pytest.mark.parametrize(("evidence", "said"), CLOSED, ids=["nothing", "counts"])
def test_it_fails_closed(evidence: Evidence, said: str) -> None:
    found = judge(Sides("A", "B"), evidence, {})
    assert not found.equivalent
    assert said in found.verdict


@pytest.mark.parametrize(("limits", "same"), [((1e-2, 0.0), True), ((1e-4, 0.0), False), ((0.0, 1.0), True)])
def test_a_tolerance_of_ones_own(limits: tuple[float, float], same: bool) -> None:
    given = (IMAGE * 1.001).astype("float32")
    row = output_row(Case("y", "made", stick(IMAGE), IMAGE.astype("float32"), given, "float32"), limits)
    assert row.equivalent is same


def test_between_never_broadcasts() -> None:
    assert between(np.zeros((2, 3)), np.zeros((1, 3))) == INF
    assert between(np.array([1.0, NAN]), np.array([1.0, 2.0])) == INF
    assert between(np.array([1.0, NAN]), np.array([1.5, NAN])) == 0.5
