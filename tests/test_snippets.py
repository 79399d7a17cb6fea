"""Snippets are found by how their files are laid out; none is lost that way."""

from __future__ import annotations

import ast

import pytest

from porter.writing.snippets import constructor_arguments, snippets
from tests.conftest import ROOT


@pytest.mark.parametrize("framework", ["keras", "torch", "jax"])
def test_every_definition_is_found(framework: str) -> None:
    package = f"converters.{framework}"
    files = sorted((ROOT / "converters" / framework).glob("snippets*.py"))
    parsed = [node for file in files for node in ast.parse(file.read_text()).body]
    defined = [node for node in parsed if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert defined
    for node in defined:
        own = [ast.unparse(ast.parse(text)) for text in snippets(package, [node.name])]
        assert ast.unparse(node) in own
        made = [part for part in node.body if getattr(part, "name", "") == "__init__"]
        if isinstance(node, ast.ClassDef) and made:
            names = tuple(argument.arg for argument in made[0].args.args[1:])
            assert constructor_arguments(package)[node.name] == names


def test_what_a_snippet_uses_comes_along() -> None:
    texts = snippets("converters.torch", ["LSTMLoop"])
    assert "class LSTMLoop" in texts[-1]
    assert any(text.startswith("def walk(") for text in texts[:-1])
