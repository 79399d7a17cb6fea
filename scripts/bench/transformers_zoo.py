"""Small networks of transformers' kinds, by the names of their classes and configurations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts.bench.torch_zoo import Made, Make, declare
from scripts.bench.transformers_more import MORE
from scripts.bench.transformers_sizes import (
    BART,
    BOTH,
    CLIP,
    EXPERTS,
    FUNNEL,
    GPT,
    GROUPED,
    IMAGE,
    NEO,
    PICTURES,
    POOLS,
    SIZES,
    SOUND,
    STAGES,
    T5,
    TEXT,
    WHISPER,
)

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
    ("wav2vec2", "Wav2Vec2Model", SOUND, ("sound",)),
    (
        "mamba",
        "MambaModel",
        {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        ("input_ids",),
    ),
    # encoders of text
    ("mobilebert", "MobileBertModel", {**SIZES, "embedding_size": 16, "intra_bottleneck_size": 16}, TEXT),
    ("convbert", "ConvBertModel", {**SIZES, "embedding_size": 32, "conv_kernel_size": 3}, TEXT),
    ("funnel", "FunnelModel", {**FUNNEL, "block_sizes": [1, 1], "num_decoder_layers": 1}, TEXT),
    ("xlnet", "XLNetModel", {**FUNNEL, "n_layer": 2}, TEXT),
    ("longformer", "LongformerModel", {**SIZES, "attention_window": 4}, TEXT),
    ("layoutlm", "LayoutLMModel", {**SIZES, "max_2d_position_embeddings": 40}, TEXT),
    ("roformer", "RoFormerModel", {**SIZES, "embedding_size": 32}, TEXT),
    ("modernbert", "ModernBertModel", {**SIZES, "pad_token_id": 0, "local_attention": 4}, TEXT),
    ("esm", "EsmModel", {**SIZES, "pad_token_id": 1, "position_embedding_type": "rotary"}, TEXT),
    ("fnet", "FNetModel", SIZES, TEXT),
    # decoders of text
    ("gptj", "GPTJForCausalLM", {**GPT, "rotary_dim": 4}, TEXT),
    ("gpt_neo", "GPTNeoForCausalLM", {**NEO, "attention_types": [[["global", "local"], 1]]}, TEXT),
    ("gpt_bigcode", "GPTBigCodeForCausalLM", GPT, TEXT),
    ("codegen", "CodeGenForCausalLM", {**GPT, "rotary_dim": 4}, TEXT),
    ("falcon", "FalconForCausalLM", SIZES, TEXT),
    ("mpt", "MptForCausalLM", {"vocab_size": 61, "d_model": 32, "n_heads": 4, "n_layers": 2}, TEXT),
    ("biogpt", "BioGptForCausalLM", SIZES, TEXT),
    ("xglm", "XGLMForCausalLM", {**BART, "num_layers": 2, "attention_heads": 4, "ffn_dim": 48}, TEXT),
    ("phi", "PhiForCausalLM", SIZES, TEXT),
    ("stablelm", "StableLmForCausalLM", GROUPED, TEXT),
    ("olmo", "OlmoForCausalLM", GROUPED, TEXT),
    ("olmo2", "Olmo2ForCausalLM", GROUPED, TEXT),
    ("cohere", "CohereForCausalLM", GROUPED, TEXT),
    ("starcoder2", "Starcoder2ForCausalLM", GROUPED, TEXT),
    ("gemma3", "Gemma3ForCausalLM", GROUPED, TEXT),
    ("granite", "GraniteForCausalLM", GROUPED, TEXT),
    ("glm", "GlmForCausalLM", {**GROUPED, "pad_token_id": 0}, TEXT),
    ("mixtral", "MixtralForCausalLM", {**EXPERTS, "num_local_experts": 4}, TEXT),
    ("rwkv", "RwkvForCausalLM", {**SIZES, "attention_hidden_size": 32}, TEXT),
    # both
    ("pegasus", "PegasusForConditionalGeneration", BART, BOTH),
    ("marian", "MarianMTModel", {**BART, "decoder_start_token_id": 0}, BOTH),
    ("m2m_100", "M2M100ForConditionalGeneration", BART, BOTH),
    ("umt5", "UMT5ForConditionalGeneration", T5, BOTH),
    # images
    ("resnet", "ResNetModel", STAGES, IMAGE),
    ("regnet", "RegNetModel", {**STAGES, "groups_width": 8}, IMAGE),
    ("poolformer", "PoolFormerModel", {**STAGES, **POOLS}, IMAGE),
    ("convnextv2", "ConvNextV2Model", {"num_stages": 2, "depths": [1, 1], "hidden_sizes": [16, 32]}, IMAGE),
    ("mobilenet_v2", "MobileNetV2Model", {"depth_multiplier": 0.25}, IMAGE),
    ("siglip_vision", "SiglipVisionModel", PICTURES, IMAGE),
    ("ijepa", "IJepaModel", PICTURES, IMAGE),
    ("videomae", "VideoMAEModel", {**PICTURES, "num_frames": 4}, ("film",)),
    ("timesformer", "TimesformerModel", {**PICTURES, "num_frames": 4}, ("film",)),
    ("vivit", "VivitModel", {**PICTURES, "num_frames": 4, "tubelet_size": [2, 8, 8]}, ("film",)),
    # sounds
    ("hubert", "HubertModel", SOUND, ("sound",)),
    ("wavlm", "WavLMModel", SOUND, ("sound",)),
)


def transformers_models() -> Iterator[tuple[str, Make]]:
    """Small ones of the architectures in most use, called by keyword as people do."""
    declare()
    import transformers

    for name, kind, sizes, inputs in (*TRANSFORMERS, *MORE):
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
        "film": torch.randn(2, 4, 3, 32, 32),
        "frames": torch.randn(2, 40, 8),
        "codes": torch.randn(2, 16, 12),
        "past_values": torch.randn(2, 16, 2),
    }
    spelled = {"mel": "input_features", "film": "pixel_values", "codes": "hidden_states"}
    spelled |= dict.fromkeys(("sound", "frames"), "input_values")
    given = tuple(known[name] for name in names)
    return _by_keyword(module, tuple(spelled.get(name, name) for name in names)), given
