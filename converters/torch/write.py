"""A laid-out graph as a PyTorch module: readable source, and weights under its state-dict keys."""

from __future__ import annotations

import re
from collections.abc import Sequence

from converters.torch.layers.attention import torch_has
from converters.torch.module_names import ARGUMENTS, RESERVED, USUAL, WORDS
from converters.torch.rules import rules
from porter.layout import LaidOut
from porter.source.code import Attr, Expression, Literal, Name, call, index
from porter.source.names import class_name
from porter.source.render import render
from porter.source.statements import (
    Assign,
    Class,
    Expr,
    Function,
    Module,
    Param,
    Raw,
    Return,
    Statement,
    assign,
)
from porter.source_model import Written
from porter.writing.containers import gathered, member, run_arguments
from porter.writing.instances import Dialect
from porter.writing.program import ClassPlan, Program
from porter.writing.shared import Shared, also, shared, stored_once
from porter.writing.shared import lines as tying
from porter.writing.snippets import constructor_arguments, snippets
from porter.writing.translate import signature, translate
from porter.writing.whole_heads import whole_heads

PACKAGE = "converters.torch"
IMPORTED = frozenset({"F", "OrderedDict", "Path", "nn", "torch"})
"""Names of the module that neither a class nor a value may take."""

TIE = "tie_weights"
TIED = "Give layers that share a weight one parameter."

FILE = {"safetensors": "model.safetensors", "h5": "model.weights.h5"}


def write(laid: LaidOut, weights_format: str = "safetensors") -> Written:
    """The torch form of a graph; every op that torch cannot say is reported in one error."""
    own = constructor_arguments(PACKAGE)
    name = class_name(laid.graph.name, {*own, *IMPORTED})
    dialect = Dialect(RESERVED, {**ARGUMENTS, **own}, USUAL, IMPORTED, WORDS)
    graph, parts = whole_heads(laid.graph, torch_has)
    program = translate(graph, rules, dialect, name)
    one = shared(program)
    source = _source(program, laid, name, FILE[weights_format], one)
    modules = {path: parts.get(node, node) for path, node in program.modules.items()}
    return Written(source, stored_once(program.weights, one), modules, program.shows, also=also(one))


def _source(
    program: Program, laid: LaidOut, name: str, weights_file: str, one: Sequence[Shared]
) -> str:
    reading = () if weights_file.endswith("safetensors") else ("read_tensor",)
    *inner, whole = program.classes
    body: list[Statement] = [*(_class(part) for part in inner), _class(whole, laid, one)]
    body.append(_load(name, weights_file, one))
    words = set(re.findall(r"\w+", render(Module("", frozenset(), tuple(body)))))
    helpers = [helper for helper in program.helpers if helper in words]
    body[:0] = [Raw(text) for text in snippets(PACKAGE, (*helpers, *reading))]
    used = render(Module("", frozenset(), tuple(body)))
    imports = {"from pathlib import Path", "from torch import nn"}
    if re.search(r"\btorch\.", used):
        imports.add("import torch")
    if "OrderedDict(" in used:
        imports.add("from collections import OrderedDict")
    if "F." in used:
        imports.add("import torch.nn.functional as F")
    imports.add(
        "from safetensors.torch import load_file" if weights_file.endswith("safetensors") else "import h5py"
    )
    doc = f"{name} in PyTorch; `load()` returns it with its weights, ready for inference."
    return render(Module(doc, frozenset(imports), tuple(body)))


def _class(part: ClassPlan, laid: LaidOut | None = None, one: Sequence[Shared] = ()) -> Class:
    made = dict(gathered(part.attributes, WORDS, part.groups))
    run = part.groups.get("") == "run"
    start = Expr(call(Attr(call("super"), "__init__"), *(run_arguments(made) if run else ())))
    lines: list[Statement] = [start]
    if not run:
        lines += [Assign((Attr(Name("self"), name),), module) for name, module in made.items()]
    lines += _frozen(part)
    if one:
        lines.append(Expr(call(f"self.{TIE}")))
    members: list[Statement] = [
        Function("__init__", (Param("self"), *(Param(name) for name in part.arguments)), tuple(lines))
    ]
    if part.body is not None and not run:
        params = (Param("self"), *(Param(name) for name in part.body.params))
        members.append(Function("forward", params, part.body.lines))
    if one:
        members.insert(1, Function(TIE, (Param("self"),), tuple(tying(one)), TIED))
    base = Name(WORDS.run if run else "nn.Module")
    return Class(part.name, (base,), _doc(laid) if laid else part.doc, tuple(members))


def _frozen(part: ClassPlan) -> list[Statement]:
    owners = [member(Name("self"), attribute, part.groups) for attribute in part.frozen]
    return [Expr(call(Attr(owner, "requires_grad_"), False)) for owner in owners]


def _doc(laid: LaidOut) -> str:
    return "\n".join(["The converted model.", "", *signature(laid.graph, laid.source_axes)])


def _state(weights_file: str, one: Sequence[Shared]) -> list[Statement]:
    """`assign` lets the module have the tensors as they are in the file, in their own precision, and every
    name a parameter of its own."""
    state: Expression = call("load_file", Name("path"))
    lines: list[Statement] = []
    if not weights_file.endswith("safetensors"):
        opened = "with h5py.File(path) as file:"
        lines.append(Raw(f"{opened}\n    state = {{key: read_tensor(file[key]) for key in file}}"))
        state = Name("state")
    elif one:
        lines.append(assign("state", state))
        state = Name("state")
    for shares in one:
        kept = index(Name("state"), shares.kept)
        lines += [assign(index(Name("state"), name), kept) for name in shares.others]
    lines.append(Expr(call("model.load_state_dict", state, assign=True)))
    return [*lines, Expr(call(f"model.{TIE}"))] if one else lines


def _load(name: str, weights_file: str, one: Sequence[Shared]) -> Function:
    lines: list[Statement] = [
        assign("model", call(name)),
        *_state(weights_file, one),
        Return(call("model.eval")),
    ]
    doc = "The model with its weights (by default those beside this file), in inference mode."
    text = f'path = Path(__file__).with_name("{weights_file}") if path is None else path'
    return Function("load", (Param("path", None, Literal(None)),), (Raw(text), *lines), doc)
