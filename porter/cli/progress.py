"""Shows how far a long piece of work is, in the way that suits what is looking."""

from __future__ import annotations

import importlib
from types import TracebackType
from typing import Any, Protocol, Self, TextIO


class Progress(Protocol):
    """Called with a stage's name, the steps done and the steps there are; closed by `with`."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def progress_for(stream: TextIO, *, quiet: bool) -> Progress:
    """A bar if `stream` is a terminal, plain lines if not, nothing if `quiet`."""
    if quiet:
        return Silent()
    return Bars() if stream.isatty() else Lines(stream)


class Silent:
    """Says nothing."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Ignores the step."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Has nothing to close."""


class Lines(Silent):
    """One plain line when a stage begins: fit for logs."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Writes the stage's name the first time it is seen."""
        if stage != self.stage:
            self.stage = stage
            steps = f" ({total} steps)" if total > 1 else ""
            self.stream.write(f"{stage}{steps}\n")
            self.stream.flush()


class Bars(Silent):
    """A bar per stage, drawn on standard error."""

    def __init__(self) -> None:
        # rich costs more than the rest of the start together, and only a person looks at bars.
        console = importlib.import_module("rich.console").Console(stderr=True)
        self.display: Any = importlib.import_module("rich.progress").Progress(console=console, transient=True)
        self.tasks: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Moves the stage's bar."""
        if stage not in self.tasks:
            self.tasks[stage] = self.display.add_task(stage, total=total or None)
        self.display.update(self.tasks[stage], completed=done, total=total or None)

    def __enter__(self) -> Self:
        self.display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Takes the bars away again."""
        self.display.stop()
