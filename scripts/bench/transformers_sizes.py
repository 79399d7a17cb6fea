"""Sizes of small networks, as the configurations of transformers name them."""

from __future__ import annotations

from typing import Any

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
FUNNEL = {"vocab_size": 61, "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 48}
NEO = {"vocab_size": 61, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 40}
STAGES = {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1]}
POOLS = {
    "num_encoder_blocks": 2,
    "strides": [4, 2],
    "patch_sizes": [7, 3],
    "padding": [2, 1],
}
SOUND = {
    **SIZES,
    "conv_dim": [16, 16],
    "conv_kernel": [5, 3],
    "conv_stride": [3, 2],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
EXPERTS = {**GROUPED, "experts_implementation": "batched_mm"}  # the others sort tokens by their experts
TEXT, BOTH, IMAGE = ("input_ids",), ("input_ids", "decoder_input_ids"), ("pixel_values",)
CLIP = {
    "text_config": {**SIZES, "projection_dim": 16},
    "vision_config": {**PICTURES, "projection_dim": 16},
    "projection_dim": 16,
}
