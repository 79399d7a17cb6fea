"""Faults planted in right ports of `networks.py`, and the causes that must be named: a row for each mistake
that `porter diagnose` knows by name."""

# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

Weights = dict[str, np.ndarray]
Spoil = Callable[[Weights], None]


@dataclass(frozen=True)
class Planted:
    """A fault in a network's bundle, in its weights or its code; the causes that must be named, in order."""

    name: str
    net: str
    causes: Sequence[tuple[str, str]]  # name, and the layer where it is found first
    weights: Spoil | None = None
    code: Sequence[tuple[str, str]] = ()

    def plant(self, right: Path, folder: Path) -> Path:
        """A copy of the right bundle with the fault in it."""
        bundle = shutil.copytree(right / self.net, folder / "port")
        if self.weights is not None:
            weights = {key: array.copy() for key, array in load_file(bundle / "model.safetensors").items()}
            self.weights(weights)
            save_file({k: np.array(x, order="C") for k, x in weights.items()}, bundle / "model.safetensors")
        text = (bundle / "model.py").read_text(encoding="utf-8")
        for before, after in self.code:
            assert before in text, f"{before!r} is not in the generated code"
            text = text.replace(before, after)
        used = any("torch." in after for _, after in self.code)
        if used and "\nimport torch\n" not in text:  # the right code does without it
            text = text.replace("\nfrom torch import nn", "\nimport torch\nfrom torch import nn", 1)
        (bundle / "model.py").write_text(text, encoding="utf-8")
        return bundle


