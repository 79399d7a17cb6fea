"""Dtype policies: in which type a Keras layer computes."""

from __future__ import annotations

from typing import Any

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


def policy_name(told: Any) -> str:
    """The name of a policy, as a plain string or as Keras 3 serialises it."""
    if isinstance(told, dict):
        config = told.get("config") or {}
        default = config.get("default_policy")
        if isinstance(default, (str, dict)):  # a map of policies, for layers that hold others
            return policy_name(default)
        named = config.get("name") or config.get("source_name") or config.get("dtype_policy_name")
        return str(named or "float32")
    return str(told) if told else "float32"


def compute_dtype(told: Any, override: str | None, *, is_input: bool = False) -> str:
    """The type a layer with this policy computes in; `override` replaces floating policies."""
    name = policy_name(told)
    name = name.partition("_from_")[2] or name
    dtype = _MIXED.get(name, name)
    if override is not None and is_float(dtype) and not is_input:
        return _MIXED.get(override, override)
    return dtype


def is_float(dtype: str) -> bool:
    """Whether a type holds real numbers."""
    return "float" in dtype


def is_mixed(told: Any) -> bool:
    """Whether a policy computes in another type than it stores."""
    return policy_name(told) in _MIXED
