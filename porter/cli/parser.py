"""The table of subcommands, and the parsers made from it: one for `porter`, one per subcommand.

Each subcommand has a parser of its own, not a nested one, so that options and files may be mixed in
any order (`convert model.json --to torch weights.h5`), and only what is asked for is built.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from porter.cli import options
from porter.cli.command import Command, Parser, did_you_mean
from porter.version import __version__

COMMANDS = {
    command.name: command
    for command in (
        Command("convert", "take a model to another framework", options.add_convert, "convert"),
        Command("verify", "do two models compute the same?", options.add_verify, "verify"),
        Command("record", "run a model here, to compare with elsewhere", options.add_record, "record"),
        Command("inspect", "what is in a model, what would convert", options.add_inspect, "inspect"),
        Command("diagnose", "why do two models differ, and what mends it?", options.add_diagnose, "diagnose"),
        Command("check", "does a model agree with itself?", options.add_check, "check"),
        Command("demo", "convert and verify a bundled model", options.add_demo, "demo"),
    )
}

EXIT_CODES = """exit codes:
  0  done, and equivalent where verified
  1  verified and not equivalent
  2  the input or the request is wrong or unsupported
  3  an internal error"""


def parse(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The subcommand and its options; SystemExit on `--help`, `--version` and errors."""
    if words and words[0] in COMMANDS:
        command = COMMANDS[words[0]]
        return command, command_parser(command).parse_intermixed_args(words[1:])
    top = top_parser()
    told, rest = top.parse_known_args(words)
    if told.command is None and rest:
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if told.command is None:
        top.error("which command? " + ", ".join(COMMANDS))
    top.error(f"no command {told.command!r}{did_you_mean(told.command, COMMANDS)}")


def top_parser() -> Parser:
    """The parser of `porter` itself: help, version, and the list of commands."""
    rows = "\n".join(f"  {command.name:<10}{command.summary}" for command in COMMANDS.values())
    parser = Parser(
        prog="porter",
        usage="porter COMMAND ... [--help]",
        description="Takes a trained neural network from one framework to another, and proves it.",
        epilog=f"commands:\n{rows}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"porter {__version__}")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    return parser


def command_parser(command: Command) -> Parser:
    """The parser of one subcommand."""
    parser = Parser(
        prog=f"porter {command.name}", description=command.summary.capitalize(), allow_abbrev=False
    )
    command.add_options(parser)
    return parser
