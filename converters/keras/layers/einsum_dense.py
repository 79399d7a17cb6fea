"""EinsumDense: a linear layer wherever the equation says one, else the sum of products itself."""

from __future__ import annotations

from math import prod
from string import ascii_letters

from converters.keras.layer import LayerCall
from converters.keras.layers.activation import activate
from converters.keras.layers.quantised import dequantised
from converters.keras.rules import rules
from porter.dataclass import dataclass
from porter.graph.dims import Dim
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.linear import Einsum, Linear
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept


@dataclass(frozen=True)
class _Terms:
    """An equation with a letter for every axis, and what is known of the sizes."""

    given: str
    kernel: str
    result: str
    elided: str  # letters that stand for `...`
    behind: bool  # the elided axes come last, not first
    bias: str  # letters along which the bias differs
    sizes: dict[str, Dim]

    def shape(self, letters: str) -> tuple[int, ...]:
        """Sizes that must be known."""
        return tuple(int(str(self.sizes[letter])) for letter in letters)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """As Keras stores it: from the first axis along which it differs to the last."""
        own = self.result[: -len(self.elided)] if self.behind and self.elided else self.result
        first = min(own.find(letter) for letter in self.bias)
        sizes = [self.shape(letter)[0] if letter in self.bias else 1 for letter in own[first:]]
        return (*sizes, *(1 for _ in self.elided)) if self.behind else tuple(sizes)

    @property
    def contracted(self) -> str:
        return "".join(letter for letter in self.given if letter not in self.result)

    @property
    def new(self) -> str:
        return "".join(letter for letter in self.result if letter not in self.given)

    @property
    def is_linear(self) -> bool:
        """The last axes of the input are summed over, and others stand in their place."""
        lead = self.given[: len(self.given) - len(self.contracted)]
        behind = self.given == lead + self.contracted and self.result == lead + self.new
        return behind and bool(self.new) and bool(lead) and set(self.kernel) == {*self.contracted, *self.new}


@rules.reads("EinsumDense")
def read_einsum_dense(layer: LayerCall) -> Value:
    terms = _terms(layer)
    layer = dequantised(layer, "kernel", terms.shape(terms.kernel), terms.bias_shape if terms.bias else None)
    value = _linear(layer, terms) if terms.is_linear and terms.contracted else _products(layer, terms)
    return activate(layer, value, layer.config.get("activation"))


def _terms(layer: LayerCall) -> _Terms:
    equation = str(layer.config["equation"]).replace(" ", "")
    given, _, rest = equation.partition(",")
    kernel, _, result = rest.partition("->")
    rank = layer.value.rank
    count = rank - len(given.replace("...", ""))
    free = [letter for letter in ascii_letters if letter not in equation]
    elided = "".join(free[:count]) if "..." in given else ""
    behind = given.endswith("...")
    given, result = (term.replace("...", elided) for term in (given, result))
    if len(given) != rank:
        raise layer.refuse(f"its equation {equation} does not fit an input of {rank} axes")
    sizes: dict[str, Dim] = dict(zip(given, layer.value.shape, strict=True))
    told = layer.config["output_shape"]
    partial = [told] if isinstance(told, int) else list(told)
    # what the config says begins after the batch and, where `...` comes first, after what that stands for
    start = max(len(elided), 1) if not behind else 1
    for letter, size in zip(result[start:], partial, strict=False):
        if size is not None:
            sizes[letter] = int(size)
    _check(layer, kernel, sizes)
    return _Terms(given, kernel, result, elided, behind, layer.config.get("bias_axes") or "", sizes)


def _check(layer: LayerCall, kernel: str, sizes: dict[str, Dim]) -> None:
    unknown = [letter for letter in kernel if not isinstance(sizes.get(letter), int)]
    if unknown:
        raise layer.refuse(
            f"the size of axis {unknown[0]!r} of its kernel, in {layer.config['equation']}, is not known"
        )


def _linear(layer: LayerCall, terms: _Terms) -> Value:
    """Several axes summed over, or made, are one for the time being."""
    inputs, outputs = (prod(terms.shape(letters)) for letters in (terms.contracted, terms.new))
    move = f"{_axes(terms.kernel)} -> ({_axes(terms.new)}) ({_axes(terms.contracted)})"
    params: dict[str, Param] = {"weight": layer.weight("kernel", terms.shape(terms.kernel), move)}
    lead = [Kept(axis) for axis in range(len(terms.given) - len(terms.contracted))]
    whole = set(terms.bias) == set(terms.new)
    if terms.bias and whole:
        params["bias"] = layer.weight("bias", terms.bias_shape, f"{_axes(terms.new)} -> ({_axes(terms.new)})")
    given, several = layer.value, len(terms.new) > 1 or (terms.bias and not whole)
    if not several and len(terms.contracted) == 1:
        return layer.add(Linear(inputs, outputs), given, **params)
    with layer.part("linear"):
        if len(terms.contracted) > 1:
            given = layer.add(Reshape((*lead, inputs)), given)
        value = layer.add(Linear(inputs, outputs), given, **params)
        if len(terms.new) > 1:
            value = layer.add(Reshape((*lead, *terms.shape(terms.new))), value)
    return value if whole else _biased(layer, value, terms)


def _products(layer: LayerCall, terms: _Terms) -> Value:
    kernel = layer.variable("kernel", terms.shape(terms.kernel))
    with layer.part("products"):
        value = layer.add(Einsum(f"{terms.given},{terms.kernel}->{terms.result}"), layer.value, kernel)
    return _biased(layer, value, terms)


def _biased(layer: LayerCall, value: Value, terms: _Terms) -> Value:
    if not terms.bias:
        return value
    bias = layer.variable("bias", terms.bias_shape)
    with layer.part("sum"):
        return layer.add(Binary("add"), value, bias)


def _axes(letters: str) -> str:
    """Letters as an axis string."""
    return " ".join(letters)
