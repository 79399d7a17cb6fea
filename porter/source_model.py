"""What passes between a converter and the pipeline: requests to read, models read, files to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Literal

from porter.dataclass import dataclass
from porter.errors import Problem
from porter.factories import Factory
from porter.graph.dims import Shape
from porter.graph.layouts import Orientation
from porter.graph.model import Graph, Node
from porter.layout import LaidOut
from porter.weights.files import FORMATS, Formats
from porter.weights.tensor import Stored
from porter.workers.job import Living
from porter.writing.forms import Ways, Weight

IoLayout = Literal["native", "source"]

@dataclass(frozen=True)
class ReadRequest:
    """What to read, and how."""

    paths: tuple[Path, ...]
    custom: tuple[Path, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dtype: str | None = None  # None keeps what the file says
    source_backend: str | None = None
    inputs: Path | None = None  # recorded ones may show what a file does not say
    factory: Factory | None = None  # a model that is code, in place of paths
    weights: Path | None = None  # what a factory's model is filled with
    static_batch: bool = False  # the batch has the size that it has in the inputs

    @property
    def stem(self) -> str:
        """A short name of the source."""
        return self.factory.name if self.factory is not None else self.paths[-1].stem

    def shown(self, inputs: Path | None) -> ReadRequest:
        """With example inputs, where it is code, which does not say what it takes."""
        return self if self.factory is None else replace(self, inputs=inputs)


@dataclass(frozen=True)
class LiveModel:
    """A model that lives in this process, and how to read it."""

    model: object
    example_inputs: tuple[Any, ...] | None = None  # what it is called with; the first axis is the batch
    static_batch: bool = False  # the batch has the size that it has in the examples
    dtype: str | None = None  # None keeps what the model has


@dataclass(frozen=True)
class LedgerRow:
    """One array of the source's files: by which parameters it is used, or why by none."""

    array: Stored
    used_by: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class SourceModel:
    """A model read: its graph, the account of its arrays, and what is known of its writer."""

    graph: Graph
    ledger: tuple[LedgerRow, ...]
    facts: Mapping[str, Any]  # format, files, versions, backend: for people and manifests
    notices: tuple[str, ...] = ()
    living: Living | None = None  # a live model itself, which can be run


@dataclass(frozen=True)
class LayerFacts:
    """One layer as its file describes it, whether or not it can be carried."""

    path: tuple[str, ...]
    kind: str
    shape: Shape | None = None  # of its (first) output, where known
    parameters: int | None = None


@dataclass(frozen=True)
class Survey:
    """What a look into a model's files finds, also where not all of it can be read.

    `graph` is as much as can be read, its ends being its outputs, or None where nothing is.
    """

    name: str
    facts: Mapping[str, Any]
    layers: tuple[LayerFacts, ...]
    graph: Graph | None
    problems: tuple[Problem, ...] = ()  # layers that cannot be read
    weights: tuple[Problem, ...] = ()  # arrays that do not fit
    arrays: tuple[Stored, ...] = ()
    notices: tuple[str, ...] = ()


Extra = Callable[[Path], None]
"""Writes one more file to this path; the code and the weights already lie beside it."""


@dataclass(frozen=True)
class Written:
    """A model as a target's source code, with its weights under the target's keys."""

    source: str
    weights: Mapping[str, Weight]
    modules: Mapping[str, Node]  # attribute path -> the node it computes
    shows: Mapping[str, Ways] = field(default_factory=dict)  # what modules give of their nodes' outputs
    extras: Mapping[str, Extra] = field(default_factory=dict)  # further files of the bundle by name
    on_request: Mapping[str, Extra] = field(default_factory=dict)  # and those that are written when asked for
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # other names of shared weights, by key


@dataclass(frozen=True)
class Converter:
    """One framework: what it reads, what it writes, and where it runs."""

    name: str
    title: str
    orientation: Orientation
    recognises: Callable[[Sequence[Path]], bool]
    read: Callable[[ReadRequest], SourceModel]
    inspect: Callable[[ReadRequest], Survey] | None = None  # without it, what can be read whole is surveyed
    owns: Callable[[object], bool] | None = None  # whether an object is a live model; imports no framework
    read_live: Callable[[LiveModel], SourceModel] | None = None
    prepare: Callable[[Graph], Graph] | None = None  # says what the target has no words for in others
    write: Callable[[LaidOut, str], Written] | None = None
    reads_code: bool = False  # whether `read` takes a factory in place of files
    runner: str | None = None  # the module that runs its models, in a process of its own
    weights_formats: Formats = field(default_factory=lambda: FORMATS)
