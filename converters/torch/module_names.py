"""What torch's module class calls its own, and how its layers name their first arguments."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from porter.source.code import Attr, Call, Expression, Literal, Name, Tuple, attr, call
from porter.writing.containers import Words

RESERVED = frozenset(
    """
    T_destination _apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl
    _forward_hooks _forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks
    _forward_pre_hooks_with_kwargs _get_backward_hooks _get_backward_pre_hooks _get_name
    _is_full_backward_hook _load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks
    _maybe_warn_non_full_backward_hook _modules _named_members _non_persistent_buffers_set _parameters
    _register_load_state_dict_pre_hook _register_state_dict_hook _replicate_for_data_parallel
    _save_to_state_dict _slow_forward _state_dict_hooks _state_dict_pre_hooks _version
    _wrapped_call_impl add_module apply bfloat16 buffers call_super_init children compile cpu cuda
    double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children named_modules
    named_parameters parameters register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict tie_weights to to_empty train training type xpu
    zero_grad
    """.split()
)
"""Attributes of `nn.Module`, and one of generated code, that a layer must not be named after."""

_CONV = ("in_channels", "out_channels", "kernel_size")
_FEATURES = ("num_features",)

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    **{f"nn.Conv{rank}d": _CONV for rank in (1, 2, 3)},
    **{f"nn.ConvTranspose{rank}d": _CONV for rank in (1, 2, 3)},
    **{f"nn.BatchNorm{rank}d": _FEATURES for rank in (1, 2, 3)},
    "nn.Dropout": ("p",),
    "nn.Embedding": ("num_embeddings", "embedding_dim"),
    "nn.GRU": ("input_size", "hidden_size"),
    "nn.GroupNorm": ("num_groups", "num_channels"),
    "nn.LSTM": ("input_size", "hidden_size"),
    "nn.LayerNorm": ("normalized_shape",),
    "nn.Linear": ("in_features", "out_features"),
    "nn.MultiheadAttention": ("embed_dim", "num_heads"),
    "nn.PReLU": ("num_parameters",),
    "nn.RNN": ("input_size", "hidden_size"),
}
"""Names for the numbers by which two instances of a class differ."""

_ACTIVATIONS = """
    CELU ELU GELU GLU LeakyReLU LogSigmoid Mish ReLU ReLU6 SELU SiLU Softmax Softplus Softsign Threshold
    Hardshrink Hardsigmoid Hardswish Hardtanh Softshrink Tanhshrink
""".split()

MODULES: Mapping[str, str] = {
    **{f"F.{module.lower()}": f"nn.{module}" for module in _ACTIVATIONS},
    **{
        f"F.{prefix}{kind}_pool{rank}d": f"nn.{prefix[:-1].title()}{kind.title()}Pool{rank}d"
        for prefix in ("", "adaptive_")
        for kind in ("avg", "max")
        for rank in (1, 2, 3)
    },
    "F.leaky_relu": "nn.LeakyReLU",
    "F.pixel_shuffle": "nn.PixelShuffle",
    "F.pixel_unshuffle": "nn.PixelUnshuffle",
    "flatten": "nn.Flatten",
    "torch.sigmoid": "nn.Sigmoid",
    "torch.tanh": "nn.Tanh",
    "unflatten": "nn.Unflatten",
}
"""Functions and methods of one tensor, and the modules that call them with the same settings."""

POOLS = {"mean": "AdaptiveAvgPool", "amax": "AdaptiveMaxPool"}
"""What these methods do over all spatial axes is a pooling to one place."""


def module_of(expression: Expression, rank: int) -> Call | None:
    """The module that does what an expression of `x`, of so many axes, does, where torch has one."""
    if not isinstance(expression, Call):
        return None
    x, func = Name("x"), expression.func
    given = expression.args
    for axes, (method, pool) in product(_spatial(rank), POOLS.items()):
        if expression == call(attr(x, method), dim=axes, keepdim=True):
            return call(f"nn.{pool}{rank - 2}d", 1)
    if isinstance(func, Attr) and func.obj == x:
        module = MODULES.get(func.name)
    elif isinstance(func, Name) and given[:1] == (x,):
        module, given = MODULES.get(func.path), given[1:]
    else:
        return None
    told = [*given, *(value for _, value in expression.kwargs)]
    if module is None or not all(isinstance(value, Literal | Tuple | Name) and value != x for value in told):
        return None
    made = call(module, *given, **dict(expression.kwargs))
    return call(module) if made == call("nn.Flatten", 1) else made

def _spatial(rank: int) -> tuple[Any, ...]:
    """What lies behind batch and channels, as torch is told so."""
    axes = tuple(range(2, rank))
    return (axes if len(axes) > 1 else 2,) if 3 <= rank <= 5 else ()


_CONV_SETTINGS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
_TRANSPOSED = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1, "bias": True}

USUAL: Mapping[str, Mapping[str, Any]] = {
    **{f"nn.Conv{rank}d": _CONV_SETTINGS for rank in (1, 2, 3)},
    **{f"nn.ConvTranspose{rank}d": _TRANSPOSED for rank in (1, 2, 3)},
    "nn.Linear": {"bias": True},
}
"""What torch's constructors assume for arguments that are left out."""

WORDS = Words(
    listed="nn.ModuleList",
    entry=module_of,
    nothing=call("nn.Identity"),
    run="nn.Sequential",
    table="nn.ModuleDict",
    reserved=RESERVED | frozenset("append clear extend insert items keys pop update values".split()),
)
