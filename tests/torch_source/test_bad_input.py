"""What a user can get wrong, and the one sentence that says so."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import porter
from converters.torch import CONVERTER
from converters.torch.live import read_live
from converters.torch.source import read_source
from porter.api import _request
from porter.errors import PorterError, WeightsError
from porter.factories import Factory
from porter.graph.run import run
from porter.source_model import LiveModel, ReadRequest

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.bn = nn.BatchNorm1d(2)

    def forward(self, x):
        return self.bn(self.fc(x))

def build():
    return Net()

def broken():
    raise KeyError("no such layer")

def number():
    return 3

class Branching(Net):
    def forward(self, x):
        if x.sum() > 0:
            return self.fc(x)
        return -self.fc(x)

class Changing(Net):
    def forward(self, x):
        x.add_(1)
        return self.fc(x)

class Counting(Net):
    def forward(self, x):
        self.bn.running_mean.add_(1)
        return self.fc(x)

class Picking(Net):
    def forward(self, x):
        return self.fc(x)[x[:, 0] > 0]

class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 2, batch_first=True)

    def forward(self, x):
        lengths = torch.full((x.size(0),), x.size(1))
        return self.rnn(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[1]

class Odd(Net):
    def forward(self, x):
        noise = torch.randn_like(x)
        return noise, torch.linalg.svdvals(x)

class Dropping(Net):
    def forward(self, x):
        picked = [self.fc(x[x[:, k % 3] > k]) for k in range(40)]
        if torch.cat(picked).numel() > 20:
            return x
        return -x
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A file of factories."""
    file = tmp_path / "net.py"
    file.write_text(NET)
    return file


def request(
    net: Path, function: str = "build", weights: Path | None = None, shape: object = (2, 3)
) -> ReadRequest:
    """What the command line would ask for."""
    shapes = {"": shape} if shape is not None else {}
    return ReadRequest((), input_shapes=shapes, factory=Factory(str(net), function), weights=weights)  # type: ignore[arg-type]


CASES: tuple[tuple[str, tuple[int, ...] | None, str], ...] = (
    ("broken", (2, 3), "the function raised KeyError: 'no such layer'"),
    ("number", (2, 3), "returned an object of class int, not an nn.Module"),
    ("missing", (2, 3), "holds no function 'missing'"),
    ("build", None, "a module says nothing of its inputs"),
    ("build", (2, 4), "does not run on example inputs of float32(2, 4)"),
    ("Branching", (2, 3), ": if x.sum() > 0:"),
    ("Changing", (2, 3), "overwrites its input 0 in place"),
    ("Counting", (2, 3), "overwrites bn.running_mean as it runs"),
    ("Picking", (2, 3), "depends on the numbers"),
    ("Dropping", (2, 3), "... (net.py:60: if torch.cat(picked).numel() > 20:)"),
    ("Packed", (2, 4, 3), "rnn (GRU) is given a packed sequence"),
)


@pytest.mark.parametrize(("function", "shape", "says"), CASES)
def test_factories(net: Path, function: str, shape: tuple[int, ...] | None, says: str) -> None:
    with pytest.raises(PorterError) as caught:
        read_source(request(net, function, shape=shape))
    assert says in str(caught.value)


def test_everything_unsupported_is_listed_at_once(net: Path) -> None:
    with pytest.raises(PorterError) as caught:
        read_source(request(net, "Odd"))
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 2
    assert "net.py:54: noise = torch.randn_like(x)" in said[0]
    assert "net.py:55: return noise, torch.linalg.svdvals(x)" in said[1]


def test_a_state_dict_that_does_not_fit(net: Path, tmp_path: Path) -> None:
    state = Factory(str(net), "build").model.state_dict()
    state["fc.weight"] = torch.zeros(2, 5)
    state["extra"] = torch.zeros(1)
    del state["bn.bias"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError) as caught:
        read_source(request(net, weights=tmp_path / "w.safetensors"))
    said = [str(problem) for problem in caught.value.problems]
    assert said == [
        "bn.bias: is missing in the file",
        "extra: is in the file, and not in the module",
        "fc.weight: is [2, 5] in the file, and [2, 3] in the module",
    ]


