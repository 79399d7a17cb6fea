"""What torch saves, recognised by content: exported programs, weights, and what cannot be read and why."""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from porter.errors import Problem, SourceError, WeightsError
from porter.weights.reading import number_type, stored_tensors
from porter.weights.tensor import Stored

PROGRAM, SCRIPT, PICKLE = "exported program", "TorchScript", "pickle"

SAFER = (
    "save the weights alone, torch.save(module.state_dict(), ...) or safetensors, and name the code that "
    "builds the module: net.py:build --weights FILE"
)


def kind(path: Path) -> str:
    """What a file of torch's holds; "" where it is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04") and start[2:3] in (b"\x8a", b"\x95", b"}", b"c"):
        return PICKLE
    if start != b"PK\x03\x04":
        return ""
    names = _names(path)
    if any(name.endswith(("archive_format", "serialized_exported_program.json")) for name in names):
        return PROGRAM
    if any("/code/" in name and name.endswith(".py") for name in names):
        return SCRIPT
    return PICKLE if any(name.endswith("/data.pkl") for name in names) else ""


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []


def recognises(paths: Sequence[Path]) -> bool:
    """Whether these are torch's; also where reading them will be refused."""
    return len(paths) == 1 and bool(kind(paths[0]))


def load_program(path: Path) -> Any:
    """The exported program in a file, which gets no chance to run code."""
    found = kind(path)
    if found == SCRIPT:
        raise SourceError(
            f"{path}: a TorchScript file, which torch itself no longer develops; build the module in "
            "Python and give it as net.py:build, or save it with "
            "torch.export.save(torch.export.export(module, inputs), FILE.pt2)"
        )
    if found == PICKLE:
        raise SourceError(f"{path}: holds weights (or a pickled module), and no program: {SAFER}")
    _refuse_objects(path)
    import torch

    with _weights_only():
        try:
            return torch.export.load(path)
        except (RuntimeError, ValueError, KeyError, AttributeError, AssertionError, OSError) as fault:
            words = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
            raise SourceError(
                f"{path}: torch {torch.__version__} cannot load this exported program: {words}"
            ) from fault


def _refuse_objects(path: Path) -> None:
    """Objects other than tensors are pickles, which run code when they are loaded."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        odd = [name for name in names if "custom_obj" in name or "opaque_obj" in name]
        for name in names:
            if name.endswith("_config.json"):
                table = json.loads(archive.read(name)).get("config", {})
                odd += [key for key, row in table.items() if isinstance(row, dict) and row.get("use_pickle")]
    if odd:
        raise SourceError(
            f"{path}: holds pickled objects ({', '.join(odd[:3])}), which could run code when loaded; only "
            "tensors are read"
        )


@contextmanager
def _weights_only() -> Iterator[None]:
    """Torch's own switch: whatever a call says, nothing but tensors is unpickled."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def weights_of(path: Path) -> dict[str, Stored]:
    """The tensors of a weights file by key; pickles only where they hold nothing else."""
    if kind(path) == PICKLE:
        return _pickled(path)
    if kind(path):
        raise SourceError(f"{path}: a {kind(path)}, where a file of weights is wanted")
    return stored_tensors(path)


def _pickled(path: Path) -> dict[str, Stored]:
    import pickle

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as fault:
        raise SourceError(
            f"{path}: a pickle with more than tensors in it, which is not loaded: {SAFER}"
        ) from fault
    for name in ("state_dict", "model", "model_state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
            break
    if not isinstance(found, Mapping) or not all(isinstance(part, torch.Tensor) for part in found.values()):
        raise SourceError(f"{path}: holds no state dict, that is, a dict of tensors: {SAFER}")
    return {str(key): stored(str(path), str(key), tensor) for key, tensor in found.items()}


def stored(file: str, key: str, tensor: Any) -> Stored:
    """A tensor in memory (or mapped into it), read when it is needed."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Stored(file, key, tuple(tensor.shape), dtype, partial(array, tensor))


def array(tensor: Any) -> np.ndarray:
    """A tensor's numbers as NumPy holds them."""
    import torch

    plain = tensor.detach().cpu().contiguous()
    if plain.dtype is torch.bfloat16:
        return np.asarray(plain.view(torch.int16).numpy().view(number_type("bfloat16")))
    return np.asarray(plain.numpy())


def fill(module: Any, weights: Mapping[str, Stored], file: str) -> dict[str, str]:
    """Copies the weights into the module, one at a time; what does not fit is listed.

    Returned are keys of the module that the file holds under another name, as their tensor is shared.
    """
    own = module.state_dict(keep_vars=True)
    shared = _shared(own, weights)
    wanted = {key for key in own if not key.endswith("num_batches_tracked") or key in weights}
    missing = sorted(wanted - set(weights) - set(shared))
    surplus = sorted(set(weights) - set(own))
    problems = [Problem(key, "is missing in the file") for key in missing]
    problems += [Problem(key, "is in the file, and not in the module") for key in surplus]
    problems += [
        Problem(key, f"is {list(weights[key].shape)} in the file, and {list(own[key].shape)} in the module")
        for key in sorted(wanted & set(weights))
        if tuple(own[key].shape) != weights[key].shape
    ]
    if problems:
        raise WeightsError(
            f"{file}: {len(problems)} array(s) do not fit the module{_prefixed(own, weights)}", problems
        )
    _copy(own, weights)
    return shared


def _shared(own: Mapping[str, Any], weights: Mapping[str, Stored]) -> dict[str, str]:
    """Keys that the file leaves out, as another key's tensor is the very same."""
    named: dict[int, str] = {}
    for key, tensor in own.items():
        if key in weights:
            named.setdefault(id(tensor), key)
    return {
        key: named[id(tensor)] for key, tensor in own.items() if key not in weights and id(tensor) in named
    }


def _prefixed(own: Mapping[str, Any], weights: Mapping[str, Stored]) -> str:
    for prefix in ("module.", "model.", "_orig_mod."):
        if (
            weights
            and all(key.startswith(prefix) for key in weights)
            and not any(k.startswith(prefix) for k in own)
        ):
            return f" (all its keys begin with {prefix!r}: save the state dict of the inner module)"
    return ""


def _copy(own: Mapping[str, Any], weights: Mapping[str, Stored]) -> None:
    import torch

    with torch.no_grad():
        for key, tensor in own.items():
            if key in weights:
                numbers: Callable[[], np.ndarray] = weights[key].read
                tensor.copy_(_tensor(numbers()))


def _tensor(numbers: np.ndarray) -> Any:
    import torch

    if numbers.dtype.name == "bfloat16":
        return torch.from_numpy(np.array(numbers).view("int16")).view(torch.bfloat16)
    return torch.from_numpy(np.array(numbers))
