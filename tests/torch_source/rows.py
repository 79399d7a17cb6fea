"""Small modules, one row for each thing that torch's operators can mean; torch itself is the judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

Make = Callable[[], nn.Module]


@dataclass(frozen=True)
class Row:
    """A module and the inputs that it is judged on; `jax`: it is written in JAX and Keras too."""

    name: str
    make: Make
    inputs: tuple[np.ndarray, ...]
    jax: bool = False


class Function(nn.Module):
    """A function as a module, with layers if it needs them."""

    def __init__(self, function: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """The function of the layers and the inputs."""
        return self.function(*self.children(), *inputs)


def feed(*shape: int, seed: int = 0) -> np.ndarray:
    """Real numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype("float32")


def ids(*shape: int, top: int = 7) -> np.ndarray:
    """Whole numbers below `top`."""
    return np.random.default_rng([top, *shape]).integers(0, top, shape)


def call(name: str, function: Callable[..., Any], *inputs: np.ndarray, jax: bool = False) -> Row:
    """A row for a plain function."""
    return Row(name, lambda: Function(function), inputs, jax)


def layer(name: str, make: Make, *inputs: np.ndarray, jax: bool = False) -> Row:
    """A row for one layer."""
    return Row(name, lambda: Function(lambda part, *x: part(*x), part=make()), inputs, jax)


KRON = torch.ones(3, 2)
IMAGE, VOLUME, LINE = feed(2, 4, 7, 9), feed(2, 3, 5, 6, 7), feed(2, 5, 11)


class InPlace(nn.Module):
    """Overwrites what it has made, through other names of the same memory too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A slice, a mask, a picked row and a sum in place."""
        y = x * 2
        y[:, 1] = 0.5
        y[:, :, ::2] += 1
        row = y[:, 0]
        row.mul_(3)
        y.masked_fill_(y > 2, -1.0)
        y[:, [0, 2]] = y[:, [2, 0]]
        return y.relu_() + x


