"""What names usually mean: first guesses for the search, each of which is only believed when the code has run with it."""

from __future__ import annotations

import functools
import re
from typing import Any, List, NamedTuple, Optional, Pattern, Tuple

DIM = 32  # features: divisible by usual numbers of heads and groups
BATCH, LENGTH, SIDE = 2, 16, 16

# Whole numbers that a constructor takes, by a pattern of the parameter's (or config attribute's) name; the first that matches counts.
_NUMBERS: Tuple[Tuple[str, int], ...] = (
    (r"batch_size|^bs$|^n_batch", BATCH),
    (r"head_(dim|size|width)|dim_(per_)?head|d_head|^d_[kv]$|^dim_[kv]$|head_channels|channels_per_head|qk_dim_head|hidden_per_head", 8),
    (r"(kv|key_value|query)_(heads|groups)|n_kv|num_kv", 2),
    (r"heads?$|n_?head|num_attention|attn_heads|attention_heads", 4),
    (r"kernel|^k_?size$|filter_size|^ks$|conv_size|filter_len|d_conv|conv_bias_size", 3),
    (r"stride|dilation|^groups$|n_groups_conv|subsampl|hop|decimat", 1),
    (r"num_groups|norm_groups|n_groups", 4),
    (r"pad(ding)?_?(idx|token|index|id)|bos_|eos_|cls_|sep_|unk_|blank|ignore|mask_token|start_token|end_token|image_token|audio_token|_token_id|_idx$|token_index", 0),
    (r"^pad(ding)?$|padding_size", 1),
    (r"patch", 4),
    (r"window|block_len|chunk", 4),
    (r"vocab|num_embeddings|n_?tokens|num_?tokens|n_words|num_words|dict_size|n_symbols|n_items|num_items|n_users|codebook_size|num_codes|n_embed_codes|n_entit|n_relation|num_entities|num_relations", 32),
    (r"(img|image|input|crop|sample|target|feature|feat|spatial|grid)_?(size|res|resolution|height|width|shape)$|^size$|^(height|width|resolution|h|w|res)$|image_dim|img_dim", 32),
    (r"(max|seq|context|sequence|text|source|target|block|sentence|max_seq|src|tgt|n|num|pred|pos|input_chunk|output_chunk|max_source|max_target)_?(len|length|seq_len|position|positions|ctx|context|pos|size_seq|tokens_len)(s|gth|_embeddings|_embedding)?$|n_ctx|seq_?len|max_len|window_len|context_size|horizon|n_positions|max_position|block_size|ctx_len|^length$|lookback|n_frames|num_frames|frames|time_?steps|n_time|num_patches", LENGTH),
    (r"layer|depth|blocks?$|stack|stage|repeat|n_?hops|iters?$|iterations|loops|levels|num_downs|recurr|steps$|n_res|num_res|times", 2),
    (r"expert", 4),
    (r"top_?k|^k$|topk", 2),
    (r"reduction|reduce|ratio|expan|factor|mult|upscale|scale|squeeze|shrink|downsampl|upsampl|_r$|^r$|rank", 2),
    (r"class|label|categor|n_?outputs$|num_out|n_types|num_types|n_act|num_act", 5),
    (r"num_quer|n_quer|anchors?|num_points|n_points|neighbors|num_nodes|n_nodes|num_samples|n_samples|num_slots|n_slots|num_mem|n_mem|num_(aspect|bins)|n_bins|basis|num_bases|n_mixtures|components|num_gaussians|^n$|^m$|degree|order|channels_mult", 4),
    (r"spatial_dims|^ndims?$|^nd$|num_dims?$|^n_dims?$", 2),
)