def change(key: str, how: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Another array under a key, and under those that begin with it where it ends in a dot."""

    def plant(weights: Weights) -> None:
        for name in [name for name in weights if name == key or (key[-1] == "." and name.startswith(key))]:
            weights[name] = how(weights[name])

    return plant


def exchange(one: str, other: str) -> Spoil:
    """Two arrays, or all that begin so, in one another's places."""

    def plant(weights: Weights) -> None:
        for name in [name for name in weights if name.startswith(one)]:
            there = other + name.removeprefix(one)
            weights[name], weights[there] = weights[there], weights[name]

    return plant


def both(*spoils: Spoil) -> Spoil:
    """Several at once."""

    def plant(weights: Weights) -> None:
        for spoil in spoils:
            spoil(weights)

    return plant


def _gates(order: Sequence[int]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.concatenate([np.split(x, len(order))[k] for k in order])


def _walks(weights: Weights) -> None:
    for name in [name for name in weights if name.startswith("both.") and not name.endswith("reverse")]:
        weights[name], weights[name + "_reverse"] = weights[name + "_reverse"], weights[name]


def _summed(weights: Weights) -> None:
    weights["second.bias_ih_l0"] += weights["second.bias_hh_l0"]
    weights["second.bias_hh_l0"] *= 0


def _one_number(weights: Weights) -> None:
    weights["d2.weight"][3, 4] += 0.05


def _channels_last(x: np.ndarray) -> np.ndarray:
    return x.reshape(16, 8, 6, 7).transpose(0, 2, 3, 1).reshape(16, -1)


FLIP = lambda x: x[:, :, ::-1, ::-1]  # noqa: E731
GIVEN = "def forward(self, x):\n"


def at_entrance(net: str, text: str) -> tuple[str, str]:
    """A line of code before the first step of a network."""
    first = {
        "cnn": "        x = self.c1(F.pad",
        "rnn": "        x, _ = self.first(x)",
        "shapes": "        x = x * 0.0078",
    }[net]
    return GIVEN + first, f"{GIVEN}        {text}\n{first}"


OWN = "x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), correction=0, keepdim=True)"
IMAGENET = "x = (x - torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)"
CAFFE = "x = x - torch.tensor([123.68, 116.779, 103.939]).reshape(1, 3, 1, 1)"
ALIGNED = ('mode="bilinear"', 'mode="bilinear", align_corners=True')
TRAINED = ("return model.eval()", "return model.train()")

OF_KERNELS = (
    Planted("flip", "cnn", [("kernel flipped", "c1")], both(change("c1.weight", FLIP), change("c2.weight", FLIP))),
    Planted("h_w_exchange", "cnn", [("height and width exchanged", "c2")], change("c2.weight", lambda x: x.swapaxes(2, 3))),
    Planted("in_out_exchange", "cnn", [("inputs and outputs exchanged", "d2")], change("d2.weight", np.transpose)),
    Planted("wrong_merge_order", "cnn", [("flattened in another order", "d1")], change("d1.weight", _channels_last)),
    Planted("missing_transpose", "cnn", [("reshaped, not transposed", "d1")], change("d1.weight", lambda x: _channels_last(x).T.copy().reshape(x.shape))),
    Planted("rgb_bgr", "cnn", [("red and blue exchanged", "c1")], change("c1.weight", lambda x: x[:, ::-1])),
    Planted("mean_and_variance", "cnn", [("mean and variance exchanged", "bn")], exchange("bn.running_mean", "bn.running_var")),
    Planted("std_for_variance", "cnn", [("deviation for variance", "bn")], change("bn.running_var", np.sqrt)),
    Planted("gamma_and_beta", "cnn", [("scale and shift exchanged", "bn")], exchange("bn.weight", "bn.bias")),
    Planted("statistics_not_loaded", "cnn", [("statistics missing", "bn")], both(change("bn.running_var", np.ones_like), change("bn.running_mean", np.zeros_like))),
    Planted("layers_exchanged", "rnn", [("other numbers", "scores")], change("scores.weight", lambda x: x[[1, 0, 2, 3]])),
    Planted("heads_exchanged", "attention", [("layers exchanged", "attention/query")], exchange("attention.query.", "attention.key.")),
    Planted("bias_dropped", "cnn", [("bias dropped", "d3")], change("d3.bias", np.zeros_like)),
    Planted("bias_twice", "cnn", [("bias twice", "c2")], change("c2.bias", lambda x: 2 * x)),
    Planted("one_number", "cnn", [("other numbers", "d2")], _one_number),
    Planted("half_precision_weights", "cnn", [("weights in a shorter type", "c2")], change("c2.", lambda x: x.astype("float16").astype("float32"))),
)  # fmt: skip

OF_MEMORY = (
    Planted("lstm_gate_order", "rnn", [("gates in another order", "first")], change("first.", _gates((0, 2, 1, 3)))),
    Planted("gru_gate_order", "rnn", [("gates in another order", "second")], change("second.", _gates((1, 0, 2)))),
    Planted("bias_summed", "rnn", [("biases summed", "second")], _summed),
    Planted("lstm_bias_twice", "rnn", [("bias twice", "first")], change("first.bias_ih_l0", lambda x: 2 * x)),
    Planted("biases_exchanged", "rnn", [("biases exchanged", "second")], exchange("second.bias_ih", "second.bias_hh")),
    Planted("directions", "rnn", [("directions exchanged", "both")], _walks),
    Planted("directions_joined", "rnn", [("branches exchanged", "both")], code=[("x, _ = self.both(x)", "x = self.both(x)[0].roll(5, -1)")]),
    Planted("first_for_last", "rnn", [("another end of the sequence", "third")], code=[("_, x = self.third(x, sequence=False)\n        x = x[0]", "x = self.third(x)[0][:, 0]")]),
    Planted("recurrent_transposed", "rnn", [("recurrent weight transposed", "third")], change("third.weight_hh", lambda x: np.concatenate([p.T for p in np.split(x, 3)]))),
    Planted("reset_after", "rnn", [("another reset after", "third")], code=[
        ("recurrent_activation=F.hardsigmoid)", "recurrent_activation=F.hardsigmoid, reset_after=True)"),
        ("torch.empty(3 * hidden_size)) if bias and reset_after else None", "torch.zeros(3 * hidden_size)) if False else None")]),
    Planted("recurrent_activation", "rnn", [("another activation", "third")], code=[("F.hardsigmoid)", "torch.sigmoid)")]),
    Planted("hard_sigmoid_slope", "rnn", [("another activation", "third")], code=[("F.hardsigmoid)", "lambda v: (0.2 * v + 0.5).clamp(0, 1))")]),
    Planted("behind_an_lstm", "rnn", [("gates in another order", "both"), ("biases exchanged", "second"), ("bias dropped", "scores")],
            both(change("both.", _gates((0, 2, 1, 3))), exchange("second.bias_ih", "second.bias_hh"), change("scores.bias", np.zeros_like))),
)  # fmt: skip

OF_ATTRIBUTES = (
    Planted("epsilon", "cnn", [("another epsilon", "bn")], code=[("eps=0.001", "eps=1e-05")]),
    Planted("epsilon_outside", "cnn", [("epsilon outside the root", "bn")], change("bn.running_var", lambda x: x), [
        ("F.gelu(self.bn(x))", "F.gelu((x - self.bn.running_mean.reshape(1, -1, 1, 1)) / (self.bn.running_var.sqrt() + 1e-3).reshape(1, -1, 1, 1) * self.bn.weight.reshape(1, -1, 1, 1) + self.bn.bias.reshape(1, -1, 1, 1))")]),
    Planted("padding_side", "cnn", [("another padding", "c1")], code=[("F.pad(x, (0, 1, 0, 1))", "F.pad(x, (1, 0, 1, 0))")]),
    Planted("padding_mode", "cnn", [("another padding mode", "c2")], code=[("kernel_size=3, padding=1)", "kernel_size=3, padding=1, padding_mode='reflect')")]),
    Planted("counts_padding", "shapes", [("another count padding", "mean")], code=[("F.avg_pool2d(F.leaky_relu(self.c1(x), 0.3), kernel_size=2, ceil_mode=True)", "F.avg_pool2d(F.pad(F.leaky_relu(self.c1(x), 0.3), (0, 1, 0, 1)), kernel_size=2)")]),
    Planted("align_corners", "shapes", [("align corners", "larger")], code=[ALIGNED]),
    Planted("other_interpolation", "shapes", [("another kernel", "larger")], code=[('mode="bilinear"', 'mode="nearest"')]),
    Planted("gelu_form", "cnn", [("another approximate", "activation")], code=[("F.gelu(self.bn(x))", "F.gelu(self.bn(x), approximate='tanh')")]),
    Planted("hard_sigmoid", "shapes", [("another activation", "c2")], code=[("F.hardsigmoid(", "(lambda v: (0.2 * v + 0.5).clamp(0, 1))(")]),
    Planted("leaky_slope", "shapes", [("another negative slope", "leaky")], code=[("0.3)", "0.01)")]),
    Planted("softmax_axis", "shapes", [("another axis", "shares")], code=[("dim=2)", "dim=1)")]),
    Planted("dilation_missing", "shapes", [("dilation missing", "c1")], code=[("padding=2, dilation=2", "padding=1")]),
    Planted("ceil_mode", "shapes", [("ceil mode", "most")], code=[("stride=2)", "stride=2, ceil_mode=True)")]),
    Planted("mean_for_maximum", "shapes", [("another pooling", "most")], code=[("F.max_pool2d", "F.avg_pool2d")]),
    Planted("last_activation", "cnn", [("another activation", "d3")], code=[("F.softmax(self.d3(x), dim=-1)", "torch.sigmoid(self.d3(x))")]),
    Planted("activation_missing", "cnn", [("activation missing", "c2")], code=[("F.relu(self.c2(x))", "self.c2(x)")]),
    Planted("attention_scale", "attention", [("another attention scale", "attention/attended")], code=[("attn_mask=hide(x, query.dtype))", "attn_mask=hide(x, query.dtype), scale=1.0)")]),
    Planted("mask_polarity", "attention", [("mask turned round", "attention/attended")], code=[("hide(x, query.dtype)", "hide(~x, query.dtype)")]),
    Planted("mask_missing", "attention", [("mask missing", "attention/attended")], code=[("attn_mask=hide(x, query.dtype)", "attn_mask=None")]),
    Planted("not_causal", "attention", [("another causal", "later/attended")], code=[("is_causal=True", "is_causal=False")]),
    Planted("residual_forgotten", "attention", [("branch forgotten", "add")], code=[("x = tokens + x", "x = x + 0")]),
    Planted("branches_exchanged", "attention", [("branches exchanged", "joined")], code=[("[norm, x]", "[x, norm]")]),
    Planted("train_mode", "cnn", [("statistics of the batch", "bn")], code=[TRAINED]),
    Planted("dropout_active", "shapes", [("dropout active", "drop")], code=[TRAINED]),
    Planted("precision", "cnn", [("precision", "d1")], code=[("F.relu(self.d1(x))", "F.relu(self.d1.bfloat16()(x.bfloat16()).float())")]),
)  # fmt: skip

OF_INPUTS = (
    Planted("scaling", "cnn", [("inputs scaled", "c1")], code=[at_entrance("cnn", "x = x / 255")]),
    Planted("not_scaled", "shapes", [("inputs not scaled", "pixels")], code=[at_entrance("shapes", "x = x * 255")]),
    Planted("to_signed", "cnn", [("inputs scaled", "c1")], code=[at_entrance("cnn", "x = x / 127.5 - 1")]),
    Planted("mean_std", "cnn", [("mean and deviation of inputs", "c1")], code=[at_entrance("cnn", IMAGENET)]),
    Planted("caffe_mean", "cnn", [("mean and deviation of inputs", "c1")], code=[at_entrance("cnn", CAFFE)]),
    Planted("channel_order", "cnn", [("channel order of inputs", "c1")], code=[at_entrance("cnn", "x = x.flip(1)")]),
    Planted("layout", "cnn", [("layout of inputs", "c1")], code=[at_entrance("cnn", "x = x.permute(0, 2, 3, 1).reshape(x.shape)")]),
    Planted("per_image", "cnn", [("inputs standardised", "c1")], code=[at_entrance("cnn", OWN)]),
    Planted("integer_division", "cnn", [("integer division", "c1")], code=[at_entrance("cnn", "x = x // 1")]),
    Planted("scaled_sequence", "rnn", [("inputs scaled", "first")], code=[at_entrance("rnn", "x = x / 255")]),
)  # fmt: skip

SEVERAL = (
    Planted(
        "three_at_once", "cnn", [("another epsilon", "bn"), ("kernel flipped", "c2"), ("bias dropped", "d3")],
        both(change("c2.weight", FLIP), change("d3.bias", np.zeros_like)), [("eps=0.001", "eps=1e-05")],
    ),
    Planted(
        "two_in_one_layer", "cnn", [("kernel flipped", "c2"), ("bias twice", "c2")],
        both(change("c2.weight", FLIP), change("c2.bias", lambda x: 2 * x)),
    ),
)  # fmt: skip

PLANTED = (*OF_KERNELS, *OF_MEMORY, *OF_ATTRIBUTES, *OF_INPUTS, *SEVERAL)
