"""Where each call stands: the modules around it as nested models, and the name of its own layer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from converters.torch.spec import Call, Module, Program, Ref
from porter.graph.model import Origin, Scope

CONTAINERS = "torch.nn.modules.container."
TORCHS = "torch.nn.modules."


def origins(program: Program) -> dict[str, Origin]:
    """The origin of every call, by its name."""
    keys = {held.name: held.tensor.key for held in program.held if not held.written}
    made = _made_of(program, keys)
    paths = {module.path for call in program.calls for module in call.modules}
    held = [call for call in program.calls if call.modules and any(_weights(call, keys))]
    counts = Counter(call.modules[-1] for call in held)
    several = {module.path for module, count in counts.items() if count > 1}
    several |= {call.modules[-1].path for call in held if call.operator.endswith("_cell")}  # two layers each
    inner = {path.rpartition(".")[0] for path in paths}
    outer = {path for path in paths if any(_within(other, path) for other in inner | paths if other != path)}
    leaves = {path for path in paths - outer if path} - several
    return {call.name: _origin(call, made, leaves) for call in program.calls}


def _made_of(program: Program, keys: Mapping[str, str]) -> dict[str, str]:
    """The keys of tensors, and of what is computed from tensors alone the first one's."""
    made = dict(keys)
    for call in program.calls:
        taken = [made.get(ref.name) for ref in _refs(call)]
        if taken and all(taken):
            made[call.name] = str(taken[0])
    return made


def homes(program: Program) -> dict[str, tuple[Scope, ...]]:
    """For every tensor, by its name, the nested models that it belongs to: those around the first call
    that takes it, out to the module that owns it."""
    owners = {held.name: held.tensor.key.rpartition(".")[0] for held in program.held}
    found: dict[str, tuple[Scope, ...]] = {}
    for call in program.calls:
        for name in dict.fromkeys(ref.name for ref in _refs(call)):
            stack = [module for module in call.modules if module.path]
            outside = [place for place, module in enumerate(stack) if module.path == owners.get(name)]
            if name in owners and name not in found:
                found[name] = _scopes(stack[: outside[0] + 1])[0] if outside else ()
    return found


def _within(path: str, outer: str) -> bool:
    return bool(outer) and path.startswith(f"{outer}.")


def _origin(call: Call, keys: Mapping[str, str], leaves: set[str]) -> Origin:
    stack = [module for module in call.modules if module.path]
    leaf = stack.pop() if stack and stack[-1].path in leaves else None
    scopes, home = _scopes(stack)
    own = next(iter(_weights(call, keys)), "")
    label = _relative(leaf.path, home) if leaf is not None else _label(call, own, home)
    full = ".".join(part for part in (leaf.path if leaf else stack[-1].path if stack else "",) if part)
    name = full if leaf is not None else ".".join(part for part in (full, label) if part)
    kind = leaf.short if leaf is not None else call.operator
    return Origin(label, kind, scopes, name)


def _scopes(stack: list[Module]) -> tuple[tuple[Scope, ...], str]:
    """Nested models for the modules that have a forward pass of their own; containers lend names."""
    scopes: list[Scope] = []
    home = ""
    for module in stack:
        if module.kind.startswith(CONTAINERS):
            continue
        scopes.append(Scope(_relative(module.path, home), module.short, module.call))
        home = module.path
    return tuple(scopes), home


def _relative(path: str, home: str) -> str:
    return path[len(home) + 1 :] if home else path


def _label(call: Call, key: str, home: str) -> str:
    """What to call a call that is no module: after its weight, else after what it does."""
    if key:
        path = key[len(home) + 1 :] if home and key.startswith(f"{home}.") else key
        bare = re.sub(r"[._]?(weight|bias)$", "", path)
        return bare or call.operator
    return re.sub(r"_+$", "", call.operator)


def _weights(call: Call, keys: Mapping[str, str]) -> Iterator[str]:
    """The keys of the tensors that are arguments of a call."""
    return (keys[ref.name] for ref in _refs(call) if ref.name in keys)


def _refs(call: Call) -> Iterator[Ref]:
    todo = list(call.args.values())
    while todo:
        arg = todo.pop(0)
        if isinstance(arg, tuple):
            todo[:0] = arg
        elif isinstance(arg, Ref):
            yield arg
