"""What two preprocessing functions do differently, found in their results alone, one cause after another.

Each cause is a change of the second function's images that brings them nearer to the first's: another order
of axes or channels, a rotation, a shift, a scale and offset. It is named when it explains most of what was
left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from porter.axes import Move
from porter.checking.kernels import kernel_of, pictures
from porter.compare.heat import heat_map
from porter.dataclass import dataclass
from porter.errors import RequestError
from porter.numerics.pixels import CAFFE, DEVIATION, MEAN

Array = np.ndarray
Images = Sequence[Array]

CHANNELS_LAST = Move.parse("c h w -> h w c")

SAME = 1e-6
"""Of the range of the first function's numbers: what rounding may do."""

EXPLAINS = 0.5
"""A cause is one when what is left after it is at most this share of what was there before."""

CLOSE = 2e-3
"""How near a found scale and offset must be to a customary one to be called by its name."""

CUSTOMS: dict[str, tuple[Array, Array]] = {
    "numbers from 0 to 255 as they are": (np.ones(1), np.zeros(1)),
    "numbers scaled to 0..1": (np.ones(1) / 255, np.zeros(1)),
    "numbers scaled to -1..1": (np.ones(1) / 127.5, -np.ones(1)),
    "ImageNet's mean and deviation (torchvision)": (1 / (255 * DEVIATION), -MEAN / DEVIATION),
    "ImageNet's mean taken off (Caffe)": (np.ones(1), -CAFFE),
}
"""Customs of scaling pixels, red first: factor and offset."""

TURNS: dict[str, Callable[[Array], Array]] = {
    "upside down": lambda x: x[::-1],
    "mirrored": lambda x: x[:, ::-1],
    "turned by 180 degrees": lambda x: x[::-1, ::-1],
    "turned by 90 degrees": np.rot90,
    "turned by 270 degrees": lambda x: np.rot90(x, 3),
    "mirrored and turned by 90 degrees": lambda x: np.rot90(x[:, ::-1]),
    "mirrored and turned by 270 degrees": lambda x: np.rot90(x[:, ::-1], 3),
}

SHIFTS = [(rows, columns) for rows in range(-2, 3) for columns in range(-2, 3) if rows or columns]


@dataclass(frozen=True)
class Cause:
    """One thing that the functions do differently, and the largest difference before and without it."""

    name: str
    sentence: str
    before: float
    after: float


@dataclass(frozen=True)
class Preprocessing:
    """Everything that was found."""

    one: str
    two: str
    images: int
    causes: tuple[Cause, ...]
    left: float  # the largest difference that remains unexplained, of the range of the first's numbers
    maps: tuple[Mapping[str, Any], ...] = ()  # where the image that differs most does so, before and after

    @property
    def same(self) -> bool:
        """Whether there was nothing to explain."""
        return not self.causes and self.left <= SAME

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if self.same:
            return f"{self.one} and {self.two} do the same to all {self.images} images"
        names = ", ".join(cause.name for cause in self.causes) or "for a reason that was not found"
        rest = "" if self.left <= SAME else f"; what is left is {self.left:.1e} of the range"
        return f"{self.one} and {self.two} differ: {names}{rest}"

    def to_dict(self) -> dict[str, Any]:
        """All facts, JSON-ready."""
        causes = [asdict(cause) for cause in self.causes]
        plain = {"one": self.one, "two": self.two, "images": self.images, "left": self.left}
        told = {"same": self.same, "verdict": self.verdict, "causes": causes, "maps": list(self.maps)}
        return {"schema": 1, **plain, **told}

    def lines(self) -> list[str]:
        """For people."""
        rows = [
            f"{cause.name}: {cause.sentence} ({cause.before:.1e} -> {cause.after:.1e})"
            for cause in self.causes
        ]
        return [*rows, *([""] if rows else []), self.verdict]


