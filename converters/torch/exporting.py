"""A module and example inputs to an exported program, with an open batch wherever the module allows it."""

from __future__ import annotations

import contextlib
import inspect
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from converters.torch.heads import plain_heads
from porter.dataclass import dataclass
from porter.errors import FAULTS_OF_CALLS, RequestError, UnsupportedModel


@dataclass(frozen=True)
class Traced:
    """An exported program, and what a user should know about it."""

    program: Any
    notices: tuple[str, ...] = ()


def export(
    module: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    static_batch: bool = False,
    one_batch: bool = False,
) -> Traced:
    """The program of `module` on these examples, whose first axis is the batch: one for each where the module
    allows it, or `one_batch` for all."""
    given, named = tuple(args), dict(kwargs or {})
    module.eval()
    _check_call(module, given, named)
    if static_batch:
        return Traced(_settled(_exported(module, given, named, None)))
    wide, wide_named = _widened((given, named))
    with _one_batch(module, (given, named)) if one_batch else contextlib.nullcontext():
        try:
            program = _exported(module, wide, wide_named, _open_batch)
        except UnsupportedModel:
            if not _differ(wide, given):
                raise
            program = _exported(module, given, named, _open_batch)
    notices = () if _is_open(program) else (_closed(program, wide),)
    return Traced(_settled(program), notices)


