"""Grouped modules of the source in generated code: which make a group again, which lines a loop or a call."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from flax import nnx
from torch import nn

import porter
from porter.source.code import Attr, Name, binary, call
from porter.source.names import Namer
from porter.source.render import render
from porter.source.statements import Module, Return, Statement, assign
from porter.writing.containers import Label, Words, gathered, kinds, member, member_names
from porter.writing.lists import Run, rolled

LISTS = Words("List")
TABLES = Words("List", run="Run", table="Table", reserved=frozenset({"keys"}))

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
    (["net.0.0", "net.0.1", "net.1"], False, ["net.0.0", "net.0.1", "net.1"]),
    (["net.0.0", "net.0.2", "net.1"], False, ["net_0_0", "net_0_2", "net_1"]),  # a gap inside
    (["net", "net.0", "net.1"], False, ["net", "net_0", "net_1"]),  # the name is another's
    (["net.0", "net.0", "net.1"], False, ["net_0", "net_0_2", "net_1"]),  # two of one name
    (["forward.0", "forward.1"], False, ["forward_2.0", "forward_2.1"]),  # a word of the framework's
    (["0", "1"], False, ["layer_0", "layer_1"]),
]


@pytest.mark.parametrize(("labels", "nested", "names"), NAMES, ids=lambda value: str(value)[:40])
def test_names(labels: list[str], nested: bool, names: list[str]) -> None:
    told = [Label(label, True, nested) for label in labels]
    assert member_names(told, {"forward"}, LISTS) == names


GROUPED = [
    # labels -> names where groups have names too
    (["net.0", "net.2"], ["net.0", "net.2"]),
    (["net.0"], ["net.0"]),
    (["encoder.layers.0", "encoder.norm"], ["encoder.layers.0", "encoder.norm"]),
    (["net", "net.0"], ["net", "net_0"]),
    (["net.0", "net.0"], ["net_0", "net_0_2"]),
    (["net.a", "net.keys"], ["net.a", "net_keys"]),  # a word of the group's own
    (["forward.a"], ["forward_2.a"]),
    (["0", "1"], ["layer_0", "layer_1"]),
]


@pytest.mark.parametrize(("labels", "names"), GROUPED, ids=lambda value: str(value)[:40])
def test_names_in_groups(labels: list[str], names: list[str]) -> None:
    assert member_names([Label(label, True) for label in labels], {"forward"}, TABLES) == names


def test_a_module_may_be_a_group_itself() -> None:
    told = [Label("0", True), Label("1.0", True)]
    assert member_names(told, (), TABLES, itself=True) == ["0", "1.0"]


def test_what_no_list_can_hold_stays_an_attribute() -> None:
    told = [Label("net.0", True), Label("net.1", False)]
    assert member_names(told, (), LISTS) == ["net_0", "net_1"]


def test_gathered_by_kind() -> None:
    made = [(name, call("B", place)) for place, name in enumerate(("run.0", "run.1", "t.0.a", "t.2", "n.b"))]
    groups = kinds([name for name, _ in made], {"run", "n"})
    assert groups == {"run": "run", "t": "table", "n": "run", "t.0": "table"}
    lines = tuple(assign(name, value) for name, value in gathered(made, TABLES, groups))
    assert render(Module("", frozenset(), lines)).split("\n") == [
        "run = Run(B(0), B(1))",
        't = Table({"0": Table(dict(a=B(2))), "2": B(3)})',
        "n = Run(OrderedDict(b=B(4)))",
        "",
    ]
    assert render(Module("", frozenset(), (Return(member(Name("x"), "t.0.a", groups)),))) == (
        'return x.t["0"].a\n'
    )


def test_gathered() -> None:
    made = [("net.1", call("B", 2)), ("norm", call("N")), ("net.0", call("B", 1)), *_alike("same", 3)]
    lines = tuple(assign(name, value) for name, value in gathered(made, LISTS))
    assert render(Module("", frozenset(), lines)).split("\n") == [
        "net = List([B(1), B(2)])",
        "norm = N()",
        "same = List([B(8) for _ in range(3)])",
        "",
    ]


def _alike(stem: str, count: int) -> list[tuple[str, Any]]:
    return [(f"{stem}.{place}", call("B", 8)) for place in range(count)]


Calls = list[tuple[str, int, str]]

PARALLEL: Calls = [("y", 0, "x"), ("y", 1, "x"), ("x", 2, "x")]
LONE: Calls = [("x", 0, "x"), ("x", 1, "x"), ("last", 2, "x")]

LOOPS: list[tuple[Calls, list[str]]] = [
    # calls as (target, entry, argument) -> lines
    ([("x", 0, "x"), ("x", 1, "x"), ("x", 2, "x")], ["for block in self.blocks:", "    x = block(x)"]),
    ([("x", 0, "x"), ("x", 1, "x")], ["x = self.blocks[0](x)", "x = self.blocks[1](x)"]),
    (
        [("x", 0, "x"), ("y", 1, "x"), ("x", 2, "y")],
        ["x = self.blocks[0](x)", "y = self.blocks[1](x)", "x = self.blocks[2](y)"],
    ),
    (LONE, ["for block in self.blocks:", "    x = block(x)", "last = x"]),
    (
        [("x", 1, "x"), ("x", 0, "x"), ("x", 2, "x")],
        ["x = self.blocks[1](x)", "x = self.blocks[0](x)", "x = self.blocks[2](x)"],
    ),
]


@pytest.mark.parametrize(("calls", "expected"), LOOPS, ids=range(len(LOOPS)))
def test_loops(calls: Calls, expected: list[str]) -> None:
    assert looped(calls, Return(Name(calls[-1][0]))) == expected


def looped(calls: Calls, *rest: Statement) -> list[str]:
    """The lines of the calls, with what follows them but for its last line."""
    own = Name("self")
    lines = [assign(to, call(member(own, f"blocks.{k}"), Name(x))) for to, k, x in calls]
    blocks = Run(Attr(own, "blocks"), tuple(member(own, f"blocks.{k}") for k in range(3)))
    found = rolled([*lines, *rest], [blocks], Namer())
    return render(Module("", frozenset(), tuple(found))).split("\n")[:-2]


@pytest.mark.parametrize("calls", [PARALLEL, LONE], ids=["parallel", "lone"])
def test_a_loop_writes_over_nothing_that_is_wanted(calls: Calls) -> None:
    """What all but the last member made may be looked at later."""
    earlier, last = calls[0][0], calls[-1][0]
    found = looped(calls, Return(binary("+", Name(earlier), Name(last))))
    assert found == [f"{to} = self.blocks[{k}]({x})" for to, k, x in calls]
    again = looped(calls, assign(earlier, call("f", Name(last))), Return(Name(earlier)))
    assert again[0] == "for block in self.blocks:"


STRAIGHT = [
    # whether the group can be called -> the lines for y = blocks(x)
    (True, ["y = self.blocks(x)", "return y"]),
    (False, ["y = x", "for block in self.blocks:", "    y = block(y)", "return y"]),
]


@pytest.mark.parametrize(("called", "expected"), STRAIGHT)
def test_one_after_another(called: bool, expected: list[str]) -> None:
    own = Name("self")
    members = tuple(member(own, f"blocks.{k}") for k in range(2))
    lines = [assign("y", call(one, Name(x))) for one, x in zip(members, "xy", strict=True)]
    found = rolled(lines, [Run(Attr(own, "blocks"), members, called, straight=True)], Namer())
    text = render(Module("", frozenset(), (*found, Return(Name("y")))))
    assert text.split("\n")[:-1] == expected


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


class Unit(nn.Sequential):  # type: ignore[misc]
    """A module that is a run itself."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6())