_FLOATS: Tuple[Tuple[str, float], ...] = (
    (r"drop|^p$|prob|rate$|_p$|dropout|ratio_drop|pdrop", 0.1),
    (r"eps|tol", 1e-5),
    (r"momentum|decay", 0.1),
    (r"init_values?|layer_scale|gamma_init|std|initializer|init_range", 0.02),
    (r"theta|base|wavelength", 10000.0),
    (r"temperature|tau|sigma|scale|alpha|beta|gamma|lambda|margin|weight|coef|factor|multiplier|ratio|slope|delta|lr|smooth|thres|clip|cutoff|radius|limit|std", 0.5),
)

_FLAG = re.compile(r"^(use|is|has|with|do|add|enable|include|apply|return|output|share|tie|learn|train|normali[sz]e|causal|bidirectional|bias|affine|inplace|residual|pre_?norm|batch_first|"
                   r"concat|skip|flip|need|no|should|freeze|pretrained|verbose|debug|gated|separate|scale_by|cross|conditional|self|soft|zero|only)(_|$)|_(bias|flag|norm|first|only|enabled|connection|residual|"
                   r"embeddings_tied)$|^(bias|causal|training|inplace|bidirectional|residual|affine|batch_first|norm|bn|relu|deterministic|symmetric)$")

_TEXTS: Tuple[Tuple[str, str], ...] = (
    (r"padding_mode|pad_mode", "zeros"),
    (r"act|nonlin", "relu"),
    (r"norm", "batch"),
    (r"pool|aggr|reduc", "mean"),
    (r"attn_impl|attention_impl", "eager"),
    (r"device", "cpu"),
    (r"mode|interp", "bilinear"),
)


@functools.lru_cache(maxsize=None)
def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(pattern)


def _first(table: Any, name: str) -> Any:
    return next((value for pattern, value in table if _compiled(pattern).search(name)), None)


