"""An exported program taken apart into plain values (`spec`): what each call computes, from what, and where
in the user's code and modules it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from converters.torch.spec import Call, Entry, Held, Meta, Module, Program, Ref, Result
from porter.errors import SourceError
from porter.graph.dims import BATCH, Dim, Sym, times
from porter.weights.tensor import Stored

Find = Callable[[str, Any], Stored]
"""The stored tensor of a key, whose live tensor is the second argument."""

WRAPPERS = {"wrap_with_set_grad_enabled": 1, "wrap_with_autocast": 4}
"""Blocks under `no_grad` or autocast are calls of an inner program, whose place in the arguments is this."""

WRITTEN = "lifted_tensor_"
"""What torch calls tensors that the code makes of plain numbers."""


def flatten(exported: Any, name: str, find: Find) -> Program:
    """The program of a `torch.export.ExportedProgram`."""
    return _Flattener(exported, find).program(name)


class _Flattener:
    def __init__(self, exported: Any, find: Find) -> None:
        self.exported, self.find = exported, find
        self.symbols: dict[str, Sym] = {}
        self.aliases: dict[str, Any] = {}
        self.parameters = set(exported.graph_signature.parameters)

    def program(self, name: str) -> Program:
        inputs: list[Entry] = []
        held: list[Held] = []
        nodes = list(self.exported.graph.nodes)
        kinds = {spec.arg.name: spec for spec in self.exported.graph_signature.input_specs if _named(spec)}
        for node in (node for node in nodes if node.op == "placeholder"):
            spec = kinds.get(node.name)
            if spec is None or spec.kind.name == "USER_INPUT":
                inputs += self._entry(node)
            elif spec.kind.name in ("PARAMETER", "BUFFER", "CONSTANT_TENSOR"):
                held.append(self._held(node.name, spec.target))
        calls = tuple(self._calls(nodes, self.exported.graph_module, ""))
        outputs, names = self._outputs(nodes[-1])
        return Program(name, tuple(inputs), tuple(held), calls, outputs, names)

    def _entry(self, node: Any) -> Iterator[Entry]:
        """An input; the symbol of the first axis of the first one is the batch."""
        given = node.meta.get("val")
        if not hasattr(given, "shape"):
            if given is None or isinstance(given, (bool, int, float, str)):
                return  # a number that was given as an example is part of the program now
            raise SourceError(f"input {node.name!r} is {type(given).__name__}, not a tensor")
        for axis, size in enumerate(given.shape):
            symbol = str(size)
            if not symbol.isdigit() and symbol not in self.symbols:
                first = not self.symbols and axis == 0
                self.symbols[symbol] = BATCH if first else Sym(f"{node.name}_{axis}")
        yield Entry(node.name, self._meta(given))

    def _held(self, name: str, key: str) -> Held:
        live = self.exported.state_dict.get(key)
        live = self.exported.constants[key] if live is None else live
        trainable = key in self.parameters and live.requires_grad
        written = key.rpartition(".")[2].startswith(WRITTEN)
        return Held(name, self.find(key, live), trainable, written)

    def _calls(self, nodes: Sequence[Any], owner: Any, prefix: str) -> Iterator[Call]:
        for node in nodes:
            if node.op == "get_attr":
                self.aliases[prefix + node.name] = _attribute(owner, node.target)
            if node.op != "call_function":
                continue
            place = WRAPPERS.get(getattr(node.target, "__name__", ""))
            if place is not None:
                yield from self._inlined(node, place, prefix)
            elif (found := self._call(node, prefix)) is not None:
                yield found

    def _inlined(self, node: Any, place: int, prefix: str) -> Iterator[Call]:
        inner = self.aliases[prefix + node.args[place].name]
        inside = f"{prefix}{node.name}."
        given = iter(node.args[place + 1 :])
        nodes = list(inner.graph.nodes)
        for part in nodes:
            if part.op == "placeholder":
                self.aliases[inside + part.name] = self._argument(next(given), prefix)
        for call in self._calls(nodes, inner, inside):
            modules = call.modules or _modules(node)
            yield replace(call, modules=modules)
        outputs = nodes[-1].args[0]
        self.aliases[prefix + node.name] = self._argument(outputs, inside)

    def _call(self, node: Any, prefix: str) -> Call | None:
        result = self._result(node.meta.get("val"))
        if result is None and type(node.meta.get("val")).__name__ == "SymFloat":
            result = self._number(node)
        if result is None and not _changed(node):
            return None  # a check, which exporting has passed
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            args: Mapping[str, Any] = {str(k): self._argument(arg, prefix) for k, arg in enumerate(node.args)}
            target = f"{node.target.__name__}.python"
            if target == "getitem.python" and isinstance(args["0"], tuple):
                self.aliases[prefix + node.name] = args["0"][args["1"]]
                return None
        else:
            args = self._bound(node, schema, prefix)
            target = str(node.target).partition(".")[2]
            if not str(node.target).startswith("aten."):
                target = str(node.target)
        return Call(prefix + node.name, target, args, result, _modules(node), _line(node), _changed(node))

    def _number(self, node: Any) -> Meta:
        """A number that is taken out of a tensor, in the tensor's own type."""
        given = [arg.meta["val"] for arg in node.all_input_nodes if hasattr(arg.meta.get("val"), "dtype")]
        kind = str(given[0].dtype).removeprefix("torch.") if given else "float64"
        return Meta((), kind)

    def _bound(self, node: Any, schema: Any, prefix: str) -> dict[str, Any]:
        args: dict[str, Any] = {}
        for place, told in enumerate(schema.arguments):
            if place < len(node.args):
                args[told.name] = self._argument(node.args[place], prefix)
            elif told.name in node.kwargs:
                args[told.name] = self._argument(node.kwargs[told.name], prefix)
            elif told.has_default_value():
                args[told.name] = self._argument(told.default_value, prefix)
        return args

    def _argument(self, arg: Any, prefix: str) -> Any:
        if isinstance(arg, (list, tuple)):
            return tuple(self._argument(part, prefix) for part in arg)
        if hasattr(arg, "op") and hasattr(arg, "all_input_nodes"):
            name = prefix + arg.name
            alias = self.aliases.get(name)
            return alias if isinstance(alias, (Ref, tuple)) else Ref(name)
        if arg is None or isinstance(arg, (bool, int, float, complex, str)):
            return arg
        text = str(arg)
        return text.removeprefix("torch.") if text.startswith("torch.") else text

    def _result(self, found: Any) -> Result:
        if isinstance(found, (list, tuple)):
            return tuple(self._result(part) for part in found)
        if hasattr(found, "shape"):
            return self._meta(found)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        return self._size(found) if type(found).__name__ == "SymInt" else None

    def _meta(self, tensor: Any) -> Meta:
        shape = tuple(self._size(size) for size in tensor.shape)
        return Meta(shape, str(tensor.dtype).removeprefix("torch."))

    def _size(self, size: Any) -> Dim:
        text = str(size)
        if text.isdigit():
            return int(text)
        if text in self.symbols:
            return self.symbols[text]
        return self._expression(text)

    def _expression(self, text: str) -> Dim:
        """`7*s77` as a size; what is more than a multiple keeps torch's own words."""
        factors = text.split("*")
        if all(factor.isdigit() or factor in self.symbols for factor in factors):
            found: Dim = 1
            for factor in sorted(factors, key=str.isdigit):
                found = times(found, self.symbols[factor] if factor in self.symbols else int(factor))
            return found
        return Sym(re.sub(r"[a-z]+\d+", lambda match: str(self.symbols.get(match[0], match[0])), text))

    def _outputs(self, node: Any) -> tuple[tuple[Ref, ...], tuple[str, ...]]:
        specs = self.exported.graph_signature.output_specs
        pairs = zip(node.args[0], specs, strict=True)
        listed = [self._argument(arg, "") for arg, spec in pairs if spec.kind.name == "USER_OUTPUT"]
        names = output_names(self.exported.call_spec.out_spec, len(listed))
        rows = [(ref, name) for ref, name in zip(listed, names, strict=True) if isinstance(ref, Ref)]
        return tuple(ref for ref, _ in rows), tuple(name for _, name in rows)


