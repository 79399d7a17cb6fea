"""`porter demo`: a bundled Keras model, converted and verified from end to end."""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

from porter import api
from porter.cli.convert import report
from porter.cli.output import Output
from porter.errors import RequestError

DEFAULT_OUT = Path("porter-demo")
REPORTS = ("report.html", "report.json")


def run(told: argparse.Namespace, output: Output) -> int:
    """Converts the fixture into a folder of its own, which a second run replaces."""
    out = told.out or DEFAULT_OUT
    model = fixture()
    output.note(f"converting {model.name} from Keras to {told.to}")
    with output.progress() as progress:
        bundle = api.convert(model, to=told.to, out=out, force=_is_bundle(out), progress=progress)
    code = report(bundle, output)
    for name in REPORTS:
        if (bundle.path / name).is_file():
            output.note(f"the report is {bundle.path / name}")
    return code


def fixture() -> Path:
    """The demo model's folder: inside an installed package, or in `fixtures/` of a checkout."""
    package = Path(str(files("porter")))
    for folder in (package / "cli" / "fixture", package.parent / "fixtures" / "demo_cnn"):
        if folder.is_dir():
            return folder
    raise RequestError(f"the demo model is missing from the installation in {package}")


def _is_bundle(out: Path) -> bool:
    return (out / "porter.json").is_file()
