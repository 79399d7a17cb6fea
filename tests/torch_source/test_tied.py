"""Weights that modules share stay one parameter in each target; where they cannot, a notice says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_model
from torch import nn

from converters.torch.live import read_live
from porter import pipeline
from porter.frameworks import target
from porter.source_model import LiveModel
from tests.layers.saved_rows import bundle_module
from tests.torch_source.rows import Tied, Twins

IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])


def bundle(module: nn.Module, framework: str, folder: Path, fmt: str | None = None) -> tuple[Any, Any]:
    """The written module and the manifest."""
    model = read_live(LiveModel(module.eval(), (IDS,)))
    done = pipeline.convert(model, target(framework), folder, pipeline.Options(weights_format=fmt))
    return bundle_module(done.path), json.loads((done.path / "porter.json").read_text())


@pytest.mark.parametrize("fmt", ["safetensors", "h5"])
def test_torch_ties_them_and_stores_one(tmp_path: Path, fmt: str) -> None:
    source = Tied(bias=True).to(torch.bfloat16) if fmt == "safetensors" else Tied(bias=True)
    written, manifest = bundle(source, "torch", tmp_path / "out", fmt)
    net = written.load()
    assert net.cls_.decoder.weight is net.words.table.weight
    assert net.words.table.weight.dtype == source.words["table"].weight.dtype
    assert {"cls_.decoder.weight", "words.table.weight"} <= set(net.state_dict())
    rows = {row["array"]: row for row in manifest["ledger"]}
    (entry,) = rows["cls.decoder.weight"]["becomes"]
    assert (entry["key"], entry["also"]) == ("cls_.decoder.weight", ["words.table.weight"])
    assert rows["words.table.weight"]["unused"] == "the same tensor as cls.decoder.weight"
    assert not [note for note in manifest["notices"] if "shared" in note]


def test_the_file_is_as_safetensors_itself_writes_it(tmp_path: Path) -> None:
    written, _ = bundle(Twins(), "torch", tmp_path / "out")
    net = written.load()
    with torch.no_grad():
        net.first.weight.add_(1)
    save_model(net, str(tmp_path / "tuned.safetensors"))
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as ours, safe_open(
        tmp_path / "tuned.safetensors", "pt"
    ) as theirs:
        assert set(ours.keys()) == set(theirs.keys())
    again = written.load(tmp_path / "tuned.safetensors")
    assert again.second.weight is again.first.weight
    assert torch.equal(again(IDS), net(IDS))


def test_flax_uses_the_table_itself(tmp_path: Path) -> None:
    from flax import nnx

    written, manifest = bundle(Tied(bias=True), "jax", tmp_path / "out")
    assert "self.words_table.attend(" in (tmp_path / "out" / "model.py").read_text()
    paths = {".".join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(written.load(), nnx.Param))}
    assert "words_table.embedding" in paths
    assert "cls_.decoder_bias" in paths
    assert "cls_.decoder.kernel" not in paths
    assert not [note for note in manifest["notices"] if "shared" in note]


def test_flax_shares_parameters_of_one_shape(tmp_path: Path) -> None:
    written, _ = bundle(Twins(), "jax", tmp_path / "out")
    net = written.load()
    assert net.second.embedding is net.first.embedding
    assert net.blocks[1].decoder.kernel is net.blocks[0].decoder.kernel


def test_keras_calls_the_embedding_backwards_and_tells_what_it_cannot_share(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    written, manifest = bundle(Tied(), "tf", tmp_path / "tied")
    model = written.load()
    assert [layer.name for layer in model.layers if "ReversibleEmbedding" in type(layer).__name__]
    assert sum(tuple(one.shape) in ((7, 5), (5, 7)) for one in model.trainable_variables) == 1
    assert not [note for note in manifest["notices"] if "shared" in note]
    written, manifest = bundle(Twins(), "tf", tmp_path / "twins")
    assert sum(tuple(one.shape) == (9, 5) for one in written.load().trainable_variables) == 1
    (told,) = [note for note in manifest["notices"] if "shared" in note]
    assert "is shared by blocks.0.decoder, blocks.1.decoder: each has its own" in told
