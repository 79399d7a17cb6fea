"""Made inputs are hard on mistakes: uneven, of several kinds, within what the model allows, repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from porter.compare.inputs import EDGES, make_inputs, telling_inputs
from porter.compare.sizes import FEWEST, MOST
from porter.errors import RequestError
from porter.graph.builder import Builder
from porter.graph.dims import BATCH, Dim, Sym
from porter.graph.model import Graph, Param, Spec, Value
from porter.graph.ops.elementwise import Binary, Cast, Unary
from porter.graph.ops.linear import Embedding
from porter.graph.ops.pooling import MaxPool
from porter.graph.ops.reshaping import Concat, Repeat, Slice
from porter.weights.tensor import Constant

H, W = Sym("h"), Sym("w")


def image_graph(*shape: Dim) -> Graph:
    value = Value("x", Spec((BATCH, *shape)))
    builder = Builder()
    return builder.graph("net", [value], [builder.one(Unary("tanh"), value)])


def ids_graph(dtype: str = "int32", mask: bool = False) -> Graph:
    value = Value("ids", Spec((BATCH, 12), dtype))
    builder = Builder()
    table = Param(Constant(np.zeros((7, 2), "float32")))
    ids = builder.one(Cast("int64"), value)
    outputs = [builder.one(Embedding(7, 2), ids, params={"weight": table})]
    if mask:
        outputs.append(builder.one(Binary("not_equal"), value, builder.constant(0, dtype)))
    return builder.graph("net", [value], outputs)


def test_images_forgive_nothing() -> None:
    ordinary, large = make_inputs(image_graph(9, 9, 3))
    (image,), (big,) = ordinary.arrays, large.arrays
    assert ordinary.rows == MOST
    assert large.rows == 1
    assert np.abs(big).max() > 10 * np.abs(image[0]).max()
    changes = {
        "height and width": np.swapaxes(image, 1, 2),
        "upside down": image[:, ::-1],
        "mirrored": image[:, :, ::-1],
        "channels": image[..., ::-1],
        "rows": image[::-1],
    }
    for name, changed in changes.items():
        assert np.abs(changed - image).mean() > 0.3, name
    assert image.min() < -1
    assert image.max() > 1


def test_they_are_repeatable_and_seeded() -> None:
    graph = image_graph(5, 4, 3)
    first, again, other = make_inputs(graph), make_inputs(graph), make_inputs(graph, seed=1)
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.arrays[0], two.arrays[0])
        assert not np.array_equal(one.arrays[0], three.arrays[0])


def test_open_sizes_are_odd_and_uneven() -> None:
    (image,) = make_inputs(image_graph(H, W, 3))[0].arrays
    assert image.shape[1:] == (37, 29, 3)
    assert image.dtype == "float32"


def test_open_sizes_give_way_to_what_the_net_permits() -> None:
    """A skip around a pool and an upsampling needs even sizes: the shapes refuse the odd ones."""
    value = Value("x", Spec((BATCH, H, W, 2)))
    builder = Builder()
    small = builder.one(MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))), value)
    grown = builder.one(Repeat(2, 2), builder.one(Repeat(2, 1), small))
    joined = builder.one(Concat(3), value, grown)
    shape = make_inputs(builder.graph("net", [value], [joined]))[0].arrays[0].shape
    assert shape[1] % 2 == 0
    assert shape[2] % 2 == 0
    assert shape[1] != shape[2]


@pytest.mark.parametrize("lost", [600, 10_000])
def test_open_sizes_reach_what_a_net_for_long_sequences_cuts_off(lost: int) -> None:
    value = Value("x", Spec((BATCH, H, 2)))
    builder = Builder()
    cut = builder.one(Slice(((None, None, 1), (lost // 2, -lost // 2, 1), (None, None, 1))), value)
    assert make_inputs(builder.graph("net", [value], [cut]))[0].arrays[0].shape[1] > lost


def test_large_models_get_fewer_rows() -> None:
    assert make_inputs(image_graph(1024, 1024, 4))[0].rows == FEWEST


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_ids_stay_in_their_table(dtype: str) -> None:
    for given in make_inputs(ids_graph(dtype)):
        (ids,) = given.arrays
        assert ids.dtype == dtype
        assert ids.min() >= 0
        assert ids.max() < 7
    assert set(np.unique(make_inputs(ids_graph(dtype))[0].arrays[0])) == set(range(7))


@pytest.mark.parametrize("entries", [1, 2, 5000])
def test_ids_reach_both_ends_of_their_table(entries: int) -> None:
    value = Value("ids", Spec((BATCH, 3), "int32"))
    builder = Builder()
    table = Param(Constant(np.zeros((entries, 2), "float32")))
    found = builder.one(Embedding(entries, 2), value, params={"weight": table})
    ordinary, single = make_inputs(builder.graph("net", [value], [found]))
    assert ordinary.arrays[0].min() == 0
    assert ordinary.arrays[0].max() == single.arrays[0].max() == entries - 1


@pytest.mark.parametrize("shape", [(8,), (20, 6), (9, 9, 3)])
def test_some_numbers_lie_on_edges(shape: tuple[int, ...]) -> None:
    (given,) = make_inputs(image_graph(*shape))[0].arrays
    on_edge = np.isin(given, np.float32(EDGES))
    assert not on_edge[:-1].any()
    assert 1 <= on_edge[-1].sum() <= len(EDGES)


def test_states_that_a_model_takes_are_not_zero() -> None:
    values = [Value("x", Spec((BATCH, 5, 3))), Value("state", Spec((BATCH, 4)))]
    builder = Builder()
    outputs = [builder.one(Unary("tanh"), value) for value in values]
    for given in make_inputs(builder.graph("net", values, outputs)):
        assert (given.arrays[1] != 0).mean() > 0.9
        assert np.abs(given.arrays[1]).max() > 0.3


def test_masked_sequences_end_in_zeros() -> None:
    (ids,) = make_inputs(ids_graph(mask=True))[0].arrays
    lengths = [(row != 0).sum() for row in ids]
    assert lengths[0] == 12
    assert len(set(lengths)) > 2
    for row, length in zip(ids, lengths, strict=True):
        assert (row[length:] == 0).all()
        assert (row[:length] != 0).all()


def test_masked_sequences_end_in_what_is_masked() -> None:
    value = Value("x", Spec((BATCH, 9, 4)))
    builder = Builder()
    mask = builder.one(Binary("not_equal"), value, builder.constant(-1.5, "float32"))
    (given,) = make_inputs(builder.graph("net", [value], [mask]))[0].arrays
    steps = (given == -1.5).all(axis=2)
    assert not steps[0].any()
    assert all(row[-1] and not row[0] for row in steps[1:])


def test_inputs_are_sized_so_that_a_sigmoid_still_tells() -> None:
    value = Value("x", Spec((BATCH, 6)))
    builder = Builder()
    steep = builder.one(Binary("multiply"), value, builder.constant(200.0, "float32"))
    graph = builder.graph("net", [value], [builder.one(Unary("sigmoid"), steep)])
    plain, sized = make_inputs(graph)[0].arrays[0], telling_inputs(graph)[0].arrays[0]
    assert np.abs(sized).max() < 0.5 * np.abs(plain).max()


def test_a_model_without_inputs_is_refused() -> None:
    builder = Builder()
    graph = Graph("net", (), (builder.constant(1.0),), tuple(builder.nodes))
    with pytest.raises(RequestError, match="no inputs"):
        make_inputs(graph)
