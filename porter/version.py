"""The version number, in the one place from which the package and the command line take it."""

from __future__ import annotations

__version__ = "0.1.0"
