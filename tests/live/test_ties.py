"""An embedding that is also the last product stays one parameter, wherever in the model it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import porter
from tests.layers.saved_rows import KERAS_MARKS

keras = pytest.importorskip("keras")
pytest.importorskip("torch")
pytestmark = KERAS_MARKS

IDS = np.array([[1, 7, 3], [2, 2, 10]], "int32")


class Back(keras.layers.Layer):  # type: ignore[misc]
    """Scores of words by the vectors of an embedding that another layer owns."""

    def __init__(self, embedding: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.embedding, self.scale = embedding, keras.layers.Dense(4, name="scale")

    def call(self, x: Any) -> Any:
        """Through a layer of its own first."""
        return keras.ops.matmul(self.scale(x), keras.ops.transpose(self.embedding.embeddings))

    def compute_output_shape(self, shape: Any) -> Any:
        """As many scores as there are words."""
        return (*shape[:-1], 11)


class Language(keras.Model):  # type: ignore[misc]
    """The same in the code of a model."""

    def __init__(self) -> None:
        super().__init__()
        self.words = keras.layers.Embedding(11, 4)
        self.hidden = keras.layers.Dense(4, activation="tanh")

    def call(self, ids: Any) -> Any:
        """Scores for each place."""
        return self.hidden(self.words(ids)) @ keras.ops.transpose(self.words.embeddings)


def _in_a_layer() -> Any:
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(11, 4, name="words")
    return keras.Model(ids, Back(words, name="back")(words(ids)))


MODELS: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "in_a_model": (Language, {"words.weight", "hidden.weight", "hidden.bias"}),
    "in_a_layer": (_in_a_layer, {"words.weight", "back.scale.weight", "back.scale.bias"}),
}


@pytest.mark.parametrize("name", MODELS)
def test_one_parameter(name: str) -> None:
    import torch

    build, wanted = MODELS[name]
    model = build()
    said = np.asarray(model(IDS))
    made = porter.to_torch(model, (IDS,))
    parameters = dict(made.named_parameters())
    assert set(parameters) == wanted
    scores = made(torch.from_numpy(IDS))
    np.testing.assert_allclose(scores.detach().numpy(), said, atol=1e-6)
    scores.square().sum().backward()
    moved = parameters["words.weight"].grad
    assert moved is not None
    assert (moved.abs().sum(dim=1) > 0).all(), "words that were not read are learnt as scores only"


@pytest.mark.parametrize("name", MODELS)
def test_in_jax(name: str) -> None:
    pytest.importorskip("flax")
    from flax import nnx

    build, wanted = MODELS[name]
    model = build()
    said = np.asarray(model(IDS))
    made = porter.to_jax(model, (IDS,))
    np.testing.assert_allclose(np.asarray(made(IDS)), said, atol=1e-6)
    assert len(nnx.to_flat_state(nnx.state(made, nnx.Param))) == len(wanted)
