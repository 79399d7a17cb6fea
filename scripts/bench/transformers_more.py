"""More kinds of transformers' networks: less used ones, and those whose parts differ from the usual."""

from __future__ import annotations

from typing import Any

from scripts.bench.transformers_sizes import (
    BART,
    BOTH,
    GPT,
    GROUPED,
    IMAGE,
    PICTURES,
    SIZES,
    SOUND,
    STAGES,
    T5,
    TEXT,
)

Kind = tuple[str, str, dict[str, Any], tuple[str, ...]]

DETR = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "num_queries": 5,
}
RESNET = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 16],
    "depths": [1, 1],
    "out_features": ["stage2"],
}
SPARSE = {**GROUPED, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
EXPERTS = {"experts_implementation": "batched_mm"}
STATES = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}
MORE: tuple[Kind, ...] = (
    # encoders of text
    ("xlm_roberta", "XLMRobertaModel", {**SIZES, "pad_token_id": 1}, ("input_ids", "attention_mask")),
    ("camembert", "CamembertForMaskedLM", {**SIZES, "pad_token_id": 1}, TEXT),
    ("ernie", "ErnieModel", SIZES, TEXT),
    ("rembert", "RemBertModel", {**SIZES, "input_embedding_size": 16, "output_embedding_size": 16}, TEXT),
    ("squeezebert", "SqueezeBertModel", {**SIZES, "embedding_size": 32}, TEXT),
    (
        "deberta_v1",
        "DebertaModel",
        {**SIZES, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        TEXT,
    ),
    ("big_bird", "BigBirdModel", {**SIZES, "attention_type": "original_full"}, TEXT),
    ("megatron_bert", "MegatronBertModel", SIZES, TEXT),
    ("data2vec_text", "Data2VecTextModel", {**SIZES, "pad_token_id": 1}, TEXT),
    ("nomic_bert", "NomicBertModel", SIZES, TEXT),
    ("eurobert", "EuroBertModel", {**GROUPED, "pad_token_id": 0}, TEXT),
    ("flaubert", "FlaubertModel", {"n_words": 61, "emb_dim": 32, "n_layers": 2, "n_heads": 4}, TEXT),
    ("xmod", "XmodModel", {**SIZES, "pad_token_id": 1, "default_language": "en_XX"}, TEXT),
    # decoders of text
    ("gpt1", "OpenAIGPTModel", GPT, TEXT),
    ("ctrl", "CTRLModel", {**GPT, "dff": 48}, TEXT),
    ("gemma", "GemmaForCausalLM", GROUPED, TEXT),
    ("cohere2", "Cohere2ForCausalLM", GROUPED, TEXT),
    ("helium", "HeliumForCausalLM", GROUPED, TEXT),
    ("smollm3", "SmolLM3ForCausalLM", {**GROUPED, "pad_token_id": 0}, TEXT),
    ("persimmon", "PersimmonForCausalLM", SIZES, TEXT),
    ("nemotron", "NemotronForCausalLM", GROUPED, TEXT),
    ("exaone4", "Exaone4ForCausalLM", GROUPED, TEXT),
    ("gpt_oss", "GptOssForCausalLM", {**SPARSE, **EXPERTS, "num_local_experts": 4}, TEXT),
    ("olmoe", "OlmoeForCausalLM", {**SPARSE, **EXPERTS, "num_experts": 4}, TEXT),
    ("qwen2_moe", "Qwen2MoeForCausalLM", {**SPARSE, **EXPERTS, "num_experts": 4}, TEXT),
    ("qwen3_moe", "Qwen3MoeForCausalLM", {**SPARSE, **EXPERTS, "num_experts": 4}, TEXT),
    ("mixtral_sorted", "MixtralForCausalLM", {**GROUPED, "num_local_experts": 4}, TEXT),
    (
        "mamba2",
        "Mamba2Model",
        {**STATES, "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 4},
        TEXT,
    ),
    ("falcon_mamba", "FalconMambaModel", STATES, TEXT),
    ("lfm2", "Lfm2ForCausalLM", {**GROUPED, "layer_types": ["conv", "full_attention"]}, TEXT),
    # both
    ("mbart", "MBartForConditionalGeneration", BART, BOTH),
    ("blenderbot", "BlenderbotForConditionalGeneration", BART, BOTH),
    ("mt5", "MT5ForConditionalGeneration", T5, BOTH),
    ("longt5", "LongT5Model", {**T5, "local_radius": 3}, BOTH),
    ("plbart", "PLBartModel", BART, BOTH),
    # images
    ("bit", "BitModel", {**STAGES, "num_groups": 4}, IMAGE),
    ("focalnet", "FocalNetModel", {"image_size": 32, "embed_dim": 16, "depths": [1, 1]}, IMAGE),
    ("levit", "LevitModel", {"image_size": 64, "hidden_sizes": [16, 32, 48], "depths": [1, 1, 1]}, IMAGE),
    ("mobilevit", "MobileViTModel", {"image_size": 64}, IMAGE),
    ("mobilevitv2", "MobileViTV2Model", {"image_size": 64, "width_multiplier": 0.25}, IMAGE),
    ("mobilenet_v1", "MobileNetV1Model", {"depth_multiplier": 0.25}, IMAGE),
    ("pvt_v2", "PvtV2Model", {"image_size": 64, "hidden_sizes": [8, 16, 40, 64], "depths": [1] * 4}, IMAGE),
    ("swiftformer", "SwiftFormerModel", {"depths": [1, 1], "embed_dims": [16, 32]}, IMAGE),
    (
        "swinv2",
        "Swinv2Model",
        {
            "image_size": 32,
            "patch_size": 2,
            "embed_dim": 16,
            "depths": [2],
            "num_heads": [2],
            "window_size": 4,
        },
        IMAGE,
    ),
    ("vit_msn", "ViTMSNModel", PICTURES, IMAGE),
    ("dinov2_registers", "Dinov2WithRegistersModel", {**PICTURES, "num_register_tokens": 2}, IMAGE),
    ("dinov3_vit", "DINOv3ViTModel", PICTURES, IMAGE),
    ("detr", "DetrForObjectDetection", {**DETR, "backbone_config": RESNET}, IMAGE),
    ("glpn", "GLPNForDepthEstimation", {"hidden_sizes": [8, 16, 40, 64], "depths": [1] * 4}, IMAGE),
    (
        "depth_anything",
        "DepthAnythingForDepthEstimation",
        {
            "backbone_config": {
                "model_type": "dinov2",
                **PICTURES,
                "out_features": ["stage1", "stage2"],
                "reshape_hidden_states": False,
            },
            "patch_size": 8,
            "reassemble_hidden_size": 32,
            "reassemble_factors": [2, 1],
            "neck_hidden_sizes": [16, 24],
            "fusion_hidden_size": 16,
        },
        IMAGE,
    ),
    ("vilt", "ViltModel", {**SIZES, **PICTURES}, ("input_ids", "pixel_values")),
    # sounds
    ("sew", "SEWModel", {**SOUND, "squeeze_factor": 2}, ("sound",)),
    ("unispeech_sat", "UniSpeechSatModel", SOUND, ("sound",)),
    ("data2vec_audio", "Data2VecAudioModel", {**SOUND, "conv_pos_kernel_size": 5}, ("sound",)),
    ("wav2vec2_conformer", "Wav2Vec2ConformerModel", SOUND, ("sound",)),
    (
        "audio_spectrogram",
        "ASTModel",
        {
            **SIZES,
            "patch_size": 4,
            "frequency_stride": 4,
            "time_stride": 4,
            "max_length": 40,
            "num_mel_bins": 8,
        },
        ("frames",),
    ),
    (
        "encodec",
        "EncodecModel.decoder",
        {
            "num_filters": 4,
            "hidden_size": 16,
            "upsampling_ratios": [2, 2],
            "codebook_size": 16,
            "codebook_dim": 16,
        },
        ("codes",),
    ),
    # series of numbers
    (
        "patchtst",
        "PatchTSTModel",
        {
            "num_input_channels": 2,
            "context_length": 16,
            "patch_length": 4,
            "patch_stride": 4,
            "num_hidden_layers": 1,
            "d_model": 16,
            "ffn_dim": 24,
            "do_mask_input": False,
        },
        ("past_values",),
    ),
    (
        "patchtsmixer",
        "PatchTSMixerModel",
        {"context_length": 16, "patch_length": 4, "patch_stride": 4, "num_input_channels": 2, "d_model": 8},
        ("past_values",),
    ),
)
