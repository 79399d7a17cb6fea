"""Networks that people use, with random weights: torchvision's, one of each of timm's families, small ones of
transformers'.

The three packages are no part of the development environment; those that are absent are left out.
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


SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 61,
    "max_position_embeddings": 40,
}
GPT = {"vocab_size": 61, "n_positions": 40, "n_embd": 32, "n_layer": 2, "n_head": 4}
PICTURES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "image_size": 32,
    "patch_size": 8,
}
T5 = {"vocab_size": 61, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
WHISPER: dict[str, Any] = {
    "vocab_size": 61,
    "d_model": 32,
    "num_mel_bins": 8,
    "max_source_positions": 20,
    "max_target_positions": 20,
    "pad_token_id": 0,
}
WHISPER |= {
    f"{side}_{name}": size
    for side in ("encoder", "decoder")
    for name, size in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 48))
}
BART = {**WHISPER, "max_position_embeddings": 40}
GROUPED = {**SIZES, "num_key_value_heads": 2, "head_dim": 8}
CLIP = {
    "text_config": {**SIZES, "projection_dim": 16},
    "vision_config": {**PICTURES, "projection_dim": 16},
    "projection_dim": 16,
}

TRANSFORMERS: tuple[tuple[str, str, dict[str, Any], tuple[str, ...]], ...] = (
    ("bert", "BertModel", SIZES, ("input_ids", "attention_mask")),
    ("bert_masked", "BertForMaskedLM", SIZES, ("input_ids",)),
    (
        "roberta",
        "RobertaForSequenceClassification",
        {**SIZES, "pad_token_id": 1},
        ("input_ids", "attention_mask"),
    ),
    (
        "distilbert",
        "DistilBertModel",
        {"vocab_size": 61, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
        ("input_ids", "attention_mask"),
    ),
    ("albert", "AlbertModel", {**SIZES, "embedding_size": 16}, ("input_ids",)),
    ("electra", "ElectraModel", {**SIZES, "embedding_size": 16}, ("input_ids",)),
    (
        "deberta",
        "DebertaV2Model",
        {**SIZES, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        ("input_ids",),
    ),
    ("mpnet", "MPNetModel", SIZES, ("input_ids",)),
    ("gpt2", "GPT2LMHeadModel", GPT, ("input_ids",)),
    ("gpt_neox", "GPTNeoXForCausalLM", SIZES, ("input_ids",)),
    ("opt", "OPTForCausalLM", {**SIZES, "ffn_dim": 48, "word_embed_proj_dim": 32}, ("input_ids",)),
    (
        "bloom",
        "BloomForCausalLM",
        {"vocab_size": 61, "hidden_size": 32, "n_layer": 2, "n_head": 4},
        ("input_ids",),
    ),
    ("llama", "LlamaForCausalLM", GROUPED, ("input_ids",)),
    ("mistral", "MistralForCausalLM", {**GROUPED, "sliding_window": 4}, ("input_ids",)),
    ("qwen2", "Qwen2ForCausalLM", GROUPED, ("input_ids",)),
    ("qwen3", "Qwen3ForCausalLM", GROUPED, ("input_ids",)),
    ("gemma2", "Gemma2ForCausalLM", GROUPED, ("input_ids",)),
    ("phi3", "Phi3ForCausalLM", {**GROUPED, "pad_token_id": 0}, ("input_ids",)),
    ("t5", "T5ForConditionalGeneration", T5, ("input_ids", "decoder_input_ids")),
    ("t5_encoder", "T5EncoderModel", T5, ("input_ids",)),
    ("bart", "BartForConditionalGeneration", BART, ("input_ids", "decoder_input_ids")),
    ("vit", "ViTForImageClassification", PICTURES, ("pixel_values",)),
    ("deit", "DeiTModel", PICTURES, ("pixel_values",)),
    ("beit", "BeitModel", PICTURES, ("pixel_values",)),
    ("dinov2", "Dinov2Model", PICTURES, ("pixel_values",)),
    (
        "swin",
        "SwinModel",
        {
            "image_size": 32,
            "patch_size": 2,
            "embed_dim": 16,
            "depths": [2, 2],
            "num_heads": [2, 4],
            "window_size": 4,
        },
        ("pixel_values",),
    ),
    (
        "segformer",
        "SegformerForSemanticSegmentation",
        {
            "num_encoder_blocks": 2,
            "depths": [1, 1],
            "sr_ratios": [2, 1],
            "hidden_sizes": [16, 32],
            "patch_sizes": [7, 3],
            "strides": [4, 2],
            "num_attention_heads": [1, 2],
            "mlp_ratios": [2, 2],
            "decoder_hidden_size": 16,
        },
        ("pixel_values",),
    ),
    (
        "convnext",
        "ConvNextModel",
        {"num_stages": 2, "depths": [1, 1], "hidden_sizes": [16, 32]},
        ("pixel_values",),
    ),
    ("clip", "CLIPModel", CLIP, ("input_ids", "pixel_values", "attention_mask")),
    ("clip_vision", "CLIPVisionModel", PICTURES, ("pixel_values",)),
    ("whisper_encoder", "WhisperModel.encoder", WHISPER, ("mel",)),
    ("whisper", "WhisperForConditionalGeneration", WHISPER, ("mel", "decoder_input_ids")),
    (
        "wav2vec2",
        "Wav2Vec2Model",
        {
            **SIZES,
            "conv_dim": [16, 16],
            "conv_kernel": [5, 3],
            "conv_stride": [3, 2],
            "num_feat_extract_layers": 2,
            "num_conv_pos_embeddings": 4,
            "num_conv_pos_embedding_groups": 2,
        },
        ("sound",),
    ),
    (
        "mamba",
        "MambaModel",
        {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        ("input_ids",),
    ),
)


def transformers_models() -> Iterator[tuple[str, Make]]:
    """Small ones of the architectures in most use, called by keyword as people do."""
    declare()
    import transformers

    for name, kind, sizes, inputs in TRANSFORMERS:
        yield (
            f"transformers/{name}",
            lambda kind=kind, sizes=sizes, inputs=inputs: _transformer(transformers, kind, sizes, inputs),
        )


def _by_keyword(module: Any, names: tuple[str, ...]) -> Any:
    """The module with its inputs by place, as they are given to it by name; no cache, a plain answer."""
    import torch

    class ByKeyword(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = module

        def forward(self, *inputs: Any) -> Any:
            return self.model(**dict(zip(names, inputs, strict=True)), return_dict=False)

    return ByKeyword()


def _transformer(package: Any, kind: str, sizes: dict[str, Any], names: tuple[str, ...]) -> Made:
    import torch

    kind, _, part = kind.partition(".")
    built = getattr(package, kind)
    config = built.config_class(**sizes)
    if hasattr(config, "use_cache"):
        config.use_cache = False
    module = built(config)
    module = getattr(module, part) if part else module
    torch.manual_seed(0)
    mask = torch.ones(2, 9, dtype=torch.int64)
    mask[1, 6:] = 0
    size = sizes.get("image_size", 32)
    known = {
        "input_ids": torch.randint(2, 60, (2, 9)),
        "decoder_input_ids": torch.randint(2, 60, (2, 5)),
        "attention_mask": mask,
        "pixel_values": torch.randn(2, 3, size, size),
        "mel": torch.randn(2, 8, 40),
        "sound": torch.randn(2, 400),
    }
    spelled = {"mel": "input_features", "sound": "input_values"}
    given = tuple(known[name] for name in names)
    return _by_keyword(module, tuple(spelled.get(name, name) for name in names)), given