def _check_call(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Runs the module once as it is: what is wrong with the inputs is best said by the module itself."""
    import torch

    before = [arg.clone() for arg in _tensors((args, kwargs))]
    try:
        with torch.no_grad(), quiet(), _no_packed_sequences(module):
            module(*args, **kwargs)
    except FAULTS_OF_CALLS as fault:
        shapes = ", ".join(f"{_dtype(arg)}{tuple(arg.shape)}" for arg in before)
        where = user_line(fault)
        raise RequestError(
            f"the module does not run on example inputs of {shapes}: {first_line(fault)}{where}; "
            "give inputs that fit with --inputs FILE.npz or --input-shape"
        ) from fault
    for place, (old, new) in enumerate(zip(before, _tensors((args, kwargs)), strict=True)):
        if old.shape != new.shape or not torch.equal(torch.nan_to_num(old), torch.nan_to_num(new)):
            raise UnsupportedModel(
                f"the module overwrites its input {place} in place: copy it first (x = x.clone()), so that "
                "the result is a function of the inputs"
            )


def _exported(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], shapes: Any) -> Any:
    import torch

    settings = {} if shapes is None else {"dynamic_shapes": shapes(module, args, kwargs)}
    try:
        with quiet(), _no_fast_path(), plain_heads(), torch.enable_grad(), redirect_stderr(StringIO()):
            return torch.export.export(module, tuple(args), dict(kwargs), **settings)
    except FAULTS_OF_CALLS as fault:
        raise UnsupportedModel(
            f"torch.export cannot capture the module: {first_line(fault)}{user_line(fault)}; "
            "a branch or a size that depends on the numbers has no fixed program: rewrite that line "
            "(torch.where, fixed sizes)"
        ) from fault


@contextlib.contextmanager
def _no_packed_sequences(module: Any) -> Iterator[None]:
    """Their steps are laid end to end by the lengths, which are numbers: no shape is known then."""
    import torch

    def check(part: Any, args: Sequence[Any]) -> None:
        if args and isinstance(args[0], torch.nn.utils.rnn.PackedSequence):
            where = next((name for name, one in module.named_modules() if one is part), "")
            raise UnsupportedModel(
                f"{where} ({type(part).__name__}) is given a packed sequence, whose shape depends on the "
                "lengths: give it the padded one (what only looks back says the same before the padding)"
            )

    parts = [part for part in module.modules() if isinstance(part, torch.nn.RNNBase)]
    hooks = [part.register_forward_pre_hook(check) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def _no_fast_path() -> Iterator[None]:
    """Without what is there for speed only, and looks at numbers and sizes for it.

    Attention as the operators that it is made of; a mask taken as it is, whether or not it is the causal one;
    products of many in the order in which they stand.
    """
    import torch
    from torch.nn.modules import transformer

    fast, looks = torch.backends.mha.get_fastpath_enabled(), transformer._detect_is_causal_mask
    torch.backends.mha.set_fastpath_enabled(False)
    transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: is_causal is True
    try:
        with torch.backends.opt_einsum.flags(enabled=False):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        transformer._detect_is_causal_mask = looks


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what torch logs and warns of while it looks at a program."""
    level = logging.getLogger("torch").level
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch").setLevel(level)


def has_several_batches(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether torch was free to take the first axes of these examples for sizes of their own."""
    sizes = [tensor.shape[0] for tensor in _tensors((args, kwargs)) if tensor.ndim]
    return sizes.count(sizes[0]) > 1 if sizes else False


@contextlib.contextmanager
def _one_batch(module: Any, examples: Any) -> Iterator[None]:
    """First axes that are as long as the first input's are one size, which torch is told as it looks on."""
    import torch

    sizes = [tensor.shape[:1] for tensor in _tensors(examples)]
    batch = next(size for size in sizes if size)

    def check(_: Any, *given: Any) -> None:
        pairs = zip(_tensors(given), sizes, strict=True)
        first, *rest = (tensor.shape[0] for tensor, size in pairs if size == batch)
        for other in rest:
            torch._check(other == first)

    hook = module.register_forward_pre_hook(check, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _open_batch(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Every first axis may be any size; torch finds out which of them are one, and which cannot change."""
    import torch

    def shape(arg: Any) -> Any:
        if isinstance(arg, torch.Tensor):
            return {0: torch.export.Dim.AUTO} if arg.ndim and arg.shape[0] > 1 else {}
        return None

    named = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    return {name: torch.utils._pytree.tree_map(shape, value) for name, value in named.items()}


def _widened(given: tuple[Any, Any]) -> Any:
    """A batch of one says too little: torch would take the 1 for part of the program."""
    import torch

    first = next(iter(_tensors(given)), None)
    if first is None or not first.ndim or first.shape[0] != 1:
        return given

    def twice(arg: Any) -> Any:
        wide = isinstance(arg, torch.Tensor) and arg.ndim and arg.shape[0] == 1
        return torch.cat([arg, arg]) if wide else arg

    return torch.utils._pytree.tree_map(twice, given)


def _differ(ours: Any, theirs: Any) -> bool:
    pairs = zip(_tensors(ours), _tensors(theirs), strict=True)
    return any(a.shape != b.shape for a, b in pairs)


def _is_open(program: Any) -> bool:
    inputs = [node for node in program.graph.nodes if node.op == "placeholder"]
    user = set(program.graph_signature.user_inputs)
    shapes = [node.meta["val"].shape for node in inputs if node.name in user and _is_tensor(node.meta["val"])]
    return not shapes or any(not str(size).isdigit() for shape in shapes for size in shape)


def _closed(program: Any, args: Sequence[Any]) -> str:
    size = next((tensor.shape[0] for tensor in _tensors(args) if tensor.ndim), "?")
    return (
        f"the batch is fixed at {size}: something in the module asks for that size itself, so that the "
        "exported program has no other"
    )


def _settled(program: Any) -> Any:
    """Without overwriting, where that could be seen through another view of the same memory."""
    if _overwrites_views(program.graph):
        with quiet():
            program = program.run_decompositions({})
    _refuse_state(program)
    return program


def _refuse_state(program: Any) -> None:
    """A module that changes its own buffers while it runs is no function of its inputs."""
    kinds = ("BUFFER_MUTATION", "USER_INPUT_MUTATION", "PARAMETER_MUTATION")
    changed = [spec for spec in program.graph_signature.output_specs if spec.kind.name in kinds]
    if changed:
        listed = ", ".join(str(spec.target) for spec in changed[:5])
        raise UnsupportedModel(
            f"the module overwrites {listed} as it runs, so that its result depends on the calls before: "
            "make it a function of its inputs"
        )


VIEWS = frozenset(
    """alias as_strided chunk contiguous detach diagonal dropout expand expand_as feature_dropout flatten
    getitem mH
    mT movedim narrow numpy_T permute positive real reshape reshape_as select slice split split_with_sizes
    squeeze swapaxes swapdims t tensor_split to transpose type_as unbind unflatten unfold unsqueeze view
    view_as""".split()
)
"""Operators whose result may lie in the memory of their input."""


def _overwrites_views(graph: Any) -> bool:
    """Whether a tensor is overwritten that other names are used for afterwards."""
    family: dict[Any, Any] = {}
    order = {node: place for place, node in enumerate(graph.nodes)}

    def root(node: Any) -> Any:
        while node in family:
            node = family[node]
        return node

    written = []
    for node in graph.nodes:
        if node.op != "call_function" or not node.all_input_nodes:
            continue
        name = str(node.target).removeprefix("aten.").partition(".")[0]
        name = getattr(node.target, "__name__", name) if "built-in" in name else name
        changed = overwrites(node.target)
        if name in VIEWS or changed:
            family[node] = node.args[0]
        if changed:
            written.append((node, node.args[0]))
    members: dict[Any, list[Any]] = {}
    for node in graph.nodes:
        members.setdefault(root(node), []).append(node)
    for node, target in written:
        for other in members[root(target)]:
            late = [user for user in other.users if order[user] > order[node]]
            if other not in (node, target) and order[other] < order[node] and late:
                return True
            if _is_held(other):
                return True
    return False


def _is_held(node: Any) -> bool:
    return bool(node.op == "placeholder")


def overwrites(operator: Any) -> bool:
    """Whether an operator writes into what it is given."""
    schema = getattr(operator, "_schema", None)
    return schema is not None and any(
        arg.alias_info is not None and arg.alias_info.is_write for arg in schema.arguments
    )


def _tensors(nest: Any) -> list[Any]:
    import torch

    return [leaf for leaf in torch.utils._pytree.tree_leaves(nest) if isinstance(leaf, torch.Tensor)]


def _is_tensor(thing: Any) -> bool:
    return hasattr(thing, "shape")


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


LONGEST = 200
"""Characters of a fault that a sentence can bear: a branch on numbers can name hundreds of sizes."""


def first_line(fault: BaseException) -> str:
    """What a fault says, without the pages that torch adds."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    if not lines:
        return type(fault).__name__
    said = lines[0].partition(" (unhinted:")[0].rstrip(". ")
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    return f"{type(fault).__name__}: {said}"


ROOT = Path(__file__).parents[2]
OURS = (str(ROOT / "porter"), str(ROOT / "converters"), "<")


def user_line(fault: BaseException) -> str:
    """The innermost line of the user's code that a fault came through: ` (net.py:12: if x.sum() > 0:)`."""
    frames = traceback.extract_tb(fault.__traceback__)
    own = [f for f in frames if "/torch/" not in f.filename and not f.filename.startswith(OURS)]
    if not own:
        return ""
    frame = own[-1]
    return f" ({Path(frame.filename).name}:{frame.lineno}: {frame.line})"
