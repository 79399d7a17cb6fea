"""For the tests of others: a port held to its source.

from porter.testing import assert_equivalent

def test_the_port() -> None:
    assert_equivalent("model.keras", "port/")
"""

from __future__ import annotations

from typing import Any

from porter import api
from porter.compare import Comparison
from porter.compare.table import lines


def assert_equivalent(a: object, b: object, **how: Any) -> Comparison:
    """Fails, with the table of all figures, unless the two compute the same; `how` is as for `verify`."""
    __tracebackhide__ = True  # a failing test shows its own line
    found = api.verify(a, b, **how)
    if not found.equivalent:
        raise AssertionError("\n".join(lines(found, per_layer=bool(how.get("per_layer")))))
    return found
