"""Weights of JAX models, recognised by content, as one flat table keyed by dotted paths."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from porter.errors import Problem, SourceError, WeightsError
from porter.weights.reading import number_type, stored_tensors
from porter.weights.tensor import Stored


def owns(model: object) -> bool:
    """Whether an object is a live model of JAX's; whoever holds one has imported JAX.

    An NNX module, a Linen module with its variables (a pair, or bound), or a function with its parameters.
    """
    if "jax" not in sys.modules:
        return False
    if isinstance(model, tuple):
        return len(model) == 2 and (callable(model[0]) or _is_flax(model[0])) and _has_arrays(model[1])
    return _is_flax(model)


def _is_flax(model: object) -> bool:
    return any(
        kind.__module__.startswith("flax.") and kind.__name__ == "Module" for kind in type(model).__mro__
    )


def _has_arrays(tree: object) -> bool:
    leaves = sys.modules["jax"].tree_util.tree_leaves(tree)
    return all(hasattr(leaf, "shape") or isinstance(leaf, (int, float)) for leaf in leaves)


def weights_of(path: Path) -> dict[str, Stored]:
    """The arrays of a weights file or checkpoint by key."""
    if path.is_dir():
        return _orbax(path)
    found = _npz(path) if path.is_file() and zipfile.is_zipfile(path) else stored_tensors(path)
    if not found:
        raise SourceError(f"{path}: holds no arrays; pickles are never read, save theirs with numpy.savez")
    return found


def _npz(path: Path) -> dict[str, Stored]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except (ValueError, OSError) as fault:
        raise SourceError(f"{path}: not an archive of plain arrays: {fault}") from fault
    return {_dotted(name): stored(str(path), _dotted(name), array) for name, array in found.items()}


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _orbax(path: Path) -> dict[str, Stored]:
    """A checkpoint folder, which only Orbax reads."""
    try:
        import orbax.checkpoint as ocp
    except ImportError as missing:
        raise SourceError(
            f"{path}: a folder; reading it as a checkpoint needs Orbax ({missing})"
        ) from missing
    import jax

    found = _checkpoint(path)
    try:
        with ocp.PyTreeCheckpointer() as checkpointer:
            tree = checkpointer.restore(found.absolute())
    except (ValueError, FileNotFoundError, KeyError, TypeError) as fault:
        raise SourceError(f"{path}: Orbax cannot read this folder: {_first_line(fault)}") from fault
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    arrays = {key_of(where): leaf if hasattr(leaf, "shape") else np.asarray(leaf) for where, leaf in leaves}
    return {key: stored(str(path), key, array) for key, array in arrays.items()}


def _checkpoint(path: Path) -> Path:
    """The checkpoint itself: managers keep it in a folder for each step, and there under a name."""
    if (path / "_METADATA").exists():
        return path
    inner = sorted(file.parent for depth in ("*", "*/*") for file in path.glob(f"{depth}/_METADATA"))
    if len(inner) > 1:
        raise SourceError(f"{path}: holds several checkpoints; name one: {', '.join(map(str, inner[:5]))}")
    return inner[0] if inner else path


def _first_line(fault: BaseException) -> str:
    return str(fault).splitlines()[0] if str(fault) else type(fault).__name__


def key_of(where: Iterable[Any]) -> str:
    """A path in a tree as words joined by dots; the `value` of a variable is the variable."""
    words = []
    for step in where:
        word = next(getattr(step, name) for name in ("key", "idx", "name") if hasattr(step, name))
        words.append(str(word))
    if len(words) > 1 and words[-1] == "value":
        words.pop()
    return ".".join(words).replace("/", ".")


def stored(file: str, key: str, array: Any) -> Stored:
    """An array in memory, read when it is needed."""
    return Stored(file, key, tuple(map(int, array.shape)), str(array.dtype), partial(_numbers, array))


def _numbers(array: Any) -> np.ndarray:
    found = np.array(array)
    return found.view(number_type("bfloat16")) if found.dtype.name == "bfloat16" else found


def fitted(arrays: Mapping[str, Any], weights: Mapping[str, Stored], file: str) -> dict[str, Stored]:
    """The file's array for each of the model's; what does not fit is listed, all of it at once."""
    names = _names(arrays, weights)
    problems = [Problem(key, "is missing in the file") for key in arrays if names[key] not in weights]
    known = set(names.values())
    problems += [
        Problem(key, "is in the file, and not in the model")
        for key in weights
        if key not in known and not _is_random(key) and not _is_training(key)
    ]
    problems += [
        Problem(
            key, f"is {_shown(weights[name].shape)} in the file, and {_shown(arrays[key].shape)} in the model"
        )
        for key, name in names.items()
        if name in weights and tuple(arrays[key].shape) != weights[name].shape
    ]
    if problems:
        raise WeightsError(
            f"{file}: {len(problems)} array(s) do not fit the model", sorted(problems, key=str)
        )
    return {key: weights[name] for key, name in names.items()}


def _names(arrays: Mapping[str, Any], weights: Mapping[str, Stored]) -> dict[str, str]:
    """The model's keys as the file has them: with or without the name of the collection in front."""
    for change in (_same, _without, _with):
        names = {key: change(key) for key in arrays}
        if any(name in weights for name in names.values()):
            return names
    return {key: key for key in arrays}


def _same(key: str) -> str:
    return key


def _without(key: str) -> str:
    return key.removeprefix("params.")


def _with(key: str) -> str:
    return f"params.{key}"


def _is_random(key: str) -> bool:
    """State of a stream of random numbers, which inference does without."""
    return ".rngs." in f".{key}" or key.endswith((".count", ".key"))


def _is_training(key: str) -> bool:
    """What a training state holds beside the model's arrays: counters, and what its optimizer remembers."""
    return key.split(".")[0] in ("opt_state", "optimizer", "step", "tx")


def _shown(shape: Iterable[Any]) -> str:
    return str([int(size) for size in shape])


def nested(weights: Mapping[str, Stored]) -> Any:
    """Dotted keys as nested maps; a map whose keys count 0, 1, 2 ... is a list."""
    tree: dict[str, Any] = {}
    for key, array in weights.items():
        *where, last = key.split(".")
        room = tree
        for word in where:
            room = room.setdefault(word, {})
        room[last] = array
    return _listed(tree)


def _listed(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    inner = {key: _listed(part) for key, part in tree.items()}
    if inner and set(inner) == {str(place) for place in range(len(inner))}:
        return [inner[str(place)] for place in range(len(inner))]
    return inner


def leaves_of(tree: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a tree with their keys."""
    import jax

    for where, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        yield key_of(where), leaf
