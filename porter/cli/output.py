"""Where words go: the result to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from porter.cli.progress import Progress, progress_for
from porter.dataclass import dataclass


@dataclass(frozen=True)
class Output:
    """What a command may say, given `--quiet` and `--json`."""

    quiet: bool = False
    json: bool = False

    def result(self, data: Mapping[str, Any], lines: Iterable[str]) -> None:
        """The result, once: `data` as one JSON object, or `lines` for people."""
        text = json.dumps(data, indent=2, default=str) if self.json else "\n".join(lines)
        sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """A remark that is not the result."""
        if not self.quiet:
            sys.stderr.write(text + "\n")

    def progress(self) -> Progress:
        """Shows how far the work is: a bar on a terminal, plain lines elsewhere, or nothing."""
        return progress_for(sys.stderr, quiet=self.quiet)


def complain(text: str) -> None:
    """Why a command failed, on standard error whatever was asked."""
    sys.stderr.write(text + "\n")
