"""The library: what the command line does, it does through these functions. Silent, typed, without side
effects other than the files they are asked to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porter.checking.findings import Check
from porter.compare import Comparison, NotEquivalent
from porter.dataclass import dataclass
from porter.diagnosis.findings import Diagnosis
from porter.errors import RequestError
from porter.factories import Code, for_code
from porter.inspection import Inspection
from porter.source_model import IoLayout, LiveModel, ReadRequest

__all__ = [
    "Bundle",
    "Check",
    "Comparison",
    "Diagnosis",
    "Inspection",
    "NotEquivalent",
    "check",
    "check_preprocessing",
    "convert",
    "diagnose",
    "inspect",
    "record",
    "to_jax",
    "to_keras",
    "to_torch",
    "verify",
]

if TYPE_CHECKING:
    from porter.checking.preprocessing import Preprocessing
    from porter.report import Kind as ReportKind
    from porter.verification import Recorded

    _Found = Comparison | Diagnosis | Check | Preprocessing

Progress = Callable[[str, int, int], None]
Source = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk: its folder, its manifest, and how it was verified (None: it was not)."""

    path: Path
    manifest: Mapping[str, Any]
    verification: Comparison | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user should know and would not see otherwise."""
        return tuple(self.manifest.get("notices", ()))

    def summary(self) -> dict[str, Any]:
        """The facts in one JSON-ready value."""
        kept = ("name", "target", "source", "inputs", "outputs", "transposes", "notices")
        told = {key: self.manifest[key] for key in kept if key in self.manifest}
        checked = self.verification.to_dict() if self.verification is not None else None
        return {"path": str(self.path), **told, "verification": checked}


def convert(
    source: Source,
    *,
    to: str,
    from_: str | None = None,
    out: str | Path | None = None,
    io_layout: IoLayout = "native",
    dtype: str = "keep",
    weights_format: str | None = None,
    custom: Sequence[str | Path] = (),
    inputs: str | Path | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    verify: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    source_backend: str | None = None,
    weights: str | Path | None = None,
    static_batch: bool = False,
    saved_model: bool = False,
) -> Bundle:
    """Convert a saved model to another framework and write it as a bundle.

    `source` is one path, or several that belong together (architecture and weights), or the name of a
    function that builds the model (`net.py:build`, `package.module:build`), which is filled with
    `weights` and described by `inputs` or `input_shapes` (the one without a name is the first's). `to` names
    the target, `from_` checks what the source is. The bundle goes to `out` (default: the source's name and
    the target's), with images in the target's customary order or, with `io_layout="source"`, in the source's.
    Unless `verify` is False, the result is run and compared; see `Bundle.verification`. With `saved_model`, a
    Keras bundle gets a TensorFlow SavedModel too.
    """
    from porter import frameworks, pipeline, verification

    code = Code(None, Path(weights) if weights is not None else None, static_batch)
    request = _request(source, custom, input_shapes, dtype, source_backend, inputs, code)
    target = frameworks.target(to)
    found, model = pipeline.read(request, from_)
    folder = Path(out) if out is not None else Path(f"{request.stem}-{to}")
    options = pipeline.Options(io_layout, weights_format, force, ("saved_model",) if saved_model else ())
    check = None
    if verify:
        check = verification.of_conversion(request, found, Path(inputs) if inputs else None, progress)
    done = pipeline.convert(model, target, folder, options, progress, check)
    return Bundle(done.path, done.manifest, done.verification)


def to_torch(
    model: object,
    example_inputs: Any = None,
    *,
    out: str | Path | None = None,
    io_layout: IoLayout = "native",
    dtype: str = "keep",
    weights_format: str | None = None,
    static_batch: bool = False,
    verify: bool = True,
    force: bool = False,
    progress: Progress | None = None,
) -> Any:
    """A live model of another framework as a live `torch.nn.Module`, ready for inference.

    `example_inputs` is what the model is called with: a tuple of arguments, or the only one. Keras models
    that know their inputs need none. The first axis of each input is the batch, which stays open unless
    `static_batch`. The bundle goes to `out`, or to a folder that is removed with the model. Unless `verify`
    is False, the two are run on the same inputs and compared; where they differ, NotEquivalent carries the
    figures. The other arguments are those of `convert`.
    """
    how = _Live(io_layout, dtype, weights_format, static_batch, verify, force, progress)
    return _to("torch", model, example_inputs, out, how)


def to_jax(
    model: object,
    example_inputs: Any = None,
    *,
    out: str | Path | None = None,
    io_layout: IoLayout = "native",
    dtype: str = "keep",
    weights_format: str | None = None,
    static_batch: bool = False,
    verify: bool = True,
    force: bool = False,
    progress: Progress | None = None,
) -> Any:
    """A live model of another framework as a live `flax.nnx.Module`; see `to_torch`."""
    how = _Live(io_layout, dtype, weights_format, static_batch, verify, force, progress)
    return _to("jax", model, example_inputs, out, how)


def to_keras(
    model: object,
    example_inputs: Any = None,
    *,
    out: str | Path | None = None,
    io_layout: IoLayout = "native",
    dtype: str = "keep",
    static_batch: bool = False,
    verify: bool = True,
    force: bool = False,
    progress: Progress | None = None,
) -> Any:
    """A live model of another framework as a live `keras.Model`; see `to_torch`."""
    how = _Live(io_layout, dtype, None, static_batch, verify, force, progress)
    return _to("tf", model, example_inputs, out, how)


@dataclass(frozen=True)
class _Live:
    io_layout: IoLayout
    dtype: str
    weights_format: str | None
    static_batch: bool
    verify: bool
    force: bool
    progress: Progress | None


def _to(target: str, model: object, example_inputs: Any, out: str | Path | None, how: _Live) -> Any:
    from porter import live, pipeline

    dtype = None if how.dtype == "keep" else how.dtype
    given = LiveModel(model, live.examples(example_inputs), how.static_batch, dtype)
    options = pipeline.Options(how.io_layout, how.weights_format, how.force)
    where = None if out is None else Path(out)
    return live.to(target, given, live.Settings(where, options, how.verify, how.progress))


def verify(
    a: Source | object,
    b: Source | object,
    *,
    inputs: str | Path | None = None,
    tolerance: str | tuple[float, float] = "auto",
    per_layer: bool = False,
    report: str | Path | None = None,
    progress: Progress | None = None,
    source_backend: str | None = None,
    example_inputs: Any = None,
    gradients: bool = False,
    memory: int | None = None,
    seed: int = 0,
    preprocess: str | None = None,
) -> Comparison:
    """Are two models the same function, to rounding?

    Each side is a saved model, a bundle, an `.npz` of recorded inputs `x0, x1, ...` and outputs
    `y0, y1, ...`, a folder that `record` wrote, or a live model (`example_inputs` as for `to_torch`).
    `inputs` names an `.npz` or `.npy` with inputs to compare on, or a folder of images of which the function
    `preprocess` (`file.py:function`) makes arrays; without it, ones are made from `seed`. The tolerance
    "auto" measures against the rounding that any run has (`porter.compare.verdict`); `(atol, rtol)` replaces
    that. Layers are compared where it is known which is which; `per_layer` asks for them and has the
    comparison say so where there are none. `gradients` compares what the models would learn, too. `report`
    names a folder for `report.html` and `report.json`. The comparison takes about `memory` bytes, beside the
    frameworks' own. `source_backend` is what an old file was trained on, where it does not say.
    """
    from porter import own_data, verification

    limits = verification.tolerance_of(tolerance)
    how = verification.Settings(limits, progress=progress, seed=seed, gradients=gradients)
    how = how if memory is None else replace(how, memory=memory)
    with own_data.prepared(inputs, preprocess) as file:
        sides = [_model(side, source_backend, example_inputs, file) for side in (a, b)]
        comparison = verification.of_two(sides[0], sides[1], file, how)
    if per_layer and not comparison.layers:
        comparison = replace(comparison, notes=(*comparison.notes, NO_LAYERS))
    _report(report, "verification", comparison)
    return comparison


def record(
    model: Source | object,
    out: str | Path,
    *,
    inputs: str | Path | None = None,
    example_inputs: Any = None,
    source_backend: str | None = None,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> Recorded:
    """Run a model and keep inputs, outputs, the output of every layer and the environment in a folder, which
    `verify` compares with on a machine where this model cannot be run."""
    from porter import verification

    how = verification.Settings(progress=progress, seed=seed)
    file = Path(inputs) if inputs is not None else None
    given = _model(model, source_backend, example_inputs, file)
    return verification.of_one(given, Path(out), file, how, force)


def diagnose(
    a: Source | object,
    b: Source | object,
    *,
    inputs: str | Path | None = None,
    fix: str | Path | None = None,
    force: bool = False,
    source_backend: str | None = None,
    example_inputs: Any = None,
    memory: int | None = None,
    seed: int = 0,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Why do two models differ, and what would mend it?

    Sides are as for `verify`. Of each layer that makes something else of true inputs, every plausible mistake
    (a flipped kernel, another order of gates, another epsilon or padding) is tried, and the one that explains
    it is the cause. `fix` names a folder for a repaired copy of `b`, which is verified; what is wrong in code
    is told. `report` names a folder for `report.html` and `report.json`.
    """
    from porter import verification
    from porter.diagnosis.two import of_two

    how = verification.Settings(progress=progress, seed=seed)
    how = how if memory is None else replace(how, memory=memory)
    sides = [_model(side, source_backend, example_inputs) for side in (a, b)]
    file, out = (Path(path) if path is not None else None for path in (inputs, fix))
    found = of_two(sides[0], sides[1], file, how, out, force=force)
    _report(report, "diagnosis", found)
    return found


def check(
    source: Source,
    *,
    inputs: str | Path | None = None,
    both_ways: bool = True,
    source_backend: str | None = None,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> Check:
    """Does one model agree with itself: alone and in a batch, again, elsewhere, in another precision?

    `source` is a saved model or a bundle, `inputs` an `.npz` with rows to run it on; without it, seeded ones
    are made. `both_ways` runs it compiled and not. Each finding says what kind of difference it is: rounding,
    which is harmless, or batch coupling, state, randomness, non-determinism, precision, and where it begins.
    """
    from porter.checking.check import check_source

    file = Path(inputs) if inputs is not None else None
    request = _request(source, source_backend=source_backend).shown(file)
    found = check_source(request, file, progress, both_ways=both_ways)
    _report(report, "check", found)
    return found


def check_preprocessing(
    one: str, two: str, images: Sequence[str | Path], report: str | Path | None = None
) -> Preprocessing:
    """What do two preprocessing functions do differently to the same images?

    Each function is named as `file.py:function` and makes an array of an image's path; it is run in a process
    of its own. `images` are files, or folders of them. Causes, from the layout to the kernel of resizing, are
    named one after another.
    """
    from porter.checking.calls import of_two_functions

    found = of_two_functions(one, two, images)
    _report(report, "preprocessing", found)
    return found


def _report(folder: str | Path | None, kind: ReportKind, found: _Found) -> None:
    if folder is not None:
        from porter.report import write_facts

        write_facts(Path(folder), kind, found.to_dict())


def inspect(
    source: Source,
    *,
    to: str = "torch",
    custom: Sequence[str | Path] = (),
    source_backend: str | None = None,
    inputs: str | Path | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    weights: str | Path | None = None,
    static_batch: bool = False,
) -> Inspection:
    """What is in a saved model, and whether it would convert to `to`; nothing is run or written.

    An architecture without its weights will do. Faults of single layers and arrays are listed, not raised.
    A model that is code (`net.py:build`) is built and traced, for which it needs inputs as `convert` does.
    """
    from porter import inspection

    code = Code(None, Path(weights) if weights is not None else None, static_batch)
    request = _request(source, custom, input_shapes, "keep", source_backend, inputs, code)
    return inspection.inspect(request, to)


NO_LAYERS = "layers were not compared: that needs a model and the bundle that porter made of it"


def _model(
    told: object, source_backend: str | None, example_inputs: Any, inputs: Path | None = None
) -> ReadRequest | LiveModel:
    """A side of a comparison: what names files or code is read, anything else is a live model."""
    if isinstance(told, (str, Path)) or (isinstance(told, (list, tuple)) and told):
        return _request(told, source_backend=source_backend).shown(inputs)
    from porter import live

    return LiveModel(told, live.examples(example_inputs))


def _request(
    source: Source,
    custom: Sequence[str | Path] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    dtype: str = "keep",
    source_backend: str | None = None,
    inputs: str | Path | None = None,
    code: Code | None = None,
) -> ReadRequest:
    listed = [source] if isinstance(source, (str, Path)) else list(source)
    if not listed:
        raise RequestError("no source was given")
    told = for_code(listed, code or Code())
    return ReadRequest(
        () if told.factory is not None else tuple(Path(path) for path in listed),
        tuple(Path(path) for path in custom),
        dict(input_shapes or {}),
        None if dtype == "keep" else dtype,
        source_backend,
        Path(inputs) if inputs is not None else None,
        told.factory,
        told.weights,
        told.static_batch,
    )
