"""Generated source: legal names, no way out of a literal, and the layout of a formatter."""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from porter.errors import GraphError
from porter.source.code import (
    Attr,
    Binary,
    Call,
    Dict,
    Each,
    Expression,
    IfElse,
    Index,
    List,
    Literal,
    Name,
    Slice,
    Star,
    Tuple,
    Unary,
    attr,
    binary,
    call,
    index,
)
from porter.source.names import Namer, class_name, identifier
from porter.source.render import render, render_expression
from porter.source.statements import (
    Assign,
    Augment,
    Blank,
    Class,
    Comment,
    Expr,
    For,
    Function,
    If,
    Module,
    Raw,
    Return,
    Statement,
    With,
    assign,
    param,
)

X, Y = Name("x"), Name("y")
LONG = Name("features_of_the_second_block_after_downsampling")

# --- names

IDENTIFIERS = [
    ("conv2d/kernel:0", "conv2d_kernel_0"),
    ("1_conv", "conv_1"),
    ("3x3", "layer_3x3"),
    ("7", "layer_7"),
    ("", "layer"),
    ("日本", "layer"),
    ("Größe", "Groe"),
    ("café", "cafe"),
    ("class", "class_"),
    ("input", "input_"),
    ("match", "match_"),
    ("self", "self_"),
    ("__init__", "init"),
    ("_private", "private"),
    ("conv__1", "conv__1"),
    ("BiLSTM", "BiLSTM"),
    ('"); import os; ("', "import_os"),
    ("a" * 500, "a" * 80),
]


@pytest.mark.parametrize(("text", "wanted"), IDENTIFIERS)
def test_identifier(text: str, wanted: str) -> None:
    assert identifier(text) == wanted


CLASS_NAMES = [
    ("res_net 50", "ResNet50"),
    ("BiLSTM", "BiLSTM"),
    ("model_1_2", "Model1_2"),
    ("3dcnn", "Model3dcnn"),
    ("", "Model"),
    ("none", "ModelNone"),
    ("u-net", "UNet"),
]


@pytest.mark.parametrize(("text", "wanted"), CLASS_NAMES)
def test_class_name(text: str, wanted: str) -> None:
    assert class_name(text) == wanted


def is_free(name: str) -> bool:
    reserved = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self"}
    return name.isidentifier() and name.isascii() and name not in reserved and name[0] != "_"


@given(st.lists(st.text() | st.sampled_from(["a", "a_2", "a 2", "if", "print", "1_a", "é"])))
def test_names_are_legal_and_unique(texts: list[str]) -> None:
    for kind in (Namer.identifier, Namer.class_name):
        namer = Namer(["a"])
        names = [kind(namer, text) for text in texts]
        assert all(map(is_free, names))
        assert len({*names, "a"}) == len(names) + 1


def test_names_count_up() -> None:
    namer = Namer()
    assert [namer.identifier("conv") for _ in range(3)] == ["conv", "conv_2", "conv_3"]
    assert [namer.identifier("class") for _ in range(2)] == ["class_", "class_2"]
    assert [namer.class_name("block") for _ in range(2)] == ["Block", "Block2"]
    assert [namer.class_name("net50") for _ in range(2)] == ["Net50", "Net50_2"]


# --- values

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.text(alphabet="'\"\\\n{}")
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(scalars, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values, st.integers(10, 100))
def test_literals_come_back(value: Any, width: int) -> None:
    text = render(Module("", frozenset(), (assign("value", Literal(value)),)), width)
    (statement,) = ast.parse(text).body
    assert isinstance(statement, ast.Assign)
    assert repr(ast.literal_eval(statement.value)) == repr(value)


LITERALS = [
    (1e-5, "1e-5"),
    (1e20, "1e20"),
    (-0.0, "-0.0"),
    (math.inf, 'float("inf")'),
    (-math.inf, 'float("-inf")'),
    (math.nan, 'float("nan")'),
    (np.float32(0.5), "0.5"),
    (np.int64(3), "3"),
    (np.bool_(True), "True"),
    ("it's", '"it\'s"'),
    ('say "a"', "'say \"a\"'"),
    ((1,), "(1,)"),
    ((), "()"),
    (slice(None, 2), "slice(None, 2, None)"),
    (..., "..."),
    ({"a": [1, (2, None)]}, '{"a": [1, (2, None)]}'),
]


@pytest.mark.parametrize(("value", "wanted"), LITERALS)
def test_literal_text(value: object, wanted: str) -> None:
    assert render_expression(Literal(value)) == wanted


REFUSED: list[Any] = [object(), {1, 2}, np.zeros(3), [object()], 1j]


@pytest.mark.parametrize("value", REFUSED)
def test_no_literal(value: object) -> None:
    with pytest.raises(GraphError, match="cannot be written as a literal"):
        Literal(value)


