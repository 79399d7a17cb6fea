"""porter: a trained network from one framework to another, with proof that it computes the same."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from porter.errors import (
    AxesError,
    PorterError,
    Problem,
    RequestError,
    RunError,
    SourceError,
    UnsupportedModel,
    WeightsError,
)
from porter.version import __version__

if TYPE_CHECKING:
    from porter.api import (
        Bundle,
        Check,
        Comparison,
        Diagnosis,
        Inspection,
        NotEquivalent,
        check,
        check_preprocessing,
        convert,
        diagnose,
        inspect,
        record,
        to_jax,
        to_keras,
        to_torch,
        verify,
    )

__all__ = [
    "AxesError",
    "Bundle",
    "Check",
    "Comparison",
    "Diagnosis",
    "Inspection",
    "NotEquivalent",
    "PorterError",
    "Problem",
    "RequestError",
    "RunError",
    "SourceError",
    "UnsupportedModel",
    "WeightsError",
    "__version__",
    "check",
    "check_preprocessing",
    "convert",
    "diagnose",
    "inspect",
    "record",
    "to_jax",
    "to_keras",
    "to_torch",
    "verify",
]


def __getattr__(name: str) -> Any:
    """The working half is loaded when it is first used: `porter --help` must not wait for NumPy."""
    if name in __all__:
        return getattr(import_module("porter.api"), name)
    raise AttributeError(f"module 'porter' has no attribute {name!r}")
