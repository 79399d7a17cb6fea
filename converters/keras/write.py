"""A laid-out graph as a Keras model: code that builds it, the same as a config, and weights for both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from converters.keras.rules import rules
from converters.keras.writes.attention import keras_has
from converters.keras.writing.code import BUILD, TAKEN, Entry, attribute_of, functions
from converters.keras.writing.config import Made, Model, config_of, follow
from converters.keras.writing.files import (
    ARCHITECTURE,
    ARCHIVE,
    SAVED_MODEL,
    WEIGHTS,
    Archive,
    JsonFile,
    SavedModel,
)
from converters.keras.writing.layers import ARGUMENTS, DEFAULTS
from converters.keras.writing.nodes import KerasNode, input_names, keras_graph, safe_name
from converters.keras.writing.operations import snake_case
from converters.keras.writing.order import groups
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.model import Graph, Node
from porter.layout import LaidOut
from porter.source.names import class_name
from porter.source.render import render
from porter.source.statements import Function, Module, Raw, Statement
from porter.source_model import Extra, Written
from porter.writing.forms import ITSELF, Form, Layer, Ways, Weight
from porter.writing.instances import Dialect
from porter.writing.program import Program
from porter.writing.snippets import constructor_arguments, snippets
from porter.writing.translate import signature, translate
from porter.writing.whole_heads import whole_heads

ABOUT = """{name} in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture."""

CUSTOM = "\n\nIt has layers of its own: import this file before `keras.models.load_model`."

LOAD = f'''def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = {BUILD}()
    path = Path(__file__).with_name("{WEIGHTS}") if path is None else path
    model.load_weights(path)
    return model'''

MODULES = {
    "layers.": "from keras import layers",
    "ops.": "from keras import ops",
    "np.": "import numpy as np",
    "product(": "from itertools import product",
}
"""Imported where the text uses them."""

PACKAGE = "converters.keras"


@dataclass(frozen=True)
class Draft:
    """The model with one choice of names."""

    graph: Graph
    forms: Mapping[Node, Form]
    program: Program
    functions: Sequence[Function]
    model: Model


def write(laid: LaidOut, weights_format: str = "h5") -> Written:
    """The Keras form of a graph; every op that Keras cannot say is reported in one error."""
    graph, _ = whole_heads(laid.graph, keras_has)
    draft = _draft(graph, ())
    clashes = _clashes(draft.model)
    if clashes:
        draft = _draft(graph, clashes)
    config = config_of(draft.model)
    named = groups(draft.model)
    weights: dict[str, Weight] = {}
    modules: dict[str, Node] = {}
    shows: dict[str, Ways] = {}
    calls = {made.name: len(made.calls) for made in draft.model.made}
    made_by = laid.graph.producers()  # nodes are made anew for Keras, and their values are not
    for node, form in draft.forms.items():
        if not isinstance(form, Layer):
            continue
        assert isinstance(node, KerasNode)
        if node.full_name not in named:
            raise GraphError(f"{node.origin}: the code makes no layer {node.full_name}")
        for key, weight in form.weights.items():
            weights.setdefault(f"layers.{named[node.full_name]}.{key}", weight)
        modules.setdefault(node.full_name, made_by[node.outputs[0]])
        ways = form.shows or (ITSELF if form.statements is None and form.use is None else ())
        if ways and calls[node.full_name] == 1:
            shows[node.full_name] = ways
    extras: dict[str, Extra] = {ARCHITECTURE: JsonFile(config), ARCHIVE: Archive(config)}
    on_request: dict[str, Extra] = {SAVED_MODEL: SavedModel()}
    return Written(_source(draft, laid), weights, modules, shows, extras, on_request)


def _draft(graph: Graph, avoid: Sequence[str]) -> Draft:
    own = constructor_arguments(PACKAGE)
    graph = keras_graph(graph, avoid)
    arguments = {f"layers.{name}": told for name, told in ARGUMENTS.items()}
    usual = {f"layers.{name}": told for name, told in DEFAULTS.items()}
    dialect = Dialect(frozenset(), {**arguments, **own}, usual, frozenset(TAKEN))
    program = translate(graph, rules, dialect, class_name(graph.name))
    names = input_names(graph)
    entries = [Entry(names[value], value) for value in graph.inputs]
    scopes = {attribute_of(scope.name): scope.name for node in graph.nodes for scope in node.origin.scopes}
    made = functions(program, safe_name(graph.name, "model"), entries, scopes)
    known = {**dict.fromkeys(program.helpers, ()), **own}
    return Draft(graph, program.forms, program, made, follow(made, known))


def _clashes(model: Model) -> list[str]:
    """Patterns of the names that Keras gives to functions here, where a layer has such a name."""
    kinds = {snake_case(made.class_name) for made in model.made if not made.is_layer}
    patterns = [rf"{kind}(_\d+)?" for kind in sorted(kinds)]
    return [one for one in patterns if any(_is(made, one) for made in model.made if made.is_layer)]


def _is(made: Made, pattern: str) -> bool:
    return re.fullmatch(pattern, made.name) is not None


def _source(draft: Draft, laid: LaidOut) -> str:
    *blocks, whole = draft.functions
    doc = "\n".join(["The converted model.", "", *signature(laid.graph, laid.source_axes)])
    helpers = snippets(PACKAGE, draft.program.helpers)
    body: list[Statement] = [
        *(Raw(text) for text in helpers),
        *blocks,
        Function(whole.name, (), whole.body, doc),
        Raw(LOAD),
    ]
    text = render(Module("", frozenset(), tuple(body)))
    imports = {"from pathlib import Path", "import keras"}
    imports |= {line for word, line in MODULES.items() if re.search(rf"\b{re.escape(word)}", text)}
    about = ABOUT.format(name=class_name(draft.graph.name)) + (CUSTOM if helpers else "")
    return render(Module(about, frozenset(imports), tuple(body)))