def words(name: str) -> str:
    """A name in lower case with words separated by underscores: `inChannels` and `in_channels` are one."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().lstrip("_")


def whole_number(name: str) -> int:
    """A plausible whole number for a parameter of this name; a feature dimension where nothing is known."""
    found = _first(_NUMBERS, words(name))
    return DIM if found is None else int(found)


def known_number(name: str) -> Optional[int]:
    """As `whole_number`, None where the name says nothing."""
    found = _first(_NUMBERS, words(name))
    return None if found is None else int(found)


def real_number(name: str) -> float:
    """A plausible real number for a parameter of this name."""
    found = _first(_FLOATS, words(name))
    return 0.5 if found is None else float(found)


def sounds_real(name: str) -> bool:
    """Does the name sound like a probability, a tolerance, a weight?"""
    return bool(re.search(r"drop|prob|(^|_)eps|momentum|temperature|alpha|(^|_)tau$|epsilon|_rate$|initializer_range|_std$|_decay|layer_scale|_theta|scaling$|^p$|_coef", words(name)))


def sounds_flag(name: str) -> bool:
    """Does the name sound like a switch?"""
    return bool(_FLAG.search(words(name)))


def text(name: str) -> Optional[str]:
    """A plausible string for a parameter of this name, None where the name says nothing."""
    return _first(_TEXTS, words(name))


def sounds_plural(name: str) -> bool:
    """Does the name sound like several numbers (dims, channels, layers, kernel_sizes)?"""
    return bool(re.search(r"(dims|sizes|strides|kernels|depths|channels_list|layers_list|ratios|rates|widths|filters|hiddens|units|shape|list|mults|dilations|paddings|features_list|_channels_in|scales|"
                          r"levels|resolutions|factors)$", words(name)))


class Role(NamedTuple):
    """What a forward parameter probably holds: a fill and the shapes to try, in letters (b batch, s sequence, d features, c image channels, h w sides, 1 2 ... numbers)."""

    fill: str
    shapes: Tuple[str, ...]


_ROLES: Tuple[Tuple[str, Role], ...] = (
    (r"edge_index|adj_t|edge_label_index", Role("ids", ("2e",))),
    (r"edge_(attr|feat|embed)|edge_features|^e$", Role("normal", ("ed", "bssd"))),
    (r"edge_weights?|edge_type|edge_norm", Role("normal", ("e",))),
    (r"cu_seqlens", Role("ids", ("b",))),
    (r"(input|token|text|src|tgt|decoder_input|target|position|pos|type|segment|token_type|item|user|entity|relation|word|char|speaker|lang|language|phone|code|label)_?(ids?|tokens|indices|index|idx|seq)$|"
     r"^(ids?|tokens|idx|indices|index|codes|text|captions?|words|sentence|labels?|y_true|prev_output_tokens|src_tokens)$", Role("ids", ("bs", "b", "bss"))),
    (r"^(targets?|gt|y|truth|ground_truth|tgt_out)$", Role("normal", ("bd", "bsd", "bchw", "b"))),
    (r"lengths?$|_lens?$|seq_len$|^lens?$", Role("ids", ("b",))),
    (r"mask$|^mask|_mask_|masks$", Role("ones", ("bs", "bss", "b1ss", "bsd"))),
    (r"position_embeddings|rotary|rope|freqs|cos_sin", Role("normal", ("bsk", "sk"))),
    (r"pixel_values|^(img|image|images|imgs|pixel|frame|rgb|depth_map|lq|hr|lr)s?$|image_|^im$", Role("normal", ("bchw", "bcthw", "bchwt"))),
    (r"video|clip|voxel|volume", Role("normal", ("bcthw", "btchw", "bchw"))),
    (r"^(t|time|timesteps?|step|sigmas?|noise_levels?|log_snr|temb_t)$|time_step", Role("unit", ("b", "bd"))),
    (r"^(temb|emb|embedding|time_emb|t_emb|time_embed|cond|conditioning|style|latent|noise|z|c|context_vector|global_cond|vec|pooled|cond_emb|g|w)$|pooled_", Role("normal", ("bd", "bsd", "bchw"))),
    (r"wav|waveform|audio|speech|signal|^sig", Role("normal", ("bl", "bcl", "l"))),
    (r"spec|mel|fbank", Role("normal", ("bcs", "bsc", "bchw"))),
    (r"^(h|h0|hx|hidden|state|cell|c0|prev_state|memory_state|states)$", Role("normal", ("bd", "bsd"))),
    (r"adj|adjacency|graph|laplacian|support", Role("normal", ("ss", "bss"))),
    (r"state_embeds|encoder_hidden|hidden_states|inputs_embeds|_embeds$|embeds?$|context|memory|^(q|k|v|query|key|value|queries|keys|values)$|tokens|seq|^(src|tgt)$|encoder_out|enc_out|features_seq", Role("normal", ("bsd", "bchw", "bd"))),
    (r"coords|points|pos|xyz|positions|boxes|bbox|rois", Role("normal", ("bs3", "s3", "b4"))),
    (r"^(obs|observation|state|action|actions|act|reward|rewards)s?$", Role("normal", ("bd", "bsd"))),
    (r"feat|feature|fmap|map", Role("normal", ("bchw", "bsd", "bd"))),
)
_ANY = Role("normal", ("bsd", "bchw", "bd", "bcthw", "b", "bssd"))


def role(name: str) -> Role:
    """What a forward parameter of this name probably holds."""
    found = _first(_ROLES, words(name))
    return _ANY if found is None else found


_SIZES = {"b": BATCH, "s": LENGTH, "d": DIM, "c": DIM, "h": SIDE, "w": SIDE, "t": 4, "e": 12, "k": 8, "l": 1024}


def sizes(letters: str) -> Tuple[int, ...]:
    """A shape from its letters."""
    return tuple(_SIZES[letter] if letter in _SIZES else int(letter) for letter in letters)


def shapes(name: str) -> List[Tuple[int, ...]]:
    """The shapes to try for a forward parameter of this name, most likely first."""
    return [sizes(letters) for letters in role(name).shapes]
