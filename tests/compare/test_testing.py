"""The helper for others' tests: silent when all is well, and a table when not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from porter.testing import assert_equivalent
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.conftest import ROOT

UNET = ROOT / "fixtures" / "unet_small"


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, "start", InProcess)


def test_what_is_equivalent_passes_silently(capsys: pytest.CaptureFixture[str]) -> None:
    found = assert_equivalent(UNET / "io.npz", UNET)
    assert found.equivalent
    assert capsys.readouterr() == ("", "")


def test_what_is_not_fails_with_the_figures(tmp_path: Path) -> None:
    with np.load(UNET / "io.npz") as file:
        np.savez(tmp_path / "other.npz", x0=file["x0"], y0=file["y0"] + np.float32(0.01))
    with pytest.raises(AssertionError, match=r"(?s)^not equivalent: .*NOT EQUIVALENT"):
        assert_equivalent(tmp_path / "other.npz", UNET)
    assert_equivalent(tmp_path / "other.npz", UNET, tolerance=(0.02, 0.0))
