"""The arrays of a saved model and the manner in which their file names them."""

from __future__ import annotations

from collections.abc import Mapping

from converters.keras.hdf5 import Hdf5
from porter.dataclass import dataclass
from porter.weights.tensor import Stored


@dataclass(frozen=True, eq=False)
class ArrayStore:
    """Stored arrays by their path in the file.

    `layout` says how paths are made: "objects" after the tree of Python objects
    (`layers/dense/vars/0`, Keras 3 and late Keras 2), "names" by lists of layer and weight names
    (the older HDF5 format), "numbers" where arrays are only numbered (Keras 0), "none" where there is
    no file.
    """

    file: Hdf5 | None
    layout: str

    @property
    def arrays(self) -> Mapping[str, Stored]:
        """Every array of the file, by its path."""
        return self.file.arrays if self.file else {}

    @property
    def label(self) -> str:
        """The file's name, for people."""
        return self.file.label if self.file else "no weights file"

    @property
    def root(self) -> str:
        """The group under which the model's own arrays lie, with its slash."""
        whole = self.file is not None and "model_weights" in self.file.groups
        return "model_weights/" if whole else ""

    def of(self, group: str, name: str) -> Stored | None:
        """The array called `name` in the list of a "names" group."""
        return self.arrays.get(f"{self.root}{group}/{name}")


def layout_of(file: Hdf5) -> str | None:
    """How a file names its arrays, or None where it is not a file of Keras weights."""
    root = "model_weights" if "model_weights" in file.groups else ""
    if file.names(root, "layer_names") is not None:
        return "names"
    if file.attribute(root, "nb_layers") is not None or "graph/param_0" in file.arrays:
        return "numbers"
    if any(path.split("/")[-1] == "vars" for path in file.groups):
        return "objects"
    return "none" if file.text("", "model_config") is not None else None