class Nested(nn.Module):
    """Takes one tensor; gives a dict of tensors, tuples and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Dropout(0.3)
        )
        self.heads = nn.ModuleDict({"a": nn.Linear(6, 2), "b": nn.Linear(6, 3)})

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        """Two heads, and what they see."""
        y = self.body(x).mean((2, 3))
        return {"a": self.heads["a"](y), "pair": (self.heads["b"](y), y), "same": x}


class Blocks(nn.Module):
    """A residual network, so that blocks share a class."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 6, 3, padding=1, bias=False)
        self.layer1 = nn.Sequential(_Block(6, 6, 1), _Block(6, 8, 2))
        self.fc = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Stem, blocks, head."""
        x = F.max_pool2d(self.layer1(self.stem(x)), 2, ceil_mode=True)
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out += x if self.down is None else self.down(x)
        return self.relu(out)


class Mixed(nn.Module):
    """Views that mix the channels with the places of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1)
        self.fc = nn.Linear(4 * 63, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Halves of the channels swapped by a view, then a flatten that takes half of them."""
        y = torch.relu(self.conv(x)).view(x.size(0), 2, 4 * 63)
        return self.fc(y[:, 1] - y.flip(1)[:, 1])


class Tied(nn.Module):
    """A table of vectors, in a part of the model, that the head shares; with a bias or without, or bare."""

    def __init__(self, bias: bool = False, bare: bool = False) -> None:
        super().__init__()
        self.words = nn.ModuleDict({"table": nn.Embedding(7, 5), "norm": nn.LayerNorm(5)})
        self.cls = nn.Module() if bare else _Scores(bias)
        if not bare:
            self.cls.decoder.weight = self.words["table"].weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Ids to scores."""
        y = self.words["norm"](self.words["table"](x))
        return self.cls(y) if isinstance(self.cls, _Scores) else F.linear(y, self.words["table"].weight)


class _Scores(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.dense, self.decoder = nn.Linear(5, 5), nn.Linear(5, 7, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(torch.tanh(self.dense(x)))


class Twins(nn.Module):
    """Linear layers with one matrix and biases of their own, and one table under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Scores(True), _Scores(True)])
        self.first, self.second = nn.Embedding(9, 5), nn.Embedding(9, 5)
        self.blocks[1].decoder.weight = self.blocks[0].decoder.weight
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Ids to scores."""
        return self.blocks[0](self.first(x)) - self.blocks[1](self.second(x + 1) * 2)


def heads(function: Callable[..., Any], **how: Any) -> Make:
    """A function of an nn.MultiheadAttention and the inputs."""
    return lambda: Function(function, part=nn.MultiheadAttention(8, 2, **how))


def channels_first(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attention of `(n, c, t)`, whose weights are turned for the last product."""
    weights = (q.transpose(1, 2) @ k * 0.3).softmax(-1)
    return v @ weights.transpose(1, 2)


def attention(**how: Any) -> Make:
    """nn.MultiheadAttention as a layer on itself."""
    return lambda: Function(
        lambda part, x: part(x, x, x, need_weights=False)[0],
        part=nn.MultiheadAttention(8, 2, batch_first=True, **how),
    )


def masked(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Attention with a mask of 0 and -inf, one row of which hides everything."""
    mask = torch.zeros(5, 5).masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf"))
    scores = torch.where(seen > 0, 0.0, float("-inf"))[:, None, None, :]
    return F.scaled_dot_product_attention(x, x, x, attn_mask=scores + mask)


def two_flat(few: nn.Module, many: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two images, as rows of as many places but of other channels."""
    return torch.flatten(few(x), 2).mT * 2, torch.flatten(many(x), 2).mT * 3


def repeated(interleave: bool, causal: bool) -> Callable[..., torch.Tensor]:
    """Attention whose heads of keys and values are repeated for the queries, as Llama has it."""

    def spread(x: torch.Tensor) -> torch.Tensor:
        n, heads, steps, width = x.shape
        if interleave:
            return x.repeat_interleave(2, 1)
        return x[:, :, None].expand(n, heads, 2, steps, width).reshape(n, heads * 2, steps, width)

    return lambda q, k: F.scaled_dot_product_attention(q, spread(k), spread(k * 2), is_causal=causal)


SEEN = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], "float32")
HEADS, FEWER = feed(2, 4, 5, 6), feed(2, 2, 5, 6)
GRID = np.clip(feed(2, 5, 6, 2, seed=3), -1.4, 1.4)

ROWS = (
    Row("nested", Nested, (IMAGE,)),
    Row("blocks", Blocks, (IMAGE,), jax=True),
    Row("mixed_views", Mixed, (IMAGE,), jax=True),
    Row("in_place", InPlace, (feed(2, 4, 6),)),
    Row("tied", Tied, (ids(2, 3),), jax=True),
    Row("tied_and_bias", lambda: Tied(bias=True), (ids(2, 3),), jax=True),
    Row("tied_bare", lambda: Tied(bare=True), (ids(2, 3),), jax=True),
    Row("twins", Twins, (ids(2, 3),), jax=True),
    # convolutions
    layer("conv_same", lambda: nn.Conv2d(4, 6, (4, 3), padding="same", dilation=(1, 2)), IMAGE),
    layer("conv_reflect", lambda: nn.Conv2d(4, 6, 3, padding=2, padding_mode="reflect", groups=2), IMAGE),
    layer("conv_circular", lambda: nn.Conv1d(5, 4, 3, padding=1, padding_mode="circular"), LINE),
    layer("conv3d", lambda: nn.Conv3d(3, 4, (1, 2, 3), (1, 2, 1), (0, 1, 1)), VOLUME),
    layer("conv_unbatched", lambda: nn.Conv2d(4, 6, 3), IMAGE[0]),
    layer(
        "conv_transpose",
        lambda: nn.ConvTranspose2d(4, 6, 3, (2, 3), 1, output_padding=(1, 2), groups=2, dilation=2),
        IMAGE,
        jax=True,
    ),
    layer("conv_transpose_dilated", lambda: nn.ConvTranspose1d(5, 4, 4, 3, 1, 2, dilation=2), LINE, jax=True),
    layer("weight_norm", lambda: parametrizations.weight_norm(nn.Conv1d(5, 4, 3)), LINE),
    layer("spectral_norm", lambda: parametrizations.spectral_norm(nn.Linear(9, 4)).eval(), IMAGE),
    # norms
    layer("instance_norm", lambda: nn.InstanceNorm2d(4, affine=True), IMAGE),
    layer("group_norm", lambda: nn.GroupNorm(2, 4), IMAGE, jax=True),
    layer("local_response_norm", lambda: nn.LocalResponseNorm(3, 0.1), IMAGE),
    layer("rms_norm", lambda: nn.RMSNorm(9), IMAGE),
    layer("layer_norm_of_images", lambda: nn.LayerNorm([4, 7, 9]), IMAGE, jax=True),
    layer("batch_statistics", lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGE),
    # pooling
    layer("max_pool_ceil", lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    layer("max_pool_dilated", lambda: nn.MaxPool2d(2, 1, dilation=2), IMAGE),
    layer("avg_pool_ceil", lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE, jax=True),
    layer("avg_pool_uncounted", lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    layer("avg_pool_divisor", lambda: nn.AvgPool2d(3, 2, divisor_override=5), IMAGE),
    layer("adaptive_avg_pool", lambda: nn.AdaptiveAvgPool2d((3, 4)), IMAGE, jax=True),
    layer("adaptive_max_pool", lambda: nn.AdaptiveMaxPool1d(4), LINE),
    call("unpool", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), feed(2, 4, 6, 8)),
    call("places_in_line", lambda x: F.max_pool1d(x, 3, 2, 1, return_indices=True), LINE),
    call(
        "places_in_volume",
        lambda x: F.max_pool3d(x, (2, 3, 2), (2, 1, 3), (1, 0, 1), ceil_mode=True, return_indices=True),
        VOLUME,
    ),
    # other sizes
    call("nearest", lambda x: F.interpolate(x, scale_factor=2), IMAGE, jax=True),
    call("nearest_odd", lambda x: F.interpolate(x, (5, 13)), IMAGE),
    call("nearest_exact", lambda x: F.interpolate(x, (5, 13), mode="nearest-exact"), IMAGE),
    call("bilinear", lambda x: F.interpolate(x, (13, 5), mode="bilinear"), IMAGE),
    call(
        "bilinear_corners",
        lambda x: F.interpolate(x, (13, 5), mode="bilinear", align_corners=True),
        IMAGE,
        jax=True,
    ),
    call("bilinear_factor", lambda x: F.interpolate(x, scale_factor=1.3, mode="bilinear"), IMAGE),
    call("bilinear_smooth", lambda x: F.interpolate(x, (4, 5), mode="bilinear", antialias=True), IMAGE),
    call("bicubic", lambda x: F.interpolate(x, (13, 5), mode="bicubic"), IMAGE),
    call("bicubic_corners", lambda x: F.interpolate(x, (13, 5), mode="bicubic", align_corners=True), IMAGE),
    call("bicubic_smooth", lambda x: F.interpolate(x, (4, 5), mode="bicubic", antialias=True), IMAGE),
    call("trilinear", lambda x: F.interpolate(x, (7, 4, 9), mode="trilinear"), VOLUME),
    call("linear_1d", lambda x: F.interpolate(x, 17, mode="linear", align_corners=True), LINE),
    call("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False), IMAGE, GRID),
    call("grid_sample_border", lambda x, g: F.grid_sample(x, g, "bilinear", "border", True), IMAGE, GRID),
    call("grid_sample_nearest", lambda x, g: F.grid_sample(x, g, "nearest", align_corners=True), IMAGE, GRID),
    call("unfold", lambda x: F.unfold(x, (2, 3), dilation=(2, 1), padding=1, stride=(1, 2)), IMAGE),
    call("fold", lambda x: F.fold(x, (5, 6), (2, 3), padding=1, stride=(1, 2)), feed(2, 12, 18)),
    call("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), IMAGE, jax=True),
    call("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 3), feed(2, 4, 6, 9)),
    call("channel_shuffle", lambda x: F.channel_shuffle(x, 2), IMAGE),
    # attention
    call("channels_first", channels_first, feed(2, 4, 7), feed(2, 4, 5), feed(2, 3, 5), jax=True),
    call("softmax_of_six_axes", lambda x: x.softmax(2), feed(2, 1, 3, 2, 2, 2), jax=True),
    call(
        "attention_of_six_axes",
        lambda x: F.scaled_dot_product_attention(x, x.tanh(), x),
        feed(2, 1, 2, 2, 3, 2),
        jax=True,
    ),
    call("causal", lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), HEADS),
    call(
        "grouped",
        lambda q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True, scale=0.3),
        HEADS,
        FEWER,
    ),
    call("heads_repeated", repeated(False, True), HEADS, FEWER, jax=True),
    call("heads_interleaved", repeated(True, False), HEADS, FEWER, jax=True),
    call(
        "mask_of_truths",
        lambda x, s: F.scaled_dot_product_attention(x, x, x, s[:, None, None] > 0),
        HEADS,
        SEEN,
    ),
    call("mask_of_zeros_and_infinities", masked, HEADS, SEEN),
    call(
        "mask_of_numbers",
        lambda x, s: F.scaled_dot_product_attention(x, x, x, s[:, None, None].clamp(min=0).log()),
        HEADS,
        SEEN,
    ),
    Row("multi_head", attention(), (feed(2, 5, 8),), jax=True),
    Row(
        "multi_head_weights",
        heads(lambda part, x, k: part(x, k, k)),
        (feed(5, 2, 8), feed(3, 2, 8)),
        jax=True,
    ),
    Row(
        "multi_head_of_several",
        heads(
            lambda part, x, k, v: part(x, k, v, average_attn_weights=False),
            batch_first=True,
            kdim=7,
            vdim=3,
            bias=False,
        ),
        (feed(2, 5, 8), feed(2, 4, 7), feed(2, 4, 3)),
    ),
    Row(
        "multi_head_hidden_keys",
        heads(
            lambda part, x, s: part(x, x, x, key_padding_mask=s < 0.5, need_weights=False)[0],
            batch_first=True,
        ),
        (feed(2, 5, 8), SEEN),
        jax=True,
    ),
    Row(
        "multi_head_two_masks",
        heads(
            lambda part, x, s: part(
                x,
                x,
                x,
                key_padding_mask=s < 0.5,
                attn_mask=torch.ones(5, 5).tril(-2).bool(),
                need_weights=False,
            )[0],
            batch_first=True,
        ),
        (feed(2, 5, 8), np.flip(SEEN, 1)),
    ),
    Row(
        "multi_head_mask_of_numbers",
        heads(lambda part, x, m: part(x, x, x, attn_mask=m), batch_first=True),
        (feed(2, 5, 8), feed(4, 5, 5)),
    ),
    Row(
        "multi_head_extras", attention(add_bias_kv=True, add_zero_attn=True, kdim=8, vdim=8), (feed(2, 5, 8),)
    ),
    layer(
        "encoder_layer",
        lambda: nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, norm_first=True),
        feed(2, 5, 8),
    ),
    # sequences
    layer(
        "lstm_levels",
        lambda: nn.LSTM(5, 4, 2, bidirectional=True, dropout=0.2, batch_first=True),
        feed(2, 6, 5),
    ),
    layer(
        "lstm_projected",
        lambda: nn.LSTM(5, 4, proj_size=3, bidirectional=True, batch_first=True),
        feed(2, 6, 5),
    ),
    layer("gru_steps_first", lambda: nn.GRU(5, 4), feed(6, 2, 5)),
    layer("rnn_relu", lambda: nn.RNN(5, 4, nonlinearity="relu", bias=False, batch_first=True), feed(2, 6, 5)),
    call("embedding", lambda x: F.one_hot(x, 7).float().cumsum(-1), ids(2, 3)),
    layer("embedding_bag", lambda: nn.EmbeddingBag(7, 3, mode="mean", padding_idx=2), ids(4, 5)),
    # numbers
    call("std_of_places", lambda x: torch.std_mean(x, (2, 3), correction=2), IMAGE),
    call("norms", lambda x: (x.norm(dim=1), x.norm(1, -1), torch.linalg.vector_norm(x, 3.0, (2, 3))), IMAGE),
    call(
        "division",
        lambda x: (x // 0.3, torch.div(x, 0.3, rounding_mode="trunc"), x % 0.7, torch.fmod(x, 0.7)),
        LINE,
    ),
    call(
        "types",
        lambda x: (x.long() / 2, x.int() // 2, (x > 0) + 1, x.bool() & (x < 1), x.round(decimals=1)),
        LINE,
    ),
    call("copysign", lambda x: (x.copysign(x.flip(-1)), x.copysign(-0.0)), LINE),
    call("with_numbers", lambda x: (x.int() & 3, 3 | x.int(), x.hypot(torch.tensor(2.0))), LINE, jax=True),
    call("softplus", lambda x: F.softplus(x * 9, 2, 5), LINE),
    call("median", lambda x: (*x.median(-1), *x.kthvalue(2, 1), *x.cummax(1)), LINE),
    # operators that torch defines by others
    call("rotated", lambda x: (torch.rot90(x, 1, (2, 3)), x.deg2rad(), torch.trapz(x, dim=-1)), IMAGE),
    call("heaviside_in_place", lambda x: (x * 2).heaviside_(torch.tensor(0.5)), LINE),
    call("quantile", lambda x: torch.quantile(x, torch.tensor([0.3, 0.9]), dim=-1), LINE, jax=True),
    call("quantile_lower", lambda x: x.quantile(0.4, 1, keepdim=True, interpolation="lower"), LINE),
    call("searchsorted", lambda x: torch.bucketize(x, torch.tensor([-0.5, 0.0, 1.0])), LINE, jax=True),
    call("kron_tensordot", lambda x: torch.tensordot(x, torch.kron(torch.eye(3), KRON), 1), IMAGE),
    call(
        "affine_grid",
        lambda x: F.grid_sample(x, F.affine_grid(x[:, :2, 0, :3], x.shape, False), align_corners=True),
        IMAGE,
        jax=True,
    ),
    call("cdist", lambda x: (torch.cdist(x, x[:, 1:] + 1), torch.cdist(x, x + 1, p=1.0)), LINE, jax=True),
    call("repeats_of_each", lambda x: x.repeat_interleave(torch.tensor([1, 0, 2, 1, 3]), dim=1), LINE),
    call("einsum_diagonal", lambda x: torch.einsum("ncii->nic", x[:, :, :, :7]), IMAGE),
    call("sorting", lambda x: (*x.topk(3, 1), *x.sort(-1, descending=True), x.argsort(1)), LINE),
    call("logsumexp", lambda x: (x.logsumexp((1, 2)), x.logcumsumexp(1), x.cumprod(-1)), LINE),
    call(
        "dot_products",
        lambda x, y: (x @ y[0, 0], y[0, 0] @ y.mT, torch.einsum("n...c,nsc->...sn", x, y)),
        LINE,
        LINE,
    ),
    call("einsum_large_letters", lambda x: torch.einsum("nCHw,nCKw->nHK", x, x), IMAGE, jax=True),
    call("broadcast_einsum", lambda x, y: torch.einsum("nchw,nc->nhw", x, y), IMAGE, feed(2, 4)),
    call("addmm", lambda x: torch.baddbmm(x, x @ x.mT, x, beta=0.5, alpha=2.0), LINE),
    # places
    call(
        "picked",
        lambda x: (x[:, [2, 0], :, [1, 3]], x[..., [-1, 0]], x[:, 1:3, [0, 5]], x[:, None, 2]),
        IMAGE,
    ),
    call(
        "picked_by_ids",
        lambda x, k: (x[:, k[0]], x.gather(1, k), x.take_along_dim(k, 1)),
        feed(3, 8),
        ids(3, 5),
    ),
    call(
        "scattered",
        lambda x, k: torch.zeros_like(x).scatter(1, k, x).scatter_add(1, k, x),
        feed(2, 7),
        ids(2, 7),
    ),
    call("put", lambda x, k: x.index_put((k,), x[:4] * 2).index_add(1, k, x[:, :4]), feed(8, 9), ids(4)),
    call("chosen", lambda x: (x.masked_fill(x > 1, 0.0), torch.where(x > 0, x, -x), x.clamp(max=0.5)), LINE),
    call(
        "rolled",
        lambda x: (x.roll((1, -2), (1, 3)), x.flip(2), x.repeat(1, 2, 1, 1), x.movedim(1, -1)),
        IMAGE,
    ),
    call("windows", lambda x: (x.unfold(2, 3, 2), x.diagonal(0, 2, 3), torch.tril(x, -1)), IMAGE),
    call(
        "pads",
        lambda x: (
            F.pad(x, (1, 2, -1, 0)),
            F.pad(x, (2, 1, 0, 1), "circular"),
            F.pad(x, (-2, 3, 1, -1), "circular"),
            F.pad(x, (1, 1, 2, 0), "reflect"),
        ),
        IMAGE,
    ),
    call(
        "pieces",
        lambda x: (*x.chunk(3, 2), *x.tensor_split([2, 5], -1), *x.split([1, 3], 1), *x.unbind(1)),
        IMAGE,
    ),
    call(
        "sized_by_batch",
        lambda x: torch.arange(x.size(0), dtype=x.dtype)[:, None, None] + x.new_ones(x.shape[:2])[..., None],
        LINE,
    ),
    call(
        "repeated_by_batch",
        lambda x: (x[:2].repeat(x.size(0), 1, 2), x[:1].repeat(x.size(0), x.size(0), 1)),
        LINE,
    ),
    call(
        "halves_of_two_batches",
        lambda x, y: torch.sub(*torch.relu(torch.cat((x, y))).chunk(2)) * x.size(0),
        IMAGE,
        feed(2, 4, 7, 9, seed=1),
        jax=True,
    ),
    Row(
        "flattened_alike",
        lambda: Function(
            lambda part, x: part(x),
            part=Function(two_flat, few=nn.Conv2d(4, 5, 3), many=nn.Conv2d(4, 6, 3)),
        ),
        (IMAGE,),
        jax=True,
    ),
    call(
        "only_ones_move",
        lambda x: x.view(2, 1, 5, 1, 11).transpose(1, 2).softmax(1).permute(3, 0, 1, 4, 2),
        LINE,
    ),
    call("first_of_three_batches", lambda x: torch.cat((x, x + 1, x - 1))[: x.size(0), 0] * 2, LINE),
    call("halves_of_the_batch", lambda x: torch.cat((x, x + 1)).split(x.size(0)), LINE),
    call("spread_in_front", lambda x: x.mean(0).expand(x.size(0), 1, -1, -1) * x[:, None], LINE),
    call(
        "differences",
        lambda x: (x.diff(n=2), x.diff(dim=1, prepend=x[:, :1], append=x[:, :2]), (x > 0).diff()),
        LINE,
    ),
    call(
        "constants", lambda x: x + torch.linspace(0, 1, 11) * torch.eye(5, 11) + torch.full((5, 1), 0.1), LINE
    ),
)