def test_a_pickle_with_more_than_tensors(net: Path, tmp_path: Path) -> None:
    torch.save(Factory(str(net), "build").model, tmp_path / "whole.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(print))
    for name in ("whole.pt", "plain.pt"):
        with pytest.raises(PorterError, match=r"more than tensors in it.*state_dict"):
            read_source(request(net, weights=tmp_path / name))


@pytest.mark.parametrize("save", [torch.save, save_file], ids=["pickle", "safetensors"])
def test_weights_are_read_and_accounted_for(net: Path, tmp_path: Path, save: Callable[..., None]) -> None:
    file = tmp_path / "weights"
    state = Factory(str(net), "build").model.state_dict()
    save(state, file)
    model = read_source(request(net, weights=file))
    reasons = {row.array.key: row.reason for row in model.ledger}
    assert set(reasons) == set(state)
    assert [key for key, reason in reasons.items() if reason] == ["bn.num_batches_tracked"]
    held = {row.array.key: row.array.read() for row in model.ledger}
    assert all(np.array_equal(held[key], tensor.numpy()) for key, tensor in state.items())


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_files_are_told_apart(net: Path, tmp_path: Path) -> None:
    module = Factory(str(net), "build").model.eval()
    script = torch.jit.trace(module, torch.zeros(2, 3))
    torch.jit.save(script, tmp_path / "script.pt")
    torch.save(module.state_dict(), tmp_path / "state.pt")
    for name, says in (("script.pt", "a TorchScript file"), ("state.pt", "holds weights")):
        assert CONVERTER.recognises([tmp_path / name])
        with pytest.raises(PorterError, match=says):
            CONVERTER.read(ReadRequest((tmp_path / name,)))
    assert not CONVERTER.recognises([net])


def test_an_exported_program_is_read(net: Path, tmp_path: Path) -> None:
    module = Factory(str(net), "build").model.eval()
    x = torch.randn(4, 3)
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (x,), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    assert CONVERTER.recognises([tmp_path / "net.pt2"])
    model = CONVERTER.read(ReadRequest((tmp_path / "net.pt2",)))
    assert [str(size) for size in model.graph.inputs[0].shape] == ["batch", "3"]
    assert {row.array.key for row in model.ledger if row.used_by} == set(module.state_dict()) - {
        "bn.num_batches_tracked"
    }


def test_a_batch_of_one_stays_open_and_a_static_one_does_not(net: Path) -> None:
    module: nn.Module = Factory(str(net), "build").model
    one = LiveModel(module, (torch.randn(1, 3),))
    assert str(read_live(one).graph.inputs[0].shape[0]) == "batch"
    fixed = LiveModel(module, (torch.randn(5, 3),), static_batch=True)
    assert read_live(fixed).graph.inputs[0].shape == (5, 3)


class Named(nn.Module):
    """Takes two tensors, one of them by name only; gives them back by name."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor, *, shift: torch.Tensor, by: float = 2.0) -> dict[str, torch.Tensor]:
        """A number that is taken out of a tensor, too."""
        return {"whole": self.fc(x) * by + shift, "scaled": x * x.abs().max().item()}


def test_inputs_by_name() -> None:
    module, x, shift = Named(), torch.randn(2, 3), torch.randn(2, 2)
    graph = read_live(LiveModel(module, (x, {"shift": shift}))).graph
    assert [value.name for value in graph.inputs] == ["x", "shift"]
    found = run(graph, [x.numpy(), shift.numpy()])
    wanted = module(x, shift=shift)
    assert all(
        np.allclose(mine, wanted[name].detach(), atol=1e-5)
        for mine, name in zip(found, graph.output_names, strict=True)
    )


def test_a_module_keeps_its_modes_and_wrappers_are_looked_through() -> None:
    inner = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2).eval()).train()
    inner[1].eval()
    model = read_live(LiveModel(nn.DataParallel(inner), (torch.randn(2, 3),)))
    assert [part.training for part in inner] == [True, False]
    assert "0.weight" in {row.array.key for row in model.ledger}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_live_script_is_refused() -> None:
    script = torch.jit.trace(nn.Linear(3, 2).eval(), torch.zeros(2, 3))
    with pytest.raises(PorterError, match="a TorchScript module"):
        read_live(LiveModel(script, (torch.zeros(2, 3),)))


def test_tied_weights_are_told_with_both_names() -> None:
    table = nn.Embedding(7, 3)
    head = nn.Linear(3, 7, bias=False)
    head.weight = table.weight
    model = read_live(LiveModel(nn.Sequential(table, head).eval(), (torch.tensor([[1, 2], [3, 4]]),)))
    assert [(row.array.key, row.reason) for row in model.ledger] == [
        ("0.weight", "the same tensor as 1.weight"),
        ("1.weight", ""),
    ]
    assert not model.notices


def test_code_is_inspected(net: Path) -> None:
    found = porter.inspect(f"{net}:build", input_shapes={"": (2, 3)})
    assert found.convertible
    assert "fc     Linear" in found.text()


def test_words_that_name_a_factory(tmp_path: Path) -> None:
    assert Factory.parse("net.py:build") == Factory("net.py", "build")
    assert Factory.parse("a.b:C.make") == Factory("a.b", "C.make")
    assert Factory.parse(str(tmp_path / "model.h5")) is None
    told = _request(["net.py:build", "w.safetensors"])
    assert (told.paths, told.weights) == ((), Path("w.safetensors"))
    with pytest.raises(PorterError, match="takes one file of weights"):
        _request(["net.py:build", "a", "b"])