def compare(one: str, two: str, files: Sequence[Path], first: Images, second: Images) -> Preprocessing:
    """What differs between two functions' images of the same files."""
    if not files:
        raise RequestError("no images were given to preprocess")
    a, b = [_plain(one, x) for x in first], [_plain(two, x) for x in second]
    hunt = _Hunt([one, two], list(files), a, b)
    before = list(_maps("as they are", files, a, b))
    hunt.run()
    after = list(_maps("with the causes taken off", files, hunt.a, hunt.b)) if hunt.causes else []
    return Preprocessing(one, two, len(files), tuple(hunt.causes), hunt.distance(), (*before, *after))


def _maps(told: str, files: Sequence[Path], a: Images, b: Images) -> Iterator[Mapping[str, Any]]:
    """Where the first image that differs does so."""
    for file, x, y in zip(files, a, b, strict=True):
        if x.shape == y.shape and x.ndim == 3 and not np.array_equal(x, y):
            heat = heat_map(x[None].astype("float64"), y[None].astype("float64"), (1, 2))
            if heat is not None:
                yield {"name": f"{file.name}, {told}", "top": heat.top, "shades": heat.shades}
            return


def _plain(who: str, image: Array) -> Array:
    """An image without a batch axis of one."""
    image = image[0] if image.ndim == 4 and len(image) == 1 else image
    if image.ndim not in (2, 3) or image.dtype.kind not in "fiub":
        raise RequestError(f"{who}: gives an array of {image.dtype} {image.shape}; an image has 2 or 3 axes")
    return image[..., None] if image.ndim == 2 else image


