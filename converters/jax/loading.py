"""The `load` function of generated code, for each format of weights."""

from __future__ import annotations

from collections.abc import Mapping

from porter.dataclass import dataclass
from porter.source.code import Call, Literal
from porter.source.expressions import flat
from porter.source.statements import Function, Param, Raw, Statement


@dataclass(frozen=True)
class Reading:
    """How generated code reads one format: the file, the imports, the lines that give `weights`."""

    file: str
    imports: tuple[str, ...]
    lines: str


READINGS: Mapping[str, Reading] = {
    "safetensors": Reading(
        "model.safetensors", ("from safetensors.flax import load_file",), "weights = load_file(path)"
    ),
    "h5": Reading("model.weights.h5", ("import h5py",), "weights = read_h5(path)"),
    "msgpack": Reading(
        "model.msgpack",
        ("from flax.serialization import msgpack_restore", "from flax.traverse_util import flatten_dict"),
        'weights = flatten_dict(msgpack_restore(Path(path).read_bytes()), sep=".")',
    ),
    "orbax": Reading(
        "checkpoint",
        ("import orbax.checkpoint as ocp", "from flax.traverse_util import flatten_dict"),
        'weights = flatten_dict(ocp.StandardCheckpointer().restore(Path(path).absolute()), sep=".")',
    ),
}

DOC = "The model with its weights (by default those beside this file), in inference mode."


def load_function(model: Call, weights_format: str, random: bool) -> Function:
    """`load(path=None)`; a model with random layers gets their streams of numbers."""
    reading = READINGS[weights_format]
    lines = [
        f'path = Path(__file__).with_name("{reading.file}") if path is None else path',
        reading.lines,
        f"model = nnx.eval_shape(lambda: {flat(model)})  # shapes only",
        "set_weights(model, weights)",
        *(["nnx.reseed(model, default=0)"] if random else []),
        "model.eval()",
        "return model",
    ]
    body: tuple[Statement, ...] = tuple(Raw(line) for line in lines)
    return Function("load", (Param("path", None, Literal(None)),), body, DOC)