class Runs(nn.Module):  # type: ignore[misc]
    """Runs with layers that have no weights between those that have some, in one another, and by name."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Unit(3, 4), nn.Sequential(nn.Conv2d(4, 4, 1), nn.LeakyReLU(0.2)), nn.Identity(), nn.AvgPool2d(2)
        )
        self.named = nn.Sequential(OrderedDict(conv=nn.Conv2d(4, 4, 1), act=nn.GELU()))
        self.blocks = nn.ModuleDict({"norm": nn.BatchNorm2d(4), "rest": nn.ModuleList([Unit(4, 4)])})
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Hardswish(), nn.Linear(6, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks["norm"](self.named(self.features(x)))
        return self.classifier(self.blocks["rest"][0](x))


class Looked(nn.Module):  # type: ignore[misc]
    """A run of which somebody takes what passes between its members."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.net[:3](x)
        return self.net[3:](y) + y


WHOLE = [
    # module, shape, what is in torch's code
    (Runs, (2, 3, 10, 10), ["class Unit(nn.Sequential)", "x = self.features(x)", "nn.Identity()"]),
    (Looked, (2, 4), ['self.net["2"](', "nn.ModuleDict("]),
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.ELU(), nn.Sequential(nn.Linear(4, 2))), (2, 3), ["nn.ELU()"]),
]


@pytest.mark.parametrize(("make", "shape", "said"), WHOLE, ids=("runs", "looked_into", "a_run_itself"))
def test_checkpoints_of_the_source_fit(
    make: Callable[[], nn.Module], shape: tuple[int, ...], said: list[str], tmp_path: Path
) -> None:
    module, x = make().eval(), torch.randn(shape)
    found = porter.to_torch(module, x, out=tmp_path / "out", verify=False)
    text = (tmp_path / "out" / "model.py").read_text()
    assert [part for part in said if part not in text] == []
    found.load_state_dict(module.state_dict())
    assert torch.equal(found(x), module(x))


def test_runs_are_loops_in_nnx(tmp_path: Path) -> None:
    module, x = Runs().eval(), torch.randn(2, 3, 10, 10)
    found = porter.to_jax(module, x, out=tmp_path / "out")
    text = (tmp_path / "out" / "model.py").read_text()
    assert "partial(nnx.leaky_relu, negative_slope=0.2)" in text
    assert "for block in self.classifier:" in text
    assert (found.classifier[1].in_features, found.classifier[3].out_features) == (16, 2)