class _Hunt:
    """Takes the causes off one by one; `b` is brought nearer to `a` by each."""

    def __init__(self, names: list[str], files: list[Path], a: list[Array], b: list[Array]) -> None:
        self.names, self.files, self.a, self.b = names, files, a, b
        self.causes: list[Cause] = []

    def run(self) -> None:
        self._layout()
        if any(x.shape != y.shape for x, y in zip(self.a, self.b, strict=True)):
            self._sizes()
            return
        self._orientation()
        self._channels()
        self._shift()
        self._values()
        self._steps()
        self._kernel()

    def distance(self, b: Images | None = None) -> float:
        """The largest difference over all images, of the range of the first's numbers."""
        pairs = list(zip(self.a, self.b if b is None else b, strict=True))
        if any(x.shape != y.shape for x, y in pairs):
            return float("inf")
        reach = max(float(np.ptp(x)) for x in self.a) or 1.0
        return max(float(np.abs(x.astype("float64") - y).max()) for x, y in pairs) / reach

    def unlike(self, b: Images) -> float:
        """What is left of the difference, in the mean, when scales and offsets are made to fit."""
        rest = [_fitted(x, y)[2] for x, y in zip(self.a, b, strict=True)]
        return float(np.mean(rest))

    def found(self, name: str, sentence: str, b: list[Array]) -> None:
        """Enters a cause and takes it off."""
        before, self.b = self.distance(), b
        self.causes.append(Cause(name, sentence, before, self.distance()))

    def _layout(self) -> None:
        first, second = ([_channels_first(x) for x in images] for images in (self.a, self.b))
        if all(first):
            self.a = [CHANNELS_LAST.apply(x) for x in self.a]
        moved = [CHANNELS_LAST.apply(x) for x in self.b] if all(second) else self.b
        if all(first) == all(second):
            self.b = moved
            return
        ends = ("channels first", "channels last")
        which = ends if all(first) else ends[::-1]
        self.found("layout", f"{self.names[0]} puts {which[0]}, {self.names[1]} {which[1]}", moved)

    def _sizes(self) -> None:
        x, y = next((x, y) for x, y in zip(self.a, self.b, strict=True) if x.shape != y.shape)
        sentence = f"{self.names[0]} gives {x.shape}, {self.names[1]} {y.shape}: nothing else can be compared"
        self.found("size", sentence, self.b)

    def _orientation(self) -> None:
        """Some images lie differently: what cameras note in EXIF was heeded by one function alone."""
        better, told = list(self.b), []
        for place, (x, y) in enumerate(zip(self.a, self.b, strict=True)):
            rests = {"": _unlike(x, y)}
            for name, turn in TURNS.items():
                turned = turn(y)
                if turned.shape == x.shape:
                    rests[name] = _unlike(x, turned)
            best = min(rests, key=lambda name: rests[name])
            if best and rests[best] < EXPLAINS * rests[""]:
                better[place] = TURNS[best](y)
                told.append((self.files[place].name, best))
        if told:
            some = f"{len(told)} of {len(self.a)} images lie differently ({told[0][0]}: {told[0][1]})"
            why = ": one function heeds the EXIF orientation, the other does not"
            self.found("orientation", some if len(told) == len(self.a) else some + why, better)

    def _channels(self) -> None:
        count = self.a[0].shape[-1]
        if count != 3:
            return
        now = self.unlike_in_order(self.b, (0, 1, 2))
        orders = [order for order in permutations(range(3)) if order != (0, 1, 2)]
        best = min(orders, key=lambda order: self.unlike_in_order(self.b, order))
        if self.unlike_in_order(self.b, best) < EXPLAINS * now:
            reverse = "the channels are in the reverse order (RGB against BGR)"
            said = reverse if best == (2, 1, 0) else f"the channels are in the order {best} of the other's"
            self.found("channel order", said, [y[..., list(best)] for y in self.b])

    def unlike_in_order(self, b: Images, order: Sequence[int]) -> float:
        """What is left when channels are taken in this order."""
        return self.unlike([y[..., list(order)] for y in b])

    def _shift(self) -> None:
        now = self.unlike(self.b)

        def moved(shift: tuple[int, int]) -> float:
            pairs = [_overlap(x, y, shift) for x, y in zip(self.a, self.b, strict=True)]
            return float(np.mean([_unlike(x, y) for x, y in pairs]))

        best = min(SHIFTS, key=moved)
        if min(self.a[0].shape[:2]) > 8 and moved(best) < EXPLAINS * now and now > SAME:
            pairs = [_overlap(x, y, best) for x, y in zip(self.a, self.b, strict=True)]
            before = self.distance()
            self.a, self.b = [x for x, _ in pairs], [y for _, y in pairs]
            places = f"the crop is {best[0]:+d} rows and {best[1]:+d} columns away"
            sentence = f"{places}: its middle is rounded otherwise"
            self.causes.append(Cause("crop", sentence, before, self.distance()))

    def _values(self) -> None:
        if self.distance() <= SAME:
            return
        scale, offset, rest = _fitted(np.stack(self.a), np.stack(self.b))
        each = [_fitted(x, y) for x, y in zip(self.a, self.b, strict=True)]
        apart = float(np.mean([left for _, _, left in each]))
        if len(each) > 1 and apart < EXPLAINS * rest and rest > SAME:
            made = [y * s + t for y, (s, t, _) in zip(self.b, each, strict=True)]
            self.found("statistics", self._whose_statistics(), made)
            return
        made = [y * scale + offset for y in self.b]
        if self.distance(made) < EXPLAINS * self.distance():
            self.found("scale and offset", _in_words(self.names, scale, offset), made)

    def _whose_statistics(self) -> str:
        for name, images in zip(self.names, (self.a, self.b), strict=True):
            if all(abs(float(x.mean())) < 0.05 and abs(float(x.std()) - 1) < 0.05 for x in images):
                return f"{name} standardises every image by its own mean and deviation, the other does not"
        return "one function scales every image by statistics of its own, the other all images alike"

    def _steps(self) -> None:
        """Rounded to whole pixel values in one function and not in the other."""
        if self.distance() <= SAME:
            return
        steps = [_step(images) for images in (self.a, self.b)]
        if bool(steps[0]) == bool(steps[1]) or self.distance() > self._one_step():
            return
        rounded = self.names[0] if steps[0] else self.names[1]
        sentence = f"{rounded} works in whole pixel values (uint8), the other with fractions"
        self.causes.append(Cause("rounding", sentence, self.distance(), self.distance()))

    def _one_step(self) -> float:
        """What rounding to whole pixel values may do, of the range; at least the rounding of numbers."""
        steps = [_step(images) for images in (self.a, self.b)]
        reach = max(float(np.ptp(x)) for x in self.a) or 1.0
        return max(SAME, 1.01 * max(steps) / reach)

    def _kernel(self) -> None:
        if self.distance() <= self._one_step():
            return
        originals = pictures(self.files)
        told = [kernel_of(originals, images) for images in (self.a, self.b)]
        if all(told) and told[0] != told[1]:
            sentence = f"{self.names[0]} resizes by {told[0]}, {self.names[1]} by {told[1]}"
        else:
            sentence = "images are resized or decoded in another way"
        self.causes.append(Cause("resizing", sentence, self.distance(), self.distance()))


