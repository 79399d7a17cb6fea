"""Lets `python -m porter` do what the `porter` command does."""

from __future__ import annotations

from porter.cli.main import entry

if __name__ == "__main__":
    entry()
