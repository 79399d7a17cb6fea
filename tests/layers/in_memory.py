"""A model's architecture through the whole road without a bundle: read, laid out, written, run."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import converters.jax.write
from converters.keras.load import load
from converters.keras.read import read
from converters.torch.write import write
from porter.graph.model import Graph
from porter.graph.run import run
from porter.graph.serial import from_json, to_json
from porter.layout import lay_out
from porter.normalise import normalise
from porter.source_model import IoLayout

os.environ.setdefault("JAX_PLATFORMS", "cpu")

LIMITS = {"float16": 3e-3, "bfloat16": 2e-2}
USUAL = 2e-5
"""Relative to an output's largest number: some roundings in the type that the output has."""


@dataclass(frozen=True)
class Answer:
    """One output as one witness gives it: its numbers, and the type it has there."""

    numbers: np.ndarray
    dtype: str


def graph_of(text: str, generation: int) -> Graph:
    """The graph of an architecture that needs no stored arrays."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        file.write_text(text, encoding="utf-8")
        reading = read(load([file], architecture_only=True).model, generation=generation)
    reading.variables.bind({})
    return _kept(normalise(reading.graph))


def _kept(graph: Graph) -> Graph:
    """The graph as a bundle's manifest keeps it: nothing is lost on the way to JSON and back."""
    params = [param for _, _, param in graph.params()]
    text = json.dumps(to_json(graph, lambda param: {"number": params.index(param)}))
    back = from_json(json.loads(text), lambda told: params[told["number"]])
    assert [node.op for node in back.nodes] == [node.op for node in graph.nodes]
    return back


def by_reference(graph: Graph, inputs: Sequence[np.ndarray]) -> list[Answer]:
    """The graph in float64; its types are those that it promises."""
    numbers = run(graph, inputs)
    return [Answer(array, value.dtype) for array, value in zip(numbers, graph.outputs, strict=True)]


def by_torch(graph: Graph, inputs: Sequence[np.ndarray], io: IoLayout) -> list[Answer]:
    """The written module, in the source's axis order."""
    import torch

    laid = lay_out(graph, "first", io)
    written = write(laid)
    space: dict[str, Any] = {"__name__": "written", "__file__": "model.py"}
    exec(compile(written.source, "model.py", "exec"), space)
    kinds = [kind for kind in space.values() if isinstance(kind, type) and issubclass(kind, torch.nn.Module)]
    model = kinds[-1]()
    state = {key: _tensor(weight.tensor.read()) for key, weight in written.weights.items()}
    for key, names in written.also.items():
        state |= dict.fromkeys(names, state[key])
    model.load_state_dict(state)
    rows = zip(inputs, laid.inputs, strict=True)
    given = [torch.from_numpy(np.array(x.transpose(layout.perm), order="C")) for x, layout in rows]
    with torch.no_grad():
        outputs = model.eval()(*given)
    listed = list(outputs) if isinstance(outputs, tuple) else [outputs]
    return [
        Answer(output.double().numpy().transpose(np.argsort(layout.perm)), str(output.dtype).split(".")[1])
        for output, layout in zip(listed, laid.outputs, strict=True)
    ]


def by_jax(graph: Graph, inputs: Sequence[np.ndarray], io: IoLayout) -> list[Answer]:
    """The written Flax module, compiled, in the source's axis order."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    laid = lay_out(graph, "last", io)
    written = converters.jax.write.write(laid)
    space: dict[str, Any] = {"__name__": "written", "__file__": "model.py"}
    exec(compile(written.source, "model.py", "exec"), space)
    kinds = [kind for kind in space.values() if isinstance(kind, type) and issubclass(kind, nnx.Module)]
    with jax.default_matmul_precision("highest"):
        model = kinds[-1](rngs=nnx.Rngs(0)) if _is_seeded(kinds[-1]) else kinds[-1]()
        space["set_weights"](model, {key: held.tensor.read() for key, held in written.weights.items()})
        model.eval()
        rows = zip(inputs, laid.inputs, strict=True)
        given = [jnp.asarray(x.transpose(layout.perm)) for x, layout in rows]
        outputs = jax.jit(model)(*given)
    listed = list(outputs) if isinstance(outputs, tuple) else [outputs]
    return [
        Answer(np.asarray(output, "float64").transpose(np.argsort(layout.perm)), str(output.dtype))
        for output, layout in zip(listed, laid.outputs, strict=True)
    ]


def _is_seeded(kind: type) -> bool:
    return "rngs" in getattr(kind.__init__, "__annotations__", ())


def _tensor(array: np.ndarray) -> Any:
    import torch

    if str(array.dtype) == "bfloat16":
        return torch.from_numpy(array.astype("float32")).bfloat16()
    return torch.from_numpy(np.array(array, order="C"))


def assert_same(got: Sequence[Answer], want: Sequence[Answer], who: str) -> None:
    """Number by number and type by type."""
    assert len(got) == len(want), f"{who}: {len(got)} outputs, wanted {len(want)}"
    for place, (here, there) in enumerate(zip(got, want, strict=True)):
        at = f"{who}, output {place}"
        assert here.dtype == there.dtype, f"{at}: is {here.dtype}, wanted {there.dtype}"
        ours, theirs = here.numbers.astype("float64"), there.numbers.astype("float64")
        assert ours.shape == theirs.shape, f"{at}: {ours.shape}, wanted {theirs.shape}"
        finite = np.isfinite(theirs)
        same = np.array_equal(ours[~finite], theirs[~finite], equal_nan=True)
        assert same, f"{at}: other infinities or NaN"
        scale = max(float(np.max(np.abs(theirs[finite]), initial=0)), 1e-6)
        distance = float(np.max(np.abs(ours - theirs)[finite], initial=0)) / scale
        limit = LIMITS.get(there.dtype, USUAL)
        assert distance <= limit, f"{at}: {distance:.2e} of its scale, at most {limit:.0e}"


@dataclass(frozen=True)
class Tried:
    """Many functions in one model: what is wanted, what each witness said, and which outputs are whose."""

    want: Sequence[Answer]
    said: Mapping[str, Sequence[Answer]]
    places: Mapping[str, slice]

    @staticmethod
    def of(
        graph: Graph, inputs: Sequence[np.ndarray], want: Sequence[Answer], counts: Mapping[str, int]
    ) -> Tried:
        """All witnesses heard; `counts` says how many outputs each function has, in order."""
        said = {
            "the reference": by_reference(graph, inputs),
            "torch": by_torch(graph, inputs, "native"),
            "torch in the source's order": by_torch(graph, inputs, "source"),
        }
        if importlib.util.find_spec("flax"):
            said["JAX"] = by_jax(graph, inputs, "native")
        places, start = {}, 0
        for name, count in counts.items():
            places[name] = slice(start, start + count)
            start += count
        return Tried(want, said, places)

    def check(self, name: str) -> None:
        """One function's outputs."""
        place = self.places[name]
        for who, answers in self.said.items():
            want = [_narrow(answer) for answer in self.want[place]] if who == "JAX" else self.want[place]
            assert_same(answers[place], want, who)


def _narrow(answer: Answer) -> Answer:
    """What JAX makes of 64-bit types where they are not switched on."""
    return Answer(answer.numbers, answer.dtype.replace("64", "32"))
