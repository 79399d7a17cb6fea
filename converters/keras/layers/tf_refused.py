"""Functions of TensorFlow that are not carried, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from converters.keras.rules import rules


def _refuse(names: Sequence[str], because: str) -> None:
    rules.cannot_read(*(("tf", name) for name in names), because=because)


_refuse(
    ("boolean_mask", "unique", "unique_with_counts", "math.bincount", "dynamic_partition"),
    "how many numbers it gives depends on the numbers it gets, so that its size is not known",
)
_refuse(
    ("py_function", "numpy_function", "map_fn", "while_loop", "cond", "scan", "vectorized_map"),
    "it is given Python functions, which a file does not hold",
)
_refuse(
    (
        "nn.dropout",
        "random.normal",
        "random.truncated_normal",
        "random.uniform",
        "random_normal",
        "random_uniform",
        "truncated_normal",
    ),
    "it draws new numbers in inference too; a port cannot repeat them",
)
rules.cannot_read(
    "ClassMethod",
    "InstanceMethod",
    "InstanceProperty",
    because="it is a part of a ragged or sparse tensor, which are not carried",
)