@pytest.mark.parametrize("text", ["a b", "", "a.", "if", "a;b", "é", "a()", "a.class"])
def test_no_name(text: str) -> None:
    for make in (Name, call, lambda bad: call("f", **{bad: 1}), lambda bad: Attr(X, bad)):
        with pytest.raises(GraphError, match="not an identifier"):
            make(text)


# --- expressions on a line

EXPRESSIONS: list[tuple[Expression, str]] = [
    (call("nn.Conv2d", 3, 64, kernel_size=(3, 3)), "nn.Conv2d(3, 64, kernel_size=(3, 3))"),
    (binary("*", binary("+", X, 1), 2), "(x + 1) * 2"),
    (binary("+", binary("*", X, 1), 2), "x * 1 + 2"),
    (binary("-", X, binary("-", Y, 1)), "x - (y - 1)"),
    (binary("-", binary("-", X, Y), 1), "x - y - 1"),
    (binary("**", binary("**", X, 2), 3), "(x**2) ** 3"),
    (binary("**", Literal(-2), X), "(-2) ** x"),
    (binary("**", X, -1), "x**-1"),
    (binary("**", call("f"), 2), "f() ** 2"),
    (Unary("-", binary("**", X, 2)), "-(x**2)"),
    (Unary("-", binary("+", X, 2)), "-(x + 2)"),
    (Unary("not", binary("==", X, 2)), "not x == 2"),
    (binary("==", binary("==", X, Y), 1), "(x == y) == 1"),
    (binary("and", binary("or", X, Y), 1), "(x or y) and 1"),
    (Attr(binary("+", X, Y), "shape"), "(x + y).shape"),
    (attr(Literal(1), "real"), "(1).real"),
    (index(X, slice(None), 0, slice(1, 5)), "x[:, 0, 1:5]"),
    (index(X, ..., None, slice(None, None, -1)), "x[..., None, ::-1]"),
    (Index(X, (Slice(binary("+", Y, 1)), Slice(None, call("f")))), "x[y + 1 :, : f()]"),
    (index(X, (1, 2)), "x[(1, 2)]"),
    (IfElse(X, binary(">", Y, 0), Literal(None)), "x if y > 0 else None"),
    (binary("+", IfElse(X, Y, X), 1), "(x if y else x) + 1"),
    (call("f", Star(X), Star(Literal([1]))), "f(*x, *[1])"),
    (call("f", Each(call("g", X), X, call("range", 3))), "f([g(x) for x in range(3)])"),
    (call("f", [X, 1], {"a": Y}), 'f([x, 1], {"a": y})'),
]


@pytest.mark.parametrize(("expr", "wanted"), EXPRESSIONS)
def test_expression_text(expr: Expression, wanted: str) -> None:
    assert render_expression(expr) == wanted
    ast.parse(wanted)


# --- layout

names = st.sampled_from(["x", "h_0", "self.conv", "F.interpolate", LONG.path]).map(Name)
leaves: st.SearchStrategy[Expression] = names | scalars.map(Literal)


def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=1, max_size=4).map(tuple)
    pairs = st.lists(st.tuples(st.sampled_from(["a", "kernel_size"]), inner), max_size=2)
    unique = pairs.map(lambda items: tuple(dict(items).items()))
    slices = st.builds(Slice, st.none() | inner, st.none() | inner)
    parts = st.lists(inner | slices, min_size=1, max_size=3).map(tuple)
    calls = st.builds(Call, names | st.builds(Attr, inner, st.just("flatten")), several, unique)
    operators = st.sampled_from(["+", "-", "*", "**", "@", "==", "in", "and", "or"])
    return st.one_of(
        calls,
        calls,
        st.builds(Call, names, several.map(lambda args: (*args, Star(args[0])))),
        st.builds(Attr, inner, st.just("shape")),
        st.builds(Index, inner, parts),
        st.builds(Binary, operators, inner, inner),
        st.builds(Unary, st.sampled_from(["-", "not"]), inner),
        st.builds(IfElse, inner, inner, inner),
        st.builds(Tuple, several),
        st.builds(List, several),
        st.builds(Dict, st.lists(st.tuples(leaves, inner), max_size=3).map(tuple)),
        st.builds(Each, inner, st.just(Name("item")), inner),
    )


expressions = st.recursive(leaves, grow, max_leaves=10)


def module_of(*body: Statement) -> Module:
    return Module("", frozenset(), body)


@given(expressions, st.integers(20, 100))
def test_wrapping_keeps_the_meaning(expr: Expression, width: int) -> None:
    body = (assign(["a", "b"], expr), If(expr, (Return(expr),)), For(X, expr, (Expr(expr),)))
    module = module_of(Function("f", (param("x"),), body))
    narrow, wide = render(module, width), render(module, 10**6)
    assert ast.dump(ast.parse(narrow)) == ast.dump(ast.parse(wide))


