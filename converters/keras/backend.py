"""Which backend a model was trained on, by what its files show. Keras 1 wrote it down nowhere.

The backends compute differently with the same numbers: Theano turns convolution kernels round and pads
otherwise.
So a file is read only where its backend is known, is told by the user, or makes no difference to its layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from converters.keras.arrays import ArrayStore
from converters.keras.upgrade import Writer
from porter.dataclass import dataclass
from porter.errors import RequestError, UnsupportedModel

Certainty = Literal["told", "written", "certain", "likely", "irrelevant", "undecided"]
BACKENDS = ("theano", "tensorflow", "cntk")
AUTO = "auto"
ORDERINGS = ("th", "tf")
TITLES = {"theano": "Theano", "tensorflow": "TensorFlow", "cntk": "CNTK"}

DIFFERENT = re.compile(r"Atrous|Conv|Deconv|Separable|Depthwise|SReLU|Lambda")
"""Classes that the backends may compute differently, whatever their settings."""

NUMBERED = re.compile(r":\d+$")
ANONYMOUS = re.compile(r"(.*/)?param_\d+$")


@dataclass(frozen=True)
class Evidence:
    """One thing in the files that speaks for a backend."""

    backend: str
    says: str
    proof: bool = True


@dataclass(frozen=True)
class Backend:
    """What is known: a name (None where nothing speaks for any), how sure that is, and on what grounds."""

    name: str | None
    certainty: Certainty
    evidence: tuple[Evidence, ...] = ()

    @property
    def sentence(self) -> str:
        """For people."""
        grounds = "; ".join(item.says for item in self.evidence)
        hints = "; ".join(f"{item.says} ({TITLES.get(item.backend, item.backend)})" for item in self.evidence)
        title = TITLES.get(self.name or "", self.name)
        known = {
            "told": f"read as written on {title}, as told" + (f", though {grounds}" if grounds else ""),
            "written": f"written on {title}, as the file says",
            "certain": f"written on {title}: {grounds}",
            "likely": f"probably written on {title}: {grounds}",
            "irrelevant": (f"written on {title} ({grounds}); " if self.name and grounds else "")
            + "its layers mean the same on all backends",
            "undecided": "whether Theano or TensorFlow wrote it is not decided by what is in the files"
            + (f": {hints}" if hints else ""),
        }
        return known[self.certainty]


@dataclass(frozen=True)
class Told:
    """What the user says of a file: its backend, which way round its images lie, or that porter may guess."""

    backend: str | None = None
    ordering: str | None = None

    @property
    def guessing(self) -> bool:
        """Whether the likelier reading is wanted where nothing decides."""
        return self.backend == AUTO


def told_by(text: str | None) -> Told:
    """`theano`, `auto`, or with the ordering of images behind it: `theano:th`."""
    if text is None:
        return Told()
    backend, mark, ordering = text.partition(":")
    if (backend not in (*BACKENDS, AUTO) and (backend or not mark)) or (mark and ordering not in ORDERINGS):
        raise RequestError(
            f"--source-backend {text!r} is not one of {', '.join((*BACKENDS, AUTO))}, which may be followed "
            "by :th or :tf, the ordering of images that a layer does not write down"
        )
    return Told(backend or None, ordering or None)


def find_backend(
    config: Any, said: str | None, writer: Writer, store: ArrayStore, told: str | None
) -> Backend:
    """The backend by the user's word, the file's word, or the evidence in architecture and weights."""
    if told is not None and told != AUTO:
        return Backend(told, "told", tuple(_against(told, config, said, writer, store)))
    if said is not None:
        if writer.generation < 3 and said not in BACKENDS:
            raise UnsupportedModel(
                f"it says that it was written on {said!r:.40}, of which it is not known how it computed; "
                "--source-backend tensorflow reads it as written on TensorFlow"
            )
        return Backend(said, "written")
    if writer.generation > 1:
        return _of_keras_2(config, writer, store, told)
    evidence = tuple(_evidence(config, writer, store))
    proofs = {item.backend for item in evidence if item.proof}
    if not matters(config, writer):
        known = tuple(item for item in evidence if item.proof and len(proofs) == 1)
        return Backend(known[0].backend if known else None, "irrelevant", known)
    if len(proofs) == 1:
        (name,) = proofs
        return Backend(
            name, "certain", tuple(item for item in evidence if item.backend == name and item.proof)
        )
    likely = {item.backend for item in evidence}
    if not proofs and "theano" in likely and writer.release < (1, 1):
        evidence = tuple(item for item in evidence if item.backend == "theano")
        return Backend("theano", "likely", evidence)
    if told == AUTO and evidence:
        return Backend(evidence[0].backend, "likely", evidence)
    return Backend(None, "undecided", evidence)


def _of_keras_2(config: Any, writer: Writer, store: ArrayStore, told: str | None) -> Backend:
    """Keras 2 wrote its backend down, and somebody took that out; TensorFlow's own Keras leaves it out."""
    foreign = tuple(item for item in _by_names(store) if item.backend == "theano")
    if writer.generation == 2 and foreign and matters(config, writer):
        return Backend("theano", "likely", foreign) if told == AUTO else Backend(None, "undecided", foreign)
    own = Evidence("tensorflow", "TensorFlow's own Keras names no backend")
    return Backend("tensorflow", "certain", (own,))


