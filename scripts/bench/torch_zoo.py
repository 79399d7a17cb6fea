"""Networks that people use, with random weights: torchvision's, and one of each of timm's families.

These packages, and that of `transformers_zoo`, are no part of the development environment; absent ones are
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

Made = tuple[Any, tuple[Any, ...]]
Make = Callable[[], Made]

SKIPPED = "quantized_ rcnn ssd retina fcos".split()
"""Detectors sort and drop boxes: how many come out depends on the numbers."""

LARGE = """
vit_h vit_l regnet_y_128 regnet_y_32 convnext_large swin_b swin_v2_b efficientnet_b5
efficientnet_b6 efficientnet_b7 efficientnet_v2_l efficientnet_v2_m resnet152 densenet201 vgg19
vgg16 regnet_x_32 regnet_x_16 wide_resnet101 resnext101 swin3d_b
""".split()

GIANTS = ("deepseek_vit_*", "mobilenetv5_*", "legacy_senet154")
"""Too large for a run on a small machine, whatever their settings."""

SMALL = ("test_", "atto", "femto", "pico", "nano", "tiny", "small", "xxs", "_t", "_s")
"""What names of small networks have in them."""

SIDE = 128
"""Images of the networks that take any size."""


@cache
def declare() -> Any:
    """The operators of torchvision's C++ part, which does not load where torch has no CUDA."""
    from torch import library as operators

    declared = operators.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return declared


def torchvision_models() -> Iterator[tuple[str, Make]]:
    """Classification, segmentation, video and flow; the giants are left out."""
    declare()
    import torchvision

    for name in torchvision.models.list_models():
        if any(part in name for part in (*SKIPPED, *LARGE)) and "fcn" not in name:
            continue
        yield f"torchvision/{name}", lambda name=name: _torchvision(name)


def _torchvision(name: str) -> Made:
    import torch
    import torchvision

    plain = {"weights_backbone": None} if any(k in name for k in ("fcn", "lraspp", "deeplab")) else {}
    module = torchvision.models.get_model(name, weights=None, **plain)
    if name.startswith(("mvit", "swin3d", "s3d")):
        return module, (torch.randn(2, 3, 16, 224, 224),)
    if name.startswith(("r3d", "mc3", "r2plus1d")):
        return module, (torch.randn(2, 3, 16, 64, 64),)
    if name.startswith("raft"):
        return module, (torch.randn(2, 3, 128, 128), torch.randn(2, 3, 128, 128))
    size = 299 if "inception" in name else 224 if name.startswith(("vit", "maxvit", "swin")) else SIDE
    return module, (torch.randn(2, 3, size, size),)


def timm_models() -> Iterator[tuple[str, Make]]:
    """One small network of each family."""
    declare()
    import timm

    families: dict[str, list[str]] = {}
    for name in timm.list_models(exclude_filters=list(GIANTS)):
        families.setdefault(timm.models._registry._model_to_module.get(name, "?"), []).append(name)
    for family, names in sorted(families.items()):
        names.sort(key=lambda name: (not any(word in name for word in SMALL), len(name), name))
        yield f"timm/{family}/{names[0]}", lambda name=names[0]: _timm(name)


SHALLOW: tuple[dict[str, Any], ...] = (
    {"depth": 2, "img_size": 64},
    {"depth": 2},
    {"depths": (1, 1, 1, 1), "img_size": SIDE},
    {"depths": (1, 1, 1, 1)},
    {"layers": (1, 1, 1, 1)},
    {"drop_rate": 0.0},
    {},
)
"""Settings that take the repetition out of a network; the first that it knows is taken."""


def _timm(name: str) -> Made:
    import timm
    import torch

    for settings in SHALLOW:
        try:
            module = timm.create_model(name, pretrained=False, **settings).eval()
            told = module.default_cfg
            channels, *sides = told.get("input_size", (3, 224, 224))
            if "img_size" in settings:
                sides = [settings["img_size"]] * 2
            elif settings and not told.get("fixed_input_size"):
                sides = [min(side, max(SIDE, *told.get("min_input_size", (0, 0, 0))[1:])) for side in sides]
            inputs = torch.randn(2, channels, *sides)
            with torch.no_grad():
                module(inputs)
        except Exception:  # it knows no such setting, and says so in its own way
            if not settings:
                raise
        else:
            return module, (inputs,)
    raise AssertionError
