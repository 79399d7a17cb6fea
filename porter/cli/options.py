"""The options of each subcommand, as the contract spells them."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, _ActionsContainer
from pathlib import Path

from porter.cli.values import existing_file, existing_path, memory, named_shape, tolerance

# Not argparse choices: others' converters are found by entry point, so the library checks them.
FRAMEWORKS = "{tf,torch,jax}"
DTYPES = ("keep", "float16", "bfloat16", "float32", "float64")
SOURCE_HELP = (
    "model.json weights.h5, one .h5 or .keras file, .pt2, a bundle directory; recognised by content; or "
    "module.py:factory, a function that builds the model (with --weights)"
)
ONE_SOURCE_HELP = "as for convert, in one word: a file, a folder, or model.json,weights.h5"


def add_convert(parser: ArgumentParser) -> None:
    """Options of `porter convert`."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help=SOURCE_HELP)
    _add_target(parser, required=True)
    parser.add_argument(
        "--from",
        dest="from_",
        metavar=FRAMEWORKS,
        help="fail unless the source is of this framework",
    )
    _add_out(parser, "where the bundle goes (default: beside the source, named after it)")
    _add_form(parser)
    _add_supplies(parser)
    parser.add_argument(
        "--verify",
        action=BooleanOptionalAction,
        default=True,
        help="run source and result and compare them (default: yes)",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing output directory")
    _add_talk(parser)


def _add_form(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("form of the result")
    group.add_argument(
        "--io-layout",
        choices=("native", "source"),
        default="native",
        help="image layout at inputs and outputs: the target's custom, or the source's",
    )
    group.add_argument("--dtype", choices=DTYPES, default="keep", help="type of the weights")
    group.add_argument(
        "--weights-format",
        choices=("safetensors", "h5", "msgpack", "orbax"),
        help="file format of the weights of a torch or jax bundle (msgpack and orbax: jax)",
    )
    group.add_argument(
        "--saved-model", action="store_true", help="a TensorFlow SavedModel too (Keras; needs TensorFlow)"
    )


def _add_supplies(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what the source does not say by itself")
    _add_custom(group)
    inputs = group.add_mutually_exclusive_group()
    inputs.add_argument(
        "--inputs",
        type=existing_file,
        metavar="FILE.npz",
        help="example inputs x0, x1, ...; the first axis is the batch",
    )
    inputs.add_argument(
        "--input-shape",
        dest="input_shapes",
        type=named_shape,
        action="append",
        default=[],
        metavar="NAME=1,3,224,224",
        help="shape of an input, batch included; once per input",
    )
    group.add_argument(
        "--static-batch", action="store_true", help="keep the batch size of the example inputs"
    )
    group.add_argument("--weights", type=Path, metavar="FILE", help="weights for a source module.py:factory")
    _add_backend(group)


def add_verify(parser: ArgumentParser) -> None:
    """Options of `porter verify`."""
    parser.add_argument("a", metavar="A", help=ONE_SOURCE_HELP)
    parser.add_argument("b", metavar="B", help="likewise")
    parser.add_argument(
        "--inputs",
        type=existing_path,
        metavar="FILE.npz",
        help="inputs x0, x1, ... to compare on; an .npy, or a folder of images with --preprocess",
    )
    parser.add_argument(
        "--preprocess",
        metavar="FILE.py:FUNCTION",
        help="makes of an image's path the array that the model takes",
    )
    parser.add_argument("--per-layer", action="store_true", help="compare every layer's output too")
    parser.add_argument(
        "--tolerance",
        type=tolerance,
        default="auto",
        metavar="auto|ATOL,RTOL",
        help="auto weighs the difference against the source's own rounding (default)",
    )
    parser.add_argument(
        "--gradients", action="store_true", help="compare gradients and one step of training too"
    )
    _add_report(parser)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a JUnit XML file for CI")
    _add_backend(parser)
    parser.add_argument(
        "--memory",
        type=memory,
        metavar="SIZE",
        help="what the comparison may take, beside the frameworks (default: 2GiB)",
    )
    _add_seed(parser)
    _add_talk(parser)


def add_diagnose(parser: ArgumentParser) -> None:
    """Options of `porter diagnose`."""
    parser.add_argument("a", metavar="A", help=f"the original: {ONE_SOURCE_HELP}")
    parser.add_argument("b", metavar="B", help="the port of it")
    parser.add_argument(
        "--inputs", type=existing_file, metavar="FILE.npz", help="inputs x0, x1, ... to compare on"
    )
    parser.add_argument(
        "--fix", type=Path, metavar="DIR", help="write a repaired copy of the bundle B there, and verify it"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing folder")
    _add_report(parser)
    _add_backend(parser)
    parser.add_argument(
        "--memory",
        type=memory,
        metavar="SIZE",
        help="what the comparison may take, beside the frameworks (default: 2GiB)",
    )
    _add_seed(parser)
    _add_talk(parser)


def add_record(parser: ArgumentParser) -> None:
    """Options of `porter record`."""
    parser.add_argument("model", metavar="MODEL", help=ONE_SOURCE_HELP)
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR", required=True, help="where the recording goes"
    )
    parser.add_argument(
        "--inputs", type=existing_file, metavar="FILE.npz", help="inputs x0, x1, ... to run on"
    )
    _add_seed(parser)
    parser.add_argument("--force", action="store_true", help="replace an existing output directory")
    _add_backend(parser)
    _add_talk(parser)


def _add_report(parser: ArgumentParser) -> None:
    parser.add_argument("--report", type=Path, metavar="DIR", help="write the report files there")


def _add_seed(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the inputs that are made (default: 0)"
    )


def add_check(parser: ArgumentParser) -> None:
    """Options of `porter check`."""
    parser.add_argument(
        "source", nargs="+", metavar="MODEL", help=f"{SOURCE_HELP}; with --preprocess, images or their folder"
    )
    parser.add_argument(
        "--preprocess",
        nargs=2,
        metavar=("ONE.py:f", "TWO.py:g"),
        help="compare two functions that make an array of an image's path, instead of a model with itself",
    )
    parser.add_argument(
        "--inputs", type=existing_file, metavar="FILE.npz", help="rows to run on: inputs x0, x1, ..."
    )
    parser.add_argument(
        "--compiled",
        action=BooleanOptionalAction,
        default=True,
        help="run it compiled as well as not (default: yes; takes PyTorch a while)",
    )
    _add_report(parser)
    _add_backend(parser)
    _add_talk(parser)


def add_inspect(parser: ArgumentParser) -> None:
    """Options of `porter inspect`."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help=SOURCE_HELP)
    _add_target(parser, required=False)
    _add_supplies(parser)
    _add_talk(parser)


def add_demo(parser: ArgumentParser) -> None:
    """Options of `porter demo`."""
    _add_target(parser, required=False)
    _add_out(parser, "where the bundle goes (default: porter-demo)")
    _add_talk(parser)


def _add_target(parser: ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--to",
        metavar=FRAMEWORKS,
        required=required,
        default=None if required else "torch",
        help="the framework wanted" + ("" if required else " (default: torch)"),
    )


def _add_out(parser: ArgumentParser, text: str) -> None:
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help=text)


def _add_backend(parser: _ActionsContainer) -> None:
    parser.add_argument(
        "--source-backend",
        metavar="NAME",
        help="backend the source was trained on, if not recorded (theano, tensorflow, cntk, auto)",
    )


def _add_custom(parser: _ActionsContainer) -> None:
    parser.add_argument(
        "--custom",
        type=existing_file,
        action="append",
        default=[],
        metavar="FILE.py",
        help="your rules for classes porter does not know; may be given several times",
    )


def _add_talk(parser: ArgumentParser) -> None:
    parser.add_argument("--quiet", "-q", action="store_true", help="the result and nothing else")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