def _channels_first(image: Array) -> bool:
    return image.shape[0] in (1, 3, 4) and image.shape[-1] not in (1, 3, 4)


def _fitted(a: Array, b: Array) -> tuple[Array, Array, float]:
    """Factor and offset by channel that bring b nearest to a, and the share of a's spread that is left."""
    count = a.shape[-1]
    x = np.asarray(a, "float64").reshape(-1, count)
    y = np.asarray(b, "float64").reshape(-1, count)
    middle, other = x.mean(0), y.mean(0)
    spread = ((y - other) ** 2).mean(0)
    scale = np.where(spread > 0, ((x - middle) * (y - other)).mean(0) / np.where(spread > 0, spread, 1), 1.0)
    offset = middle - scale * other
    left = np.sqrt(((x - (y * scale + offset)) ** 2).mean())
    return scale, offset, float(left / (x.std() or 1.0))


def _unlike(a: Array, b: Array) -> float:
    return _fitted(a, b)[2]


def _overlap(a: Array, b: Array, shift: tuple[int, int]) -> tuple[Array, Array]:
    """The parts of both that show the same, when b is moved by so many rows and columns."""
    for axis, amount in enumerate(shift):
        size = a.shape[axis]
        ahead = slice(max(0, amount), size + min(0, amount))
        behind = slice(max(0, -amount), size - max(0, amount))
        a = a[ahead] if axis == 0 else a[:, ahead]
        b = b[behind] if axis == 0 else b[:, behind]
    return a, b


def _in_words(names: Sequence[str], scale: Array, offset: Array) -> str:
    """A scale and offset from the second's numbers to the first's, by the customs that they lie between."""
    for (one, (s, t)), (two, (u, v)) in product(CUSTOMS.items(), repeat=2):
        for flipped in (slice(None), slice(None, None, -1)):
            factor = np.broadcast_to(s / u, scale.shape)[flipped]
            start = np.broadcast_to(t - v * s / u, scale.shape)[flipped]
            near = np.abs(factor / scale - 1).max() < CLOSE
            size = max(1.0, float(np.abs(offset).max()))
            if near and np.abs(start - offset).max() < CLOSE * size and one != two:
                return f"{names[0]} has {one}, {names[1]} {two}"
    told = ", ".join(f"{s:.5g} x {t:+.5g}" for s, t in zip(scale, offset, strict=True))
    return f"{names[0]}'s numbers are {names[1]}'s x as {told} (by channel)"


def _step(images: Images) -> float:
    """The distance of neighbouring values where all are few and evenly spaced, as pixel values; else 0."""
    least = 0.0
    for image in images:
        for place in range(image.shape[-1]):
            values = np.unique(image[..., place].astype("float64"))
            if len(values) > 256 or len(values) < 2:
                return 0.0
            gaps = np.diff(values)
            ratio = gaps / gaps.min()
            if np.abs(ratio - np.round(ratio)).max() > 0.05:
                return 0.0
            least = max(least, float(gaps.min()))
    return least


def images_in(words: Sequence[str | Path]) -> list[Path]:
    """The image files that are named, or lie in the folders that are."""
    return [file for word in words for file in _files(Path(word))]


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise RequestError(f"{path}: no such file or folder")
    yield from sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else (path,)
