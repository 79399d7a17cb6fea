"""While a model is traced: every operation is told which module it stands in, and known layers stay whole."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from converters.jax.reading.leaves import ARRAYS, bound, is_traced, whole
from converters.jax.reading.origins import Module

_ONE_AT_A_TIME = threading.RLock()
"""Classes are changed while NNX modules are traced, so that two threads must not trace at once."""


@contextmanager
def nnx_watched(module: Any, *, layers: bool = True) -> Iterator[None]:
    """Watches the calls of an NNX module and of all modules inside it, in this thread."""
    from flax import nnx

    with _ONE_AT_A_TIME:
        paths = _paths(module)
        kinds = {type(part) for _, part in nnx.iter_modules(module) if callable(part)}
        plain = {kind: kind.__call__ for kind in kinds}
        own = {kind: "__call__" in vars(kind) for kind in kinds}
        known = {getattr(nnx, name).__call__: name for name in ARRAYS} if layers else {}
        seen = _Seen(paths)
        for kind, call in plain.items():
            kind.__call__ = seen.showing(call, known.get(call))
        try:
            yield
        finally:
            for kind, call in plain.items():
                if own[kind]:
                    kind.__call__ = call
                else:
                    del kind.__call__


def _paths(module: Any) -> dict[int, str]:
    """The path of every module; those of a Sequential are numbered, whatever it calls its list."""
    from flax import nnx

    sequences = {path for path, part in nnx.iter_modules(module) if isinstance(part, nnx.Sequential)}
    found = {}
    for path, part in nnx.iter_modules(module):
        kept = [word for k, word in enumerate(path) if not (word == "layers" and path[:k] in sequences)]
        found[id(part)] = ".".join(map(str, kept))
    return found


class _Seen:
    """The calls of one trace."""

    def __init__(self, paths: dict[int, str]) -> None:
        self.paths = paths
        self.thread = threading.get_ident()
        self.calls: Counter[str] = Counter()
        self.active: list[int] = []

    def showing(self, call: Callable[..., Any], known: str | None) -> Callable[..., Any]:
        """The call of a class, marked."""
        import jax

        def shown(module: Any, *args: Any, **kwargs: Any) -> Any:
            path = self.paths.get(id(module))
            inner = bool(self.active) and self.active[-1] == id(module)
            if inner or threading.get_ident() != self.thread:
                return call(module, *args, **kwargs)
            mark = None if path is None else Module(path, type(module).__name__, self.calls[path])
            self.calls[path or ""] += 1
            self.active.append(id(module))
            try:
                with nullcontext() if mark is None else jax.named_scope(mark.tag):  # transforms copy modules
                    found = call(module, *args, **kwargs)
                    if known is None:
                        return found
                    arrays = {name: _value(getattr(module, name, None)) for name in ARRAYS[known]}
                    return whole(known, module, arrays, args, kwargs, found)
            finally:
                self.active.pop()

        return shown


def _value(variable: Any) -> Any:
    return None if variable is None else variable[...]


@contextmanager
def linen_watched(layers: bool) -> Iterator[None]:
    """Watches the calls of all Linen modules; Flax has a door for this."""
    import jax
    from flax import linen

    known = {getattr(linen, name): name for name in ARRAYS} if layers else {}
    calls: Counter[str] = Counter()

    def seen(inner: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        if context.method_name != "__call__":
            return inner(*args, **kwargs)
        module = context.module
        path = ".".join(map(str, module.path))
        mark = Module(path, type(module).__name__, calls[path])
        calls[path] += 1
        with jax.named_scope(mark.tag):
            found = inner(*args, **kwargs)
            kind = known.get(type(module))
            if kind is None:
                return found
            arrays = {name: _variable(module, name) for name in ARRAYS[kind]}
            return whole(kind, module, arrays, args, kwargs, found)

    with linen.intercept_methods(seen):
        yield


def _variable(module: Any, name: str) -> Any:
    for collection in ("params", "batch_stats"):
        if module.has_variable(collection, name):
            return module.get_variable(collection, name)
    return None


@contextmanager
def attention_watched(layers: bool) -> Iterator[None]:
    """JAX's own attention stays whole: Flax calls it, and so do users."""
    import jax

    if not layers:
        yield
        return
    plain = jax.nn.dot_product_attention
    thread = threading.get_ident()

    def shown(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, **told: Any) -> Any:
        found = plain(query, key, value, bias, mask, **told)
        causal, scale = told.pop("is_causal", False), told.pop("scale", None)
        told.pop("implementation", None)
        usual = bias is None and not any(
            setting is not None and setting is not False for setting in told.values()
        )
        if not usual or query.ndim != 4 or threading.get_ident() != thread or not is_traced(query):
            return found
        inputs = [query, key, value, *([] if mask is None else [mask])]
        return bound("attention", {"causal": bool(causal), "scale": scale}, inputs, {}, found)

    with _ONE_AT_A_TIME:
        jax.nn.dot_product_attention = shown
        try:
            yield
        finally:
            jax.nn.dot_product_attention = plain
