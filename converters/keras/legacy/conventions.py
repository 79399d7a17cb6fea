"""What the words of a Keras file mean depends on the program that ran it: all such differences, in one place.

Layer rules ask the conventions of the file's writer and never for a backend's name. How kernels lie on disk
is told in `recipes.py`; here is what the layers do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace

from converters.keras.upgrade import Writer, on_either_tensorflow, on_old_grid
from porter.dataclass import dataclass
from porter.graph.dims import Dim
from porter.numerics.convolution import same_padding

Ends = tuple[int, int]
Window = Callable[[Dim, int, int, int], Ends | None]
"""The zeros before and after an axis of some size, for a window, a stride and a dilation; None where
they depend on a size that is known only when running."""
Crop = Callable[[int, int], int]
"""From where a transposed "same" convolution keeps its result, by the window and by how many cells go."""


def shared_out(size: Dim, window: int, stride: int, dilation: int) -> Ends | None:
    """TensorFlow: as few zeros as give ceil(size / stride) cells, the smaller half in front."""
    if stride > 1 and not isinstance(size, int):
        return None
    return same_padding(size if isinstance(size, int) else 1, window, stride, dilation)


def half_in_front(size: Dim, window: int, stride: int, dilation: int) -> Ends:
    """Theano: half a window in front whatever the stride, and the result cut to ceil(size / stride) cells."""
    reach = dilation * (window - 1) + 1
    return reach // 2, (reach - 1) // 2


def smaller_half_in_front(size: Dim, window: int, stride: int, dilation: int) -> Ends:
    """Three-dimensional convolutions on Theano before Keras 1.2 put the smaller half in front."""
    reach = dilation * (window - 1) + 1
    return (reach - 1) // 2, reach // 2


def pooled_in_front(size: Dim, window: int, stride: int, dilation: int) -> Ends:
    """Theano's pooling: the padding that keeps the size at stride 1, all but one cell of it in front."""
    odd = window > 2 and window % 2 == 1
    return (window - 2, 1) if odd else (window - 1, 0)


def shared_out_crop(window: int, total: int) -> int:
    """TensorFlow: the smaller half of what goes is in front."""
    return max(total, 0) // 2


def half_window_crop(window: int, total: int) -> int:
    """Theano: half a window goes in front, whatever the sizes."""
    return window // 2


@dataclass(frozen=True)
class Conventions:
    """How one writer's backend did what the layers' words leave open."""

    turned: bool = False  # kernels of true convolutions are stored turned round in space
    padding: Window = shared_out
    padding_3d: Window = shared_out
    pooling: Window = shared_out
    crop: Crop = shared_out_crop
    caps_negative: bool = False  # relu's upper bound also holds for its negative side
    steadied_twice: bool = True  # a vector's variance and its root both get epsilon in mode 1
    old_grid: bool = False  # images get another size as TensorFlow 1 does it: cell i lies at i * scale
    either_tensorflow: bool = False  # whether TensorFlow 1 or 2 lay beneath is not known
    batch_norm: str = "inside"  # where epsilon stands: inside the root, or beside a root or a deviation
    backend: str | None = field(default=None, compare=False)  # by name, for a function that asks for it
    data_format: str | None = field(default=None, compare=False)  # that all layers agree on, for the same


TENSORFLOW = Conventions()
THEANO = Conventions(
    turned=True,
    padding=half_in_front,
    padding_3d=half_in_front,
    pooling=pooled_in_front,
    crop=half_window_crop,
    caps_negative=True,
)


def conventions(writer: Writer) -> Conventions:
    """The conventions of a file's writer. A backend that is not known counts as TensorFlow."""
    theano = writer.backend == "theano"
    found = THEANO if theano else TENSORFLOW
    if theano and writer.release < (1, 2):
        found = replace(found, padding_3d=smaller_half_in_front)
    found = replace(found, steadied_twice=writer.release >= (1, 0, 5))
    found = replace(found, old_grid=writer.generation < 3 and on_old_grid(writer))
    found = replace(found, either_tensorflow=on_either_tensorflow(writer))
    return replace(found, batch_norm=_batch_norm(writer, theano), backend=writer.backend)


def _batch_norm(writer: Writer, theano: bool) -> str:
    """(x - m) / sqrt(v + e) since 1.0.8, before / (sqrt(v) + e); what 1.0.6 stores is a true deviation."""
    if writer.release >= (1, 0, 8):
        return "inside"
    deviation = writer.release < ((1, 0, 7) if theano else (1, 0, 6))
    return "deviation" if deviation else "beside"
