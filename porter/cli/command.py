"""What a subcommand is, so that the table of them stays data and `porter --help` stays quick."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable
from typing import NoReturn

from porter.dataclass import dataclass


@dataclass(frozen=True)
class Command:
    """One subcommand: its name, a line of help, its options, and the module whose `run` does it.

    The module is named, not imported: only the command that needs NumPy and h5py loads them.
    """

    name: str
    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    module: str


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, with the nearest name that exists."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong and where to look, and leaves with exit code 2."""
        self.exit(2, f"{self.prog}: {message}{self._nearest(message)}; see `{self.prog} --help`\n")

    def _nearest(self, message: str) -> str:
        head, _, words = message.partition("unrecognized arguments: ")
        if head or not words:
            return ""
        return did_you_mean(words.split()[0].partition("=")[0], self._option_string_actions)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A closing remark that names the closest known word, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