def output_names(spec: Any, count: int) -> list[str]:
    """Names for outputs by where they stand in what the model returns: `logits`, `aux_1`."""
    from torch.utils import _pytree as pytree

    if spec is None:
        return [f"output_{place}" for place in range(count)]
    nest = pytree.tree_unflatten(list(range(count)), spec)
    names = dict(_named_leaves(nest, ()))
    return ["_".join(names.get(place, (f"output_{place}",))) or "output" for place in range(count)]


def _named_leaves(nest: Any, path: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    if not isinstance(nest, (Mapping, list, tuple, int)):
        nest = getattr(nest, "__dict__", {})
    if isinstance(nest, Mapping):
        for key, part in nest.items():
            yield from _named_leaves(part, (*path, str(key)))
    elif isinstance(nest, (list, tuple)):
        fields = getattr(nest, "_fields", None) or [str(place) for place in range(len(nest))]
        for key, part in zip(fields, nest, strict=True):
            yield from _named_leaves(part, (*(path or ("output",)), key) if len(nest) > 1 else path)
    else:
        yield nest, path


def _named(spec: Any) -> bool:
    return hasattr(spec.arg, "name")


def _attribute(owner: Any, path: str) -> Any:
    for part in path.split("."):
        owner = getattr(owner, part)
    return owner


def _changed(node: Any) -> tuple[str, ...]:
    schema = getattr(node.target, "_schema", None)
    listed = schema.arguments if schema is not None else ()
    return tuple(arg.name for arg in listed if arg.alias_info is not None and arg.alias_info.is_write)


def _modules(node: Any) -> tuple[Module, ...]:
    stack = node.meta.get("nn_module_stack") or {}
    found = []
    for key, (path, kind) in stack.items():
        _, _, number = key.partition("@")
        kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        found.append(Module(_plain(path), kind, int(number) if number.isdigit() else 0))
    return tuple(found)


def _plain(path: str) -> str:
    """`L['self'].layer1` and the like as torch's own path."""
    return re.sub(r"@\d+$", "", path.removeprefix("L__self__").removeprefix("."))


FRAME = re.compile(r'File "([^"]+)", line (\d+), in [^\n]*\n\s*([^\n]*)')


def _line(node: Any) -> str:
    """The innermost line of the user's own code."""
    frames = FRAME.findall(node.meta.get("stack_trace") or "")
    own = [frame for frame in frames if "/torch/" not in frame[0]] or frames
    if not own:
        return ""
    file, number, text = own[-1]
    return f"{file.rpartition('/')[2]}:{number}: {text.strip()}"
