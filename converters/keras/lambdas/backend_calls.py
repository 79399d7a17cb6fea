"""The functions of `keras.backend` by name, and those of them that are operations of `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from converters.keras.layer import LayerCall
from porter.graph.model import Value


class Caller:
    """What the functions here work with: `world.KerasWorld`."""

    layer: LayerCall

    def operation(self, class_name: str, *arguments: Any, **named: Any) -> Any:
        """One operation of `keras.ops`."""
        raise NotImplementedError

    def layer_rule(self, class_name: str, config: Mapping[str, Any], *inputs: Value) -> Any:
        """One layer without weights."""
        raise NotImplementedError


Function = Callable[..., Any]
FUNCTIONS: dict[str, Function] = {}
METHODS: dict[str, Function] = {}

SAME_ARGUMENTS: Mapping[str, str] = {
    "abs": "Absolute",
    "all": "All",
    "any": "Any",
    "argmax": "Argmax",
    "argmin": "Argmin",
    "cast": "Cast",
    "cos": "Cos",
    "cumprod": "Cumprod",
    "cumsum": "Cumsum",
    "equal": "Equal",
    "exp": "Exp",
    "greater": "Greater",
    "greater_equal": "GreaterEqual",
    "less": "Less",
    "less_equal": "LessEqual",
    "log": "Log",
    "logsumexp": "Logsumexp",
    "max": "Max",
    "maximum": "Maximum",
    "mean": "Mean",
    "min": "Min",
    "minimum": "Minimum",
    "not_equal": "NotEqual",
    "prod": "Prod",
    "pow": "Power",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "square": "Square",
    "std": "Std",
    "stop_gradient": "StopGradient",
    "sum": "Sum",
    "tanh": "Tanh",
    "transpose": "Transpose",
    "var": "Var",
}
"""Backend functions that are operations of `keras.ops` under another name."""

SWITCHES = ("argmax", "argmin")


def _same(class_name: str, name: str) -> Function:
    usual = {"axis": -1} if name in SWITCHES else {}

    def call(world: Caller, *arguments: Any, **named: Any) -> Any:
        if "keepdims" not in named and "keep_dims" in named:
            named["keepdims"] = named.pop("keep_dims")
        return world.operation(class_name, *arguments, **(usual if len(arguments) < 2 else {}) | named)

    return call


for _name, _class_name in SAME_ARGUMENTS.items():
    FUNCTIONS[_name] = _same(_class_name, _name)
for _name in (
    "sum",
    "mean",
    "max",
    "min",
    "prod",
    "std",
    "var",
    "argmax",
    "argmin",
    "astype",
    "transpose",
    "all",
    "any",
):
    METHODS[_name] = FUNCTIONS.get(_name, FUNCTIONS["cast"])


def function(*names: str) -> Callable[[Function], Function]:
    """Mark a rule as the meaning of these functions of the backend."""

    def mark(rule: Function) -> Function:
        for name in names:
            FUNCTIONS[name] = rule
        return rule

    return mark