@given(st.text(), st.text())
def test_text_cannot_leave_docstring_or_comment(doc: str, comment: str) -> None:
    body = (Comment(comment), Function("f", (), (Return(),), doc=doc))
    tree = ast.parse(render(Module(doc, frozenset(), (Class("C", (), doc, body),))))
    assert [type(node) for node in tree.body if not isinstance(node, ast.Expr)] == [ast.ClassDef]
    kept = ast.get_docstring(tree) or ""
    assert all(part in kept for part in doc.split() if part.isprintable())


def conv(name: str, **more: object) -> Assign:
    return assign(name, call("nn.Conv2d", 3, 64, kernel_size=(3, 3), padding="same", **more))


def sample() -> Module:
    """A bit of everything, in the lengths where a formatter would break lines."""
    init = (
        Expr(call(Attr(call("super"), "__init__"))),
        conv("self.conv"),
        conv("self.convolution", stride=(2, 2), dilation=(1, 1), bias=False),
        conv("self.long", stride=(2, 2), dilation=(1, 1), bias=False, groups=1, device=None),
        Blank(),
        assign("self.blocks", call("nn.Sequential", *(call("Block", n, 2 * n) for n in range(9)))),
        assign("self.more", call("nn.ModuleList", Each(call("Block", X), X, Literal([64, 128])))),
        Comment("Why this is so."),
        assign("self.sizes", list(range(0, 4000, 100))),
    )
    forward = (
        assign("x", binary("+", binary("*", LONG, LONG), binary("@", LONG, Y))),
        assign("x", binary("+", LONG, call("self.conv", X, LONG, mode="same", corners=False))),
        assign(["h", "w"], index(attr(X, "shape"), slice(2, None))),
        assign("y", IfElse(LONG, binary(">", LONG, 3), call("f", LONG))),
        assign("y", call("F.pad", call("F.relu", call("F.conv2d", X, LONG, stride=1)), (1, 2, 2))),
        assign("y", call(Attr(call(Attr(call("x.mean", LONG), "flatten"), 1), "view"), LONG, 1)),
        If(
            binary("and", binary("==", LONG, 1), binary("==", LONG, 2)),
            (Return(Tuple((X, Y))),),
            (If(X, (Augment(X, "+", Literal(1)),), (Return(Tuple((LONG, LONG))),)),),
        ),
        With(call("torch.no_grad"), None, (For(X, call("range", 3), ()),)),
        Return(call("torch.cat", [X, LONG, LONG], dim=1)),
    )
    sizes = [param(f"size_{n}", "int", default=n) for n in range(8)]
    tensor = Name("torch.Tensor")
    methods = (
        Function("__init__", (param("self"), *sizes), init),
        Function("forward", (param("self"), param("x", tensor)), forward, "Run.", tensor),
    )
    load = Raw("net = Net()\nreturn net.eval()")
    return Module(
        "A model.\n\nInputs: x",
        frozenset({"import torch", "from torch import nn", "import torch.nn.functional as F"}),
        (
            assign("SHAPE", (1, 2)),
            Class("Net", (Name("nn.Module"),), "The net.", methods),
            Function("load", (param("path", "str", default=None),), (load,), decorators=(X,)),
        ),
    )


def test_ruff_would_not_change_it(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    narrow, wide = tmp_path / "narrow.py", tmp_path / "wide.py"
    narrow.write_text(render(sample()), encoding="utf-8")
    wide.write_text(render(sample(), width=10**6), encoding="utf-8")
    format_it = [ruff, "format", "--isolated", "--line-length", "100"]
    subprocess.run([*format_it, str(wide)], check=True, capture_output=True)
    assert wide.read_text(encoding="utf-8") == narrow.read_text(encoding="utf-8")
    subprocess.run([*format_it, "--check", str(narrow)], check=True)
    sort_it = [ruff, "check", "--isolated", "--select", "I", "--line-length", "100"]
    subprocess.run([*sort_it, str(narrow)], check=True)


def test_comments_are_wrapped() -> None:
    text = render(module_of(Comment("why " * 8 + "\nnot"), Return()), width=20)
    assert text == "# why why why why\n# why why why why\n# not\nreturn\n"


def test_imports_are_merged_and_sorted() -> None:
    imports = {
        "import torch",
        "from torch import nn",
        "from torch import Tensor",
        "import math",
        "from __future__ import annotations",
        "from pathlib import Path",
        "import numpy as np",
        "from torch.nn import functional as F",
    }
    assert render(Module("", frozenset(imports), ())).splitlines() == [
        "from __future__ import annotations",
        "",
        "import math",
        "from pathlib import Path",
        "",
        "import numpy as np",
        "import torch",
        "from torch import Tensor, nn",
        "from torch.nn import functional as F",
    ]


@pytest.mark.parametrize("text", ["import os; f()", "f()", "import os\nf()", "", "import", "a b"])
def test_imports_are_only_imports(text: str) -> None:
    with pytest.raises(GraphError, match="not one plain import"):
        render(Module("", frozenset({text}), ()))
