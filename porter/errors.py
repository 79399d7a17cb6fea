"""Everything porter can raise, as one small tree.

    PorterError                 a user's problem: one clear sentence, exit code 2
    |-- RequestError            the command or call asks for something that makes no sense
    |-- SourceError             a file cannot be read as what it claims to be
    |   `-- WeightsError        arrays are missing, left over or of another shape
    |-- UnsupportedModel        the model is readable, but holds what cannot be carried exactly
    |-- AxesError               an axis string is malformed or does not fit an array
    |-- RunError                a framework could not run a model (its last words are quoted)
    `-- NotEquivalent           a live model was converted, and the result computes something else
    GraphError                  a broken promise inside porter: a bug, exit code 3

Errors that can have many causes at once carry `problems`, so that a user with forty layers sees all
five faults in one run. Low-level code raises bare problems; whoever knows the file and the layer adds them.
"""

from __future__ import annotations

from collections.abc import Iterable

from porter.dataclass import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what, and what the user can do about it."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f" ({self.hint})" if self.hint else "")


class PorterError(Exception):
    """Root of all errors that speak to a user; `problems` lists every cause."""

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems: tuple[Problem, ...] = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {problem}" for problem in self.problems)])


class RequestError(PorterError):
    """The request is wrong: an unknown target, options that exclude one another, a bad path."""


class SourceError(PorterError):
    """A file is not what it claims to be, or holds no model that porter knows."""


class WeightsError(SourceError):
    """The arrays of a file do not fit the architecture."""


class UnsupportedModel(PorterError):
    """The model is understood, but something in it cannot be carried exactly."""


class AxesError(PorterError):
    """An axis string is malformed, or does not fit the array it is used on."""


class RunError(PorterError):
    """A framework failed to run a model in its worker process."""


class GraphError(Exception):
    """A graph breaks its own rules: always porter's fault, never the user's."""


FAULTS_OF_CALLS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a model with a mistake in it, and a framework's look at it, can raise."""

FAULTS = (*FAULTS_OF_CALLS, ImportError, OSError, SyntaxError)
"""What goes wrong while code with a mistake in it is imported or called."""
