"""The files of a Keras bundle, written without Keras: weights one array at a time, JSON, and the archive."""

from __future__ import annotations

import datetime
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from porter.dataclass import dataclass
from porter.weights.files import Progress
from porter.weights.tensor import Tensor
from porter.workers import Job, start

WEIGHTS, ARCHITECTURE, ARCHIVE = "model.weights.h5", "model.json", "model.keras"

KERAS_VERSION = "3.15.1"
"""The Keras in whose words the config is; others of generation 3 read it as well."""

MOMENT = (1980, 1, 1, 0, 0, 0)
"""The date of files in the archive: the same model gives the same bytes."""

CHUNK = 16 << 20

SAVED_MODEL = "saved_model"


@dataclass(frozen=True)
class SavedModel:
    """Writes a TensorFlow SavedModel: TensorFlow itself does, in a process of its own."""

    def __call__(self, path: Path) -> None:
        told = {"bundle": str(path.parent.resolve()), "saved_model": str(path.resolve())}
        job = Job("converters.keras.export", {**told, "label": "SavedModel"}, ())
        with start(job) as worker:
            worker.feed([])
            worker.result()


def write_weights(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None = None) -> None:
    """A weight file as Keras has it: an array `layers.conv2d.vars.0` in groups of these names."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_group("vars")
        file.require_group("layers")
        for place, (key, tensor) in enumerate(tensors.items()):
            if progress is not None:
                progress("writing weights", place, len(tensors))
            array = tensor.read()
            dataset = file.create_dataset(key.replace(".", "/"), data=array)
            if array.dtype.name == "bfloat16":
                dataset.attrs["dtype"] = "bfloat16"


@dataclass(frozen=True)
class JsonFile:
    """Writes `model.json`."""

    config: Mapping[str, Any]

    def __call__(self, path: Path) -> None:
        path.write_text(json.dumps(self.config) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Archive:
    """Writes `model.keras`, for which the weights already lie beside it."""

    config: Mapping[str, Any]

    def __call__(self, path: Path) -> None:
        date = datetime.datetime(*MOMENT).strftime("%Y-%m-%d@%H:%M:%S")
        told = {"keras_version": KERAS_VERSION, "date_saved": date}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("metadata.json", MOMENT), json.dumps(told))
            archive.writestr(zipfile.ZipInfo("config.json", MOMENT), json.dumps(self.config))
            member = zipfile.ZipInfo(WEIGHTS, MOMENT)
            size = (path.parent / WEIGHTS).stat().st_size
            member.file_size = size
            with (path.parent / WEIGHTS).open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, CHUNK)