def _against(
    told: str, config: Any, said: str | None, writer: Writer, store: ArrayStore
) -> Iterator[Evidence]:
    """What in the files contradicts the user."""
    if said not in (None, told):
        yield Evidence(said or "", f"the file itself says {said}")
    if writer.generation < 2:
        evidence = _evidence(config, writer, store)
        yield from (item for item in evidence if item.proof and item.backend != told)


def require_backend(backend: Backend, label: str) -> None:
    """Refuse files that would be read in one of two ways by chance."""
    if backend.certainty != "undecided":
        return
    contrary = "; ".join(f"{item.says} ({TITLES[item.backend]})" for item in backend.evidence)
    found = f"what there is does not decide it: {contrary}" if contrary else "nothing in the files shows it"
    raise UnsupportedModel(
        f"{label}: it was written by Keras on Theano or on TensorFlow, which compute its layers differently, "
        f"and {found}; say which with --source-backend theano or --source-backend tensorflow (auto takes the "
        "likelier one), or give recorded inputs x0, ... and predictions y0, ... with --inputs FILE.npz"
    )


def matters(config: Any, writer: Writer) -> bool:
    """Whether any layer means something else on another backend."""
    layers = list(_layers(config))
    classes = {layer["class_name"] for layer in layers}
    named = any(DIFFERENT.match(name) for name in classes)
    padded = any(
        "Pooling" in layer["class_name"]
        and "same" in (layer["config"].get("border_mode"), layer["config"].get("padding"))
        for layer in layers
    )
    computed = any(layer["config"].get("mode_type", "raw") != "raw" for layer in layers)
    normed = "BatchNormalization" in classes and writer.release[:3] == (1, 0, 6)
    return named or padded or computed or normed


def _evidence(config: Any, writer: Writer, store: ArrayStore) -> Iterator[Evidence]:
    yield from _by_names(store)
    yield from _by_layers(config)
    orderings = {str(layer["config"].get("dim_ordering")) for layer in _layers(config)} & {"th", "tf"}
    if len(orderings) == 1:
        (ordering,) = orderings
        backend = {"th": "theano", "tf": "tensorflow"}[ordering]
        yield Evidence(backend, f"its dim_ordering is {ordering!r}, that backend's own", False)
    if writer.release < (1, 1):
        yield Evidence("theano", "Keras before 1.1 ran on Theano unless it was set otherwise", False)
    else:
        yield Evidence("tensorflow", "Keras since 1.1 ran on TensorFlow unless it was set otherwise", False)


def _by_names(store: ArrayStore) -> Iterator[Evidence]:
    """TensorFlow numbers the outputs of its variables: `dense_1_W:0`."""
    listed = _array_names(store)
    names = [name for name in listed if not ANONYMOUS.match(name)]
    if listed and not names:
        says = "its arrays have no names of their own, and TensorFlow's always have one"
        yield Evidence("theano", f"{says} ({listed[0]!r})", False)
    numbered = [name for name in names if NUMBERED.search(name)]
    if numbered:
        yield Evidence("tensorflow", f"its arrays are named as TensorFlow names variables ({numbered[0]!r})")
    if len(numbered) < len(names):
        plain = next(name for name in names if not NUMBERED.search(name))
        yield Evidence(
            "theano", f"its arrays lack the ':0' that TensorFlow puts behind every name ({plain!r})"
        )


def _array_names(store: ArrayStore) -> Sequence[str]:
    if store.file is None or store.layout != "names":
        return []
    root = store.root
    layers = store.file.names(root.rstrip("/"), "layer_names") or []
    return [
        name
        for layer in layers
        if root + layer in store.file.groups
        for name in store.file.names(root + layer, "weight_names") or []
    ]


def _by_layers(config: Any) -> Iterator[Evidence]:
    """What only one backend could do at all."""
    for layer in _layers(config):
        name = layer["config"].get("name")
        if layer["class_name"] == "SeparableConvolution2D":
            yield Evidence(
                "tensorflow", f"layer {name!r} is a SeparableConvolution2D, which Theano did not have"
            )
        if layer["config"].get("border_mode") == "full":
            yield Evidence("theano", f"layer {name!r} has border_mode 'full', which only Theano knew")


def _layers(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
            yield value
        for item in value.values():
            yield from _layers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _layers(item)
