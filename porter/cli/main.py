"""The door of the command line: arguments in, exit code out, every failure one clear sentence."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from porter.cli.output import Output, complain
from porter.cli.parser import parse
from porter.errors import PorterError

DONE, DIFFERENT, REFUSED, BROKEN = 0, 1, 2, 3
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code, and never raises for what a user can cause."""
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        complain("porter: interrupted")
        return INTERRUPTED
    return code


def entry() -> None:
    """What the `porter` script calls."""
    sys.exit(main())


def _run(words: Sequence[str]) -> int:
    try:
        command, told = parse(words)
    except SystemExit as left:
        return int(left.code or 0)
    module = importlib.import_module(f"porter.cli.{command.module}")
    try:
        code: int = module.run(told, Output(quiet=told.quiet, json=told.json))
    except PorterError as error:
        complain(f"porter: {error}")
        return REFUSED
    except BrokenPipeError:
        raise
    except OSError as error:
        # A full disk or a folder without rights is the user's to mend, and the system says it well.
        place = f": {error.filename}" if error.filename else ""
        complain(f"porter: {error.strerror or error}{place}")
        return REFUSED
    except Exception as error:  # noqa: BLE001 - the last door: a bug ends in exit code 3
        return _report_bug(error, command.name)
    return code


def _report_bug(error: Exception, command: str) -> int:
    if os.environ.get("PORTER_DEBUG") == "1":
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    complain(
        f"porter: internal error in {command}: {what}\n"
        "porter: this is a bug; please report it, with what PORTER_DEBUG=1 adds to this output"
    )
    return BROKEN
