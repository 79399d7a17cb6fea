"""Numbered modules of the source as lists in generated code: which members make one, which lines a loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from flax import nnx
from torch import nn

import porter
from porter.source.code import Attr, Name, call
from porter.source.names import Namer
from porter.source.render import render
from porter.source.statements import Module, Return, assign
from porter.writing.lists import Label, attribute_names, gathered, member, rolled

NAMES = [
    # labels, whether they are nested models -> names
    (["a", "layer1.0", "layer1.1"], False, ["a", "layer1.0", "layer1.1"]),
    (["layer1.1", "layer1.0"], False, ["layer1.1", "layer1.0"]),
    (["net.0", "net.2"], False, ["net_0", "net_2"]),  # a gap
    (["net.1", "net.2"], False, ["net_1", "net_2"]),  # not from 0
    (["net.0"], False, ["net_0"]),
    (["net.0"], True, ["net.0"]),
    (["net.0", "net.00"], False, ["net_0", "net_00"]),
    (["encoder.layers.0", "encoder.layers.1"], False, ["encoder_layers.0", "encoder_layers.1"]),
    (["net", "net.0", "net.1"], False, ["net", "net_2.0", "net_2.1"]),
    (["net.0", "net.0", "net.1"], False, ["net_0", "net_0_2", "net_1"]),  # two of one name
    (["forward.0", "forward.1"], False, ["forward_2.0", "forward_2.1"]),  # a word of the framework's
    (["0", "1"], False, ["layer_0", "layer_1"]),
]


@pytest.mark.parametrize(("labels", "nested", "names"), NAMES, ids=lambda value: str(value)[:40])
def test_names(labels: list[str], nested: bool, names: list[str]) -> None:
    told = [Label(label, True, nested) for label in labels]
    assert attribute_names(told, {"forward"}) == names


def test_what_no_list_can_hold_stays_an_attribute() -> None:
    told = [Label("net.0", True), Label("net.1", False)]
    assert attribute_names(told, ()) == ["net_0", "net_1"]


def test_gathered() -> None:
    made = [("net.1", call("B", 2)), ("norm", call("N")), ("net.0", call("B", 1)), *_alike("same", 3)]
    lines = tuple(assign(name, value) for name, value in gathered(made, "List"))
    assert render(Module("", frozenset(), lines)).split("\n") == [
        "net = List([B(1), B(2)])",
        "norm = N()",
        "same = List([B(8) for _ in range(3)])",
        "",
    ]


def _alike(stem: str, count: int) -> list[tuple[str, Any]]:
    return [(f"{stem}.{place}", call("B", 8)) for place in range(count)]


LOOPS = [
    # calls as (target, entry, argument) -> lines
    ([("x", 0, "x"), ("x", 1, "x"), ("x", 2, "x")], ["for block in self.blocks:", "    x = block(x)"]),
    ([("x", 0, "x"), ("x", 1, "x")], ["x = self.blocks[0](x)", "x = self.blocks[1](x)"]),
    (
        [("x", 0, "x"), ("y", 1, "x"), ("x", 2, "y")],
        ["x = self.blocks[0](x)", "y = self.blocks[1](x)", "x = self.blocks[2](y)"],
    ),
    (
        [("x", 0, "x"), ("x", 1, "x"), ("last", 2, "x")],
        ["for block in self.blocks:", "    x = block(x)", "last = x"],
    ),
    (
        [("x", 1, "x"), ("x", 0, "x"), ("x", 2, "x")],
        ["x = self.blocks[1](x)", "x = self.blocks[0](x)", "x = self.blocks[2](x)"],
    ),
]


@pytest.mark.parametrize(("calls", "expected"), LOOPS, ids=range(len(LOOPS)))
def test_loops(calls: list[tuple[str, int, str]], expected: list[str]) -> None:
    own = Name("self")
    lines = [assign(to, call(member(own, f"blocks.{k}"), Name(x))) for to, k, x in calls]
    found = rolled(lines, {Attr(own, "blocks"): 3}, Namer())
    text = render(Module("", frozenset(), (*found, Return(Name("x")))))
    assert text.split("\n")[:-2] == expected


class Block(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.mlp = nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mlp(self.norm(x))


class Net(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(3)])
        self.blocks[1].norm.bias.requires_grad_(False)
        self.blocks[2].requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


def test_keys_of_a_state_dict_stay_what_they_were() -> None:
    module = Net().eval()
    found = porter.to_torch(module, torch.randn(2, 6), verify=False)
    assert found.state_dict().keys() == module.state_dict().keys()
    trained = {name for name, weight in module.named_parameters() if weight.requires_grad}
    assert {name for name, weight in found.named_parameters() if weight.requires_grad} == trained


def test_nnx_has_the_same_paths(tmp_path: Path) -> None:
    module = Net().eval()
    found = porter.to_jax(module, torch.randn(2, 6), out=tmp_path / "out", verify=False)
    assert isinstance(found.blocks, nnx.List)
    trained = {".".join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(found, nnx.Param))}
    words = {"weight": {"norm": "scale", "mlp": "kernel"}, "bias": {"norm": "bias", "mlp": "bias"}}
    expected = set()
    for name, weight in module.named_parameters():
        path, _, last = name.rpartition(".")
        if weight.requires_grad:
            expected.add(f"{path}.{words[last][path.split('.')[2]]}")
    assert trained == expected
    assert "for block in self.blocks:" in (tmp_path / "out" / "model.py").read_text()
