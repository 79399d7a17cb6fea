"""The command line from outside: exit codes, streams, and one clear sentence for every mistake."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from porter.cli import command, main, parser, progress, values
from porter.cli.output import Output
from porter.errors import GraphError, PorterError, Problem, SourceError
from tests.conftest import ROOT

MISTAKES = [
    # words, what standard error must say
    ([], "which command? convert, verify, record, inspect"),
    (["convrt"], "no command 'convrt' (did you mean convert?)"),
    (["--frob"], "unrecognized arguments: --frob"),
    (["convert"], "required: "),
    (["convert", "m.h5"], "required: --to"),
    (["convert", "m.h5", "--to", "caffe"], "no framework is named 'caffe'"),
    (["convert", "m.h5", "--to", "torch", "--forse"], "did you mean --force?"),
    (["convert", "m.h5", "--to", "torch", "--input-shape", "=1,2"], "'=1,2' is not NAME=SIZES"),
    (
        ["convert", "m.h5", "--to", "torch", "--input-shape", "x=1,b"],
        "'b' in 'x=1,b' is not",
    ),
    (["convert", "m.h5", "--to", "torch", "--custom", "no.py"], "'no.py' does not exist"),
    (["verify", "a"], "required: B"),
    (["verify", "a", "b", "--tolerance", "1"], "'1' is not auto or ATOL,RTOL"),
    (["verify", "a", "b", "--tolerance", "nan,0"], "'nan,0' is not auto or ATOL,RTOL"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_mistakes_are_one_sentence_and_exit_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("porter")
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in parser.COMMANDS)])
def test_help_is_a_result(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: porter")
    assert err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("porter ")


def test_files_and_options_mix_in_any_order() -> None:
    _, told = parser.parse(["convert", "model.json", "--to", "torch", "weights.h5", "-o", "out"])
    assert told.source == ["model.json", "weights.h5"]
    assert (told.to, told.out) == ("torch", Path("out"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["model.h5"], "model.h5"),
        (["a.json", "b.h5"], ["a.json", "b.h5"]),
        (["a.json,b.h5"], ["a.json", "b.h5"]),
        (["net.py:make"], "net.py:make"),
    ],
)
def test_sources(words: list[str], expected: str | list[str]) -> None:
    assert values.source(words) == expected


def test_a_file_whose_name_has_a_comma_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b.h5").touch()
    assert values.source(["a,b.h5"]) == "a,b.h5"


def test_named_shape() -> None:
    assert values.named_shape("x=1,3,224,224") == ("x", (1, 3, 224, 224))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[BaseException], None]]:
    """Puts in place of `porter demo` a command that raises."""

    def plant(error: BaseException) -> None:
        def run(told: argparse.Namespace, output: object) -> NoReturn:
            raise error

        module = ModuleType("porter.cli.failing")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        demo = parser.COMMANDS["demo"]
        row = command.Command("demo", demo.summary, demo.add_options, "failing")
        monkeypatch.setitem(parser.COMMANDS, "demo", row)

    return plant


FAILURES = [
    (PorterError("no"), 2, "porter: no\n"),
    (
        SourceError("bad", [Problem("m.h5", "empty", "save it again")]),
        2,
        "m.h5: empty (save it again)",
    ),
    (PermissionError(13, "Permission denied", "out"), 2, "porter: Permission denied: out\n"),
    (OSError("disk gone"), 2, "porter: disk gone\n"),
    (GraphError("value has no maker"), 3, "internal error in demo: GraphError: value has no maker"),
    (ZeroDivisionError(), 3, "internal error in demo: ZeroDivisionError\n"),
    (KeyboardInterrupt(), 130, "porter: interrupted\n"),
]


@pytest.mark.parametrize(("error", "code", "said"), FAILURES, ids=lambda value: str(value)[:30])
def test_every_failure_has_its_exit_code(
    error: BaseException,
    code: int,
    said: str,
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PORTER_DEBUG", raising=False)
    failing(error)
    assert main.main(["demo"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_traceback_only_when_asked(
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORTER_DEBUG", "1")
    failing(ValueError("odd"))
    assert main.main(["demo"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_no_complaint() -> None:
    done = subprocess.run(
        f"{sys.executable} -m porter --help | head -c 1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.returncode in (0, main.PIPE_CLOSED)


class Stream:
    """A text stream that may claim to be a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.text = ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Has nothing to flush."""


def test_progress_is_plain_lines_off_a_terminal() -> None:
    stream = Stream(terminal=False)
    with progress.progress_for(stream, quiet=False) as show:  # type: ignore[arg-type]
        for done in range(3):
            show("writing weights", done, 3)
        show("verifying", 0, 1)
    assert stream.text == "writing weights (3 steps)\nverifying\n"


def test_progress_is_silent_when_quiet() -> None:
    stream = Stream(terminal=True)
    with progress.progress_for(stream, quiet=True) as show:  # type: ignore[arg-type]
        show("writing weights", 0, 3)
    assert stream.text == ""


def test_progress_bars_leave_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_for(Stream(terminal=True), quiet=False) as show:  # type: ignore[arg-type]
        show("writing weights", 1, 3)
        show("writing weights", 3, 3)
    assert capsys.readouterr().out == ""


def seconds(*words: str) -> float:
    """Of the processor: what else the machine does is left out."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime - began.ru_utime + ended.ru_stime - began.ru_stime


def test_help_starts_quickly() -> None:
    """The aim is 150 ms over an empty Python, which `scripts/bench` measures; this is a net."""
    extra = [seconds("-m", "porter", "--help") - seconds("-c", "pass") for _ in range(3)]
    assert statistics.median(extra) < 0.5


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True).result({"path": Path("out"), "n": 1}, ["out"])
    assert json.loads(capsys.readouterr().out) == {"path": "out", "n": 1}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's bundle, made once by the command itself."""
    out = tmp_path_factory.mktemp("demo") / "out"
    assert main.main(["demo", "--quiet", "-o", str(out)]) == 0
    return out


def test_demo_makes_a_bundle_that_stands_alone(demo: Path) -> None:
    assert {"model.py", "model.safetensors", "porter.json"} <= {path.name for path in demo.iterdir()}
    script = (
        "import sys; sys.modules['porter'] = sys.modules['converters'] = None\n"
        "import torch, model\n"
        "print(tuple(model.load()(torch.ones(2, 1, 28, 28)).shape))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=demo, capture_output=True, text=True)
    assert done.stdout == "(2, 4)\n", done.stderr


def test_demo_can_be_repeated_but_takes_no_other_folder(demo: Path, tmp_path: Path) -> None:
    assert main.main(["demo", "--quiet", "-o", str(demo)]) == 0
    (tmp_path / "mine.txt").write_text("keep me")
    assert main.main(["demo", "--quiet", "-o", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_convert_prints_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ROOT / "fixtures" / "demo_cnn"
    words = [f"{model / 'model.json'},{model / 'model.weights.h5'}", "--to", "torch", "--no-verify"]
    assert main.main(["convert", *words, "-o", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(tmp_path / "out")
    assert told["verification"] is None


def test_options_for_code_are_refused_for_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["convert", "m.h5", "--to", "torch", "--weights", "w.pt", "-o", str(tmp_path / "out")]
    assert main.main(words) == 2
    assert "--weights belongs to a source that is Python code" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
