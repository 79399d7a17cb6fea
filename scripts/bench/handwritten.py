"""ResNet50, MobileNetV2 and VGG16 as a person writes them in torch: channels first, nothing fused.

The structure is that of keras.applications, layer by layer, so that a converted model can be timed
against it; `load_arrays` fills a network from Keras's weights, to show that they compute the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from porter.axes import Move


class Bottleneck(nn.Module):
    """ResNet's block: 1x1 (which strides), 3x3, 1x1, and the shortcut."""

    def __init__(self, inputs: int, width: int, stride: int = 1, *, project: bool = False) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(inputs, width, 1, stride)
        self.bn_1 = nn.BatchNorm2d(width, eps=1.001e-5)
        self.conv_2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn_2 = nn.BatchNorm2d(width, eps=1.001e-5)
        self.conv_3 = nn.Conv2d(width, 4 * width, 1)
        self.bn_3 = nn.BatchNorm2d(4 * width, eps=1.001e-5)
        self.project = project
        if project:
            self.conv_0 = nn.Conv2d(inputs, 4 * width, 1, stride)
            self.bn_0 = nn.BatchNorm2d(4 * width, eps=1.001e-5)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.bn_0(self.conv_0(x)) if self.project else x
        x = F.relu(self.bn_1(self.conv_1(x)))
        x = F.relu(self.bn_2(self.conv_2(x)))
        x = self.bn_3(self.conv_3(x))
        return F.relu(x + shortcut)


class ResNet50(nn.Module):
    """keras.applications.ResNet50 without a final softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, 2, padding=3)
        self.bn = nn.BatchNorm2d(64, eps=1.001e-5)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        stages, inputs = [], 64
        for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            blocks = [Bottleneck(inputs, width, stride, project=True)]
            blocks += [Bottleneck(4 * width, width) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            inputs = 4 * width
        self.stages = nn.Sequential(*stages)
        self.predictions = nn.Linear(inputs, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.bn(self.conv(x))))
        x = self.stages(x)
        return self.predictions(x.mean((2, 3)))

    def keras_names(self) -> Iterator[tuple[str, nn.Module]]:
        """Keras's layer name for each weighted module."""
        yield from (("conv1_conv", self.conv), ("conv1_bn", self.bn))
        for stage, blocks in enumerate(self.stages, start=2):
            for index, block in enumerate(blocks, start=1):
                for name, module in block.named_children():
                    kind, number = name.split("_")
                    yield f"conv{stage}_block{index}_{number}_{kind}", module
        yield "predictions", self.predictions


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise, project; padded before a stride as in Keras."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.stride = stride
        self.expands = expansion > 1
        self.adds = stride == 1 and inputs == outputs
        if self.expands:
            self.expand = nn.Conv2d(inputs, wide, 1, bias=False)
            self.expand_BN = nn.BatchNorm2d(wide, eps=1e-3)
        padding = 0 if stride == 2 else 1
        self.depthwise = nn.Conv2d(wide, wide, 3, stride, padding, groups=wide, bias=False)
        self.depthwise_BN = nn.BatchNorm2d(wide, eps=1e-3)
        self.project = nn.Conv2d(wide, outputs, 1, bias=False)
        self.project_BN = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, inputs: Tensor) -> Tensor:
        x = F.relu6(self.expand_BN(self.expand(inputs))) if self.expands else inputs
        if self.stride == 2:
            x = F.pad(x, (0, 1, 0, 1))
        x = F.relu6(self.depthwise_BN(self.depthwise(x)))
        x = self.project_BN(self.project(x))
        return inputs + x if self.adds else x


class MobileNetV2(nn.Module):
    """keras.applications.MobileNetV2 (alpha 1) for even sizes, without a final softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, 2, bias=False)
        self.bn = nn.BatchNorm2d(32, eps=1e-3)
        plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
        blocks, inputs = [], 32
        for expansion, outputs, count, stride in (*plan, (6, 160, 3, 2), (6, 320, 1, 1)):
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(InvertedResidual(inputs, outputs, step, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(320, 1280, 1, bias=False)
        self.last_bn = nn.BatchNorm2d(1280, eps=1e-3)
        self.predictions = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.bn(self.conv(F.pad(x, (0, 1, 0, 1)))))
        x = F.relu6(self.last_bn(self.last(self.blocks(x))))
        return self.predictions(x.mean((2, 3)))

    def keras_names(self) -> Iterator[tuple[str, nn.Module]]:
        """Keras's layer name for each weighted module."""
        yield from (("Conv1", self.conv), ("bn_Conv1", self.bn))
        for index, block in enumerate(self.blocks):
            prefix = f"block_{index}" if index else "expanded_conv"
            yield from ((f"{prefix}_{name}", module) for name, module in block.named_children())
        yield from (("Conv_1", self.last), ("Conv_1_bn", self.last_bn))
        yield "predictions", self.predictions


class VGG16(nn.Module):
    """keras.applications.VGG16 at 224 x 224 without a final softmax."""

    def __init__(self) -> None:
        super().__init__()
        stages, inputs = [], 3
        for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            widths = (inputs, *[width] * (count - 1))
            stages.append(nn.ModuleList(nn.Conv2d(one, width, 3, padding=1) for one in widths))
            inputs = width
        self.stages = nn.ModuleList(stages)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(512 * 7 * 7, 4096)
        self.fc2 = nn.Linear(4096, 4096)
        self.predictions = nn.Linear(4096, 1000)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            for conv in stage:
                x = F.relu(conv(x))
            x = self.pool(x)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.predictions(F.relu(self.fc2(x)))

    def keras_names(self) -> Iterator[tuple[str, nn.Module]]:
        """Keras's layer name for each weighted module."""
        for number, stage in enumerate(self.stages, start=1):
            for index, conv in enumerate(stage, start=1):
                yield f"block{number}_conv{index}", conv
        yield from (("fc1", self.fc1), ("fc2", self.fc2), ("predictions", self.predictions))


NETWORKS = {"ResNet50": ResNet50, "MobileNetV2": MobileNetV2, "VGG16": VGG16}


# From Keras's kernels to torch's.
_DENSE, _AFTER_FLATTEN = Move.parse("i o -> o i"), Move.parse("(h w c) o -> o (c h w)")
_CONV, _DEPTHWISE = Move.parse("h w i o -> o i h w"), Move.parse("h w i m -> (i m) 1 h w")


def _kernel(array: np.ndarray, module: nn.Module, name: str) -> np.ndarray:
    if name == "fc1":
        return _AFTER_FLATTEN.apply(array, {"h": 7, "w": 7})
    if isinstance(module, nn.Linear):
        return _DENSE.apply(array)
    return (_DEPTHWISE if module.groups > 1 else _CONV).apply(array)


_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean"}
_ATTRIBUTES = {**_NORM, "moving_variance": "running_var", "kernel": "weight", "bias": "bias"}


def load_arrays(network: nn.Module, arrays: Mapping[str, np.ndarray]) -> nn.Module:
    """Fill a network above from Keras's weights under `layer/variable`; each must be used."""
    modules = dict(network.keras_names())  # type: ignore[operator]
    left = set(arrays)
    for name, module in modules.items():
        for variable, attribute in _ATTRIBUTES.items():
            path = f"{name}/{variable}"
            if path not in arrays:
                continue
            target, array = getattr(module, attribute), arrays[path]
            if variable == "kernel":
                array = _kernel(array, module, name)
            target.data.copy_(torch.from_numpy(np.ascontiguousarray(array)))
            left.discard(path)
    if left:
        raise ValueError(f"weights that found no place: {sorted(left)}")
    return network.eval()
