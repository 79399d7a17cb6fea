"""The shape of the code, held by tests: who loads what, and the house numbers.

Each rule is one row of `RULES`: a name, a function that finds breaches in one file, and the
exceptions, each with its reason. A new exception is a line in this table that a reviewer sees.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT, Finished

FRAMEWORKS = ("keras", "tensorflow", "tf_keras", "torch", "jax", "flax")
# Files that run a framework in a process of their own, and those that are text for generated code.
MAY_LOAD = re.compile(r"converters/\w+/(run|snippets\w*)\.py|converters/(torch|jax)/load\.py")

SOURCES = sorted(
    path
    for package in ("porter", "converters")
    for path in (ROOT / package).rglob("*.py")
    if "fixture" not in path.parts
)


@dataclass(frozen=True)
class Source:
    """One file of the library, read and parsed once."""

    name: str
    text: str
    tree: ast.Module

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [
            node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]


@dataclass(frozen=True)
class Rule:
    """A number or a ban that every file keeps, but for the listed exceptions (file -> reason)."""

    name: str
    breaches: Callable[[Source], Iterator[str]]
    exceptions: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def long_files(source: Source) -> Iterator[str]:
    limit = 250 if "/layers/" in source.name else 400
    lines = source.text.count("\n")
    if lines > limit:
        yield f"{lines} lines, at most {limit}"


def long_functions(source: Source) -> Iterator[str]:
    for function in source.functions:
        if length(function) > 60:
            yield f"{function.lineno} {function.name}: {length(function)} lines, at most 60"


def vague_names(source: Source) -> Iterator[str]:
    stem = Path(source.name).stem
    if re.search(r"(^|_)(utils?|helpers?|common|misc|functions)($|_)", stem):
        yield f"{stem!r} says nothing about what is in it"


def broad_excepts(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            if re.search(r"\b(Exception|BaseException|everything)\b", caught):
                yield f"{node.lineno} catches {caught}"


def prints(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield f"{node.lineno} prints; return a value and let the command line show it"


def long_ladders(source: Source) -> Iterator[str]:
    inner = {
        id(node.orelse[0])
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and len(node.orelse) == 1
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.If) and id(node) not in inner and arms(node) > 3:
            yield f"{node.lineno} {arms(node)} arms of if/elif, at most 3: use a table"


def arms(node: ast.If) -> int:
    rest = node.orelse
    return 1 + (arms(rest[0]) if len(rest) == 1 and isinstance(rest[0], ast.If) else 0)


AXIS_CALLS = {"transpose", "permute", "moveaxis", "swapaxes", "rollaxis"}


def literal_permutations(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or called(node) not in AXIS_CALLS:
            continue
        if ast.unparse(node).endswith((", -1, -2)", ", -2, -1)")):
            continue  # a matrix transposed for a product, whatever its axes mean
        axes = [*node.args, *(keyword.value for keyword in node.keywords)]
        numbers = sum(map(is_number, axes))
        # `moveaxis(x, axis, -1)` moves an axis that was computed; two numbers are a layout.
        if numbers >= 2 or any(map(is_literal_order, axes)):
            yield f"{node.lineno} literal axes: {ast.unparse(node)[:70]}"


def array_reshapes(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith(".reshape"):
            continue
        if ast.unparse(node.func) == "call.reshape":
            continue  # a node of the graph, which the layout pass sees
        # To one axis, for reading bytes, keeps the order whatever it is.
        if [ast.unparse(argument) for argument in node.args] != ["-1"]:
            yield f"{node.lineno} reshapes an array: {ast.unparse(node)[:70]}"


def called(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def is_literal_order(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple | ast.List) and sum(map(is_number, node.elts)) >= 2


def is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    return isinstance(node, ast.Constant) and type(node.value) is int


def undocumented(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield "1 the module has no docstring"
    for node in source.tree.body:
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
            and not is_rule(node)
        ):
            yield f"{node.lineno} {node.name} has no docstring"


def is_rule(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """A layer rule is documented by the class its decorator names; a sentence would repeat it."""
    return node.name.startswith(("read_", "write_")) and bool(node.decorator_list)


def placed(pattern: str, find: Callable[[Source], Iterator[str]]) -> Callable[..., Iterator[str]]:
    """The same rule, for files whose name matches the pattern only."""
    return lambda source: find(source) if re.search(pattern, source.name) else iter(())


# Snippets are text of generated code, which arranges values and no weights.
NOT_AXES = r"^(?!porter/axes\.py|porter/axis_|converters/\w+/snippets)"
WEIGHT_CODE = r"^converters/\w+/(layers/|read|write)|^porter/(layout|weights|normalise)/"

RULES = (
    Rule("file length", long_files),
    Rule("function length", long_functions),
    Rule("file names", vague_names),
    Rule(
        "broad except",
        broad_excepts,
        {"porter/cli/main.py": "the last door: a bug becomes exit code 3 and a request to report"},
    ),
    Rule("print", prints),
    Rule("if/elif ladders", long_ladders),
    Rule(
        "literal permutations",
        placed(NOT_AXES, literal_permutations),
    ),
    Rule(
        "reshapes of weights",
        placed(WEIGHT_CODE, array_reshapes),
        {
            "porter/weights/reading.py": "gives the bytes of a file the shape that the file records",
            "porter/weights/msgpack.py": "gives the bytes of a file the shape that the file records",
        },
    ),
    Rule("docstrings", undocumented),
)


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return [read(path) for path in SOURCES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_house_rule(rule: Rule, sources: list[Source]) -> None:
    found = {source.name: list(rule.breaches(source)) for source in sources}
    breaches = [
        f"{name}:{breach}" for name, list_ in found.items() if name not in rule.exceptions for breach in list_
    ]
    assert not breaches, "\n".join(breaches)
    idle = [name for name in rule.exceptions if not found.get(name)]
    assert not idle, f"exceptions that are no longer needed: {idle}"


@pytest.mark.parametrize(("what", "limit"), [("files", 150), ("functions", 10)])
def test_the_middle_stays_small(what: str, limit: int, sources: list[Source]) -> None:
    sizes = {
        "files": [source.text.count("\n") for source in sources if source.text.strip()],
        "functions": [length(f) for source in sources for f in source.functions],
    }
    assert statistics.median(sizes[what]) <= limit


def test_rules_find_what_they_are_for() -> None:
    """A rule that finds nothing anywhere would pass for ever."""
    ladder = "if a:\n  1\nelif b:\n  2\nelif c:\n  3\nelif d:\n  4\n"
    planted = {
        "file length": "\n" * 401,
        "function length": "def f():\n" + "    1\n" * 60,
        "file names": "",
        "broad except": "try: 1\nexcept Exception: 2\n",
        "print": "print(1)\n",
        "if/elif ladders": ladder,
        "literal permutations": "x = np.transpose(x, (3, 2, 0, 1))\n",
        "reshapes of weights": "w = w.reshape(expected)\n",
        "docstrings": "def f(): pass\n",
    }
    assert planted.keys() == {rule.name for rule in RULES}
    for rule in RULES:
        name = "converters/keras/layers/utils.py"
        text = planted[rule.name]
        assert list(rule.breaches(Source(name, text, ast.parse(text)))), rule.name


def test_no_machine_paths() -> None:
    """Nothing that is committed may lean on where this checkout happens to lie."""
    listed = subprocess.run(
        ["git", "grep", "-nIF", f"{ROOT.parent}/"], cwd=ROOT, capture_output=True, text=True
    )
    if ROOT.parent != Path("/"):
        assert listed.stdout == ""


def modules() -> list[str]:
    names = [path.relative_to(ROOT) for path in SOURCES]
    return [
        ".".join(name.with_suffix("").parts).removesuffix(".__init__")
        for name in names
        if not MAY_LOAD.fullmatch(name.as_posix()) and name.stem != "__main__"
    ]


LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loads(python: Callable[..., Finished], *names: str) -> set[str]:
    statements = "".join(f"import {name}\n" for name in names)
    done = python("-c", statements + LOADED)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_no_module_loads_a_framework(python: Callable[..., Finished]) -> None:
    """Reading and writing need no framework: all modules at once, in one fresh process."""
    assert loads(python, *modules()).isdisjoint(FRAMEWORKS)


def test_help_loads_nothing_heavy(python: Callable[..., Finished]) -> None:
    heavy = {"numpy", "h5py", "safetensors", "rich", "ml_dtypes", *FRAMEWORKS}
    assert loads(python, "porter", "porter.cli.main").isdisjoint(heavy)
