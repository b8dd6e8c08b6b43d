"""What names usually mean: first guesses for the search, each of which is only believed when the code has run with it.

Tables are tried from the top. A pattern is matched against whole words of a name: "heads?" is found in `num_heads` and `nHeads`, not in `headset`;
a leading ^ or trailing $ asks for the name's first or last word.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Iterable, List, NamedTuple, Optional, Pattern, Tuple

DIM = 32  # features: divisible by usual numbers of heads and groups
BATCH, LENGTH, SIDE = 2, 16, 16

# Whole numbers that a constructor takes, or a config holds.
_NUMBERS: Tuple[Tuple[str, int], ...] = (
    (r"batch_size|^bs$|n_batch", BATCH),
    (
        r"heads?_(dims?|size|width|channels)|dims?_(per_)?heads?|channels_per_heads?|num_head_channels|d_head|^d_[kv]$|^dim_[kqv]+$|^[qkv]_dim$|hidden_per_head|head_features",
        8,
    ),
    (r"(kv|key_value|query)_(n_?)?(heads?|groups)|n_kv|num_kv|kv_heads?", 2),
    (r"n?_?heads?|num_attention|nhead|n_head|attn_heads|attention_heads", 4),
    (r"kernels?|k_?size|filter_(size|len|length|width)|ks|conv_(size|width)|d_conv|conv_kernel|kernel_width", 3),
    (r"strides?|dilations?|^groups$|subsampling|subsample|hop|decimat\w*|dilate|cardinality|interval", 1),
    (r"(num|n|norm)_groups|groups_num|groupnorm_groups|gn_groups", 4),
    (
        r"pad(ding)?_(idx|token|index|id)|bos|eos|cls_\w+|sep_\w+|unk\w*|blank|ignore_\w+|mask_token|start_token|end_token|token_id|\w+_token_id|idx|token_index|layer_idx|layer_id|layer_index|index|rank|^pad_\w+$",
        0,
    ),
    (r"^pad(ding)?$|padding_size", 1),
    (r"patch(es)?_(size|height|width|len|length)|^patch(es)?$|tubelet\w*|temporal_patch_size", 4),
    (r"windows?|block_len|chunk_size|chunk_len|neighborhood", 4),
    (
        r"vocab|vocab_size|vocabulary_size|num_embeddings|n_?tokens?|num_tokens|n_words|num_words|dict_size|n_symbols|n_items|num_items|n_users|num_users|item_num|user_num|codebook_size|num_codes|"
        r"n_entit\w+|n_relation\w*|num_entities|num_relations|token_num|ntoken|bins|n_vocab|n_embeddings|vocabulary",
        32,
    ),
    (r"^(num_|n_)?(in_|input_|image_|img_|pixel_)?(chans|colou?rs)$", 3),
    (
        r"(img|image|input|crop|sample|spatial|grid|board|map)_?(size|res|resolution|height|width)$|^(size|height|width|resolution|h|w|res|side)$|(image|img)_dims?|(feat|feature)_(size|res|resolution|height|width)",
        32,
    ),
    (
        r"(max_?|seq_?|context_?|sequence_?|text_?|source_?|target_?|block_?|sentence_?|src_?|tgt_?|n_?|num_?|pred_?|prediction_?|forecast_?|label_?|input_chunk_?|output_chunk_?|clip_?|signal_?|out_?|hist\w*_)+"
        r"(len|length|seq_?len|positions?|ctx|context|seq|seqlen|lens|size_seq)|n_ctx|seq_?len|max_len|maxlen|context_size|horizon|n_positions|max_position\w*|ctx_len|^length$|lookback|(n_|num_|max_)frames|"
        r"^frames$|time_?steps|n_time|(num|n|max)_patches|max_period_len|seq_length|max_seq_length|sequence_length|block_size|window_length|past_len|input_size_seq|history\w*|positions",
        LENGTH,
    ),
    (r"spatial_dims?|^n?dims$|^nd$|^(n|num)_dims?$|^n_?dim$|ndims|dimension$|dimensions$", 2),
    (r"(channels?|dims?|features|widths?|filters|planes)$", DIM),  # `block_out_channels` is no number of blocks
    (
        r"n?_?layers?|depths?|blocks?|stacks?|stages?|repeats?|(n|num)_?hops?|iters?|iterations|loops|levels?|num_downs|recurr\w*|steps$|n_res|num_res\w*|times|num_convs?|n_convs?|nlayers|n_?layer|repetitions|"
        r"num_modules|rounds|order|refinements?|cycles",
        2,
    ),
    (r"experts?", 4),
    (r"top_?k|^k$|topk|experts_per_tok|per_tok", 2),
    (
        r"reduction|reduce|ratio|expan\w*|factors?|mult\w*|upscale|scale_factor|scales?|squeeze|shrink|downsampl\w*|upsampl\w*|^r$|rank|compression|growth|reduction_ratio|downscale",
        2,
    ),
    (r"class(es)?|nclass|labels?|categor\w*|(n|num)_outputs|num_out|(n|num)_types?|(n|num)_act(ions)?|n_cls|num_cls|nc|ncls|attributes|tags", 5),
    (
        r"num_quer\w+|n_quer\w+|anchors?|(num|n)_points|neighbou?rs?|(num|n)_nodes|(num|n)_samples?|(num|n)_slots|num_mem\w*|(num|n)_\w*bins|num_bases|basis|mixtures?|components|num_gaussians|^[nm]$|degree|"
        r"num_\w+_tokens|clusters|prototypes|num_views|agents?|n_agents|samples|directions|capsules|quantiles|variables|series|node_num|num_node",
        4,
    ),
)

_FLOATS: Tuple[Tuple[str, float], ...] = (
    (r"drop\w*|^p$|prob\w*|rate|pdrop|\w*dropout\w*|attn_drop|keep_prob", 0.1),
    (r"eps|epsilon|tol\w*", 1e-5),
    (r"momentum|decay", 0.1),
    (r"init_values?|layer_scale\w*|gamma_init|std|initializer\w*|init_range|init_std", 0.02),
    (r"theta|base|wavelength|max_period", 10000.0),
    (r".*", 0.5),
)
_REAL = (
    r"drop\w*|prob\w*|eps|momentum|temperature|temp|alpha|beta|gamma|tau|epsilon|rate|initializer_range|std|decay|layer_scale\w*|theta|scaling|p|coeff?|lambda\w*|lamb|margin|slope|thresh\w*|sigma\w*|"
    r"init_values?|pdrop|weight_decay|lr|\w*dropout|cutoff|init_scale|smoothing|label_smoothing|tolerance"
)
_COUNTED = r"(up|down|sub)?_?sampl\w*|dilat\w*|frame"  # rates that are whole numbers
_FLAG = (
    r"^(use|is|has|with|do|add|enable|include|apply|return|output|share|shared|tie|learn|learnable|learned|train|trainable|normali[sz]e|normali[sz]ed|causal|bidirectional|affine|inplace|residual|pre_?norm|concat|skip|"
    r"flip|need|no|should|freeze|pretrained|verbose|debug|gated|separate|conditional|zero|only|keep|force|allow|qkv|drop_last|elementwise|attend|full|predict|flash)_|"
    r"bias|first|enabled|causal|training|inplace|bidirectional|residual|affine|deterministic|symmetric|pretrained|use_\w+|bn|batchnorm|relu|is_\w+|norm_first|tied|trainable|learnable|"
    r"tie_word_embeddings|prenorm|batch_first|verbose|bi|skip|final|last|flash_attn|stable"
)
_TEXTS: Tuple[Tuple[str, str], ...] = (
    (r"padding_mode|pad_mode|pad_type", "zeros"),
    (r"act|activations?|nonlin\w*|act_?fn|act_func|actfn", "relu"),
    (r"norm|normalization|norm_?type", "batch"),
    (r"pool\w*|aggr\w*|reduction|readout", "mean"),
    (r"attn_implementation|attention_implementation", "eager"),
    (r"device", "cpu"),
    (r"mode|interp\w*", "bilinear"),
    (r"freq|frequency", "D"),
)
_PLURAL = (
    r"(dims|sizes|strides|kernels|depths|(channels|layers|features)_list|ratios|rates|widths|filters|hiddens|units|shapes?|list|mults|mult_list|dilations|paddings|scales|resolutions|factors|lists|"
    r"hidden_sizes|layer_sizes|fc_layers|num_layers_list|hidden_units|cutoffs|channel_mult\w*|ch_mult|layer_types|betas|block_out_channels|depths|out_indices|indices|stages_repeats)$"
)


@functools.lru_cache(maxsize=None)
def _compiled(pattern: str) -> Pattern[str]:
    parts = []
    depth, start = 0, 0
    for place, letter in enumerate(pattern + "|"):
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and depth == 0:
            parts.append(pattern[start:place])
            start = place + 1
    return re.compile("|".join(_bounded(part) for part in parts))


def _bounded(part: str) -> str:
    """One alternative of a pattern, made to match whole words of a name that has an underscore at either end."""
    head, tail = part.startswith("^"), part.endswith("$")
    inner = part[head : len(part) - tail]
    return ("^_" if head else "_") + f"(?:{inner})" + ("" if inner.endswith("_") else "_") + ("$" if tail else "")


def says(pattern: str, name: str) -> bool:
    """Does a pattern match whole words of the name?"""
    return bool(_compiled(pattern).search(f"_{words(name)}_"))


def _first(table: Any, name: str) -> Any:
    return next((value for pattern, value in table if says(pattern, name)), None)


def words(name: str) -> str:
    """A name in lower case with words separated by underscores: `inChannels` and `in_channels` are one."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def known_number(name: str) -> Optional[int]:
    """A plausible whole number for a parameter of this name, None where the name says nothing."""
    found = _first(_NUMBERS, name)
    return None if found is None else int(found)


def whole_number(name: str) -> int:
    """A plausible whole number for a parameter of this name; a feature dimension where nothing is known."""
    found = known_number(name)
    return DIM if found is None else found


def real_number(name: str) -> float:
    """A plausible real number for a parameter of this name."""
    return float(_first(_FLOATS, name))


def sounds_real(name: str) -> bool:
    """Does the name sound like a probability, a tolerance, a weight?"""
    return says(_REAL, name) and not says(_COUNTED, name)


def sounds_flag(name: str) -> bool:
    """Does the name sound like a switch?"""
    return says(_FLAG, name)


def sounds_plural(name: str) -> bool:
    """Does the name sound like several numbers (dims, channels, layers, kernel_sizes)?"""
    return says(_PLURAL, name)


def text(name: str) -> Optional[str]:
    """A plausible string for a parameter of this name, None where the name says nothing."""
    found = _first(_TEXTS, name)
    return None if found is None else str(found)


class Role(NamedTuple):
    """What a forward parameter probably holds: a fill, and the shapes to try.

    Shapes are written in letters: b batch, s sequence, d features, c channels, h w sides, t frames, e edges, k a head's features, l samples, and digits.
    """

    fill: str
    shapes: Tuple[str, ...]


_INDEX_WORDS = (
    r"(input|token|text|src|tgt|decoder_input|target|position|pos|type|segment|token_type|item|user|entity|relation|word|char|speaker|lang|language|phone|code|label|class|cat|node|atom|task|expert)s?_?"
    r"(ids?|tokens|indices|index|idx|seq|types?|numbers|labels?)$|ids?|^(idxs?|indices|index|codes|captions?|words|sentences?|labels?|y_true|prev_output_tokens|src_tokens|atomic_numbers|atom_types|x_categ|x_cat|tokens_ids|"
    r"categories|class_labels|batch|ptr)$"
)
_ROLES: Tuple[Tuple[str, Role], ...] = (
    (r"edge_index|adj_t|edge_label_index|edges", Role("ids", ("2e",))),
    (r"edge_(src|dst|source|target)|(src|dst)_(nodes?|idx|index)", Role("ids", ("e",))),
    (r"(past|future|hist|historical|known|observed)_(\w+_)?(feat\w*|features?|exog\w*|covariates?|reals?)|feat_dynamic\w*", Role("normal", ("bsd",))),
    (r"feat_static_cat\w*|static_cat\w*", Role("ids", ("bd",))),
    (r"(feat_)?static_(real\w*|feat\w*|covariates?|exog\w*)|stat_exog", Role("normal", ("bd",))),
    (r"(past|future|hist|historical)_(target|targets|values?|observed\w*|time)", Role("normal", ("bs", "bsd"))),
    (r"edge_(attr|feats?|embed\w*|features?)|^e$", Role("normal", ("ed", "bssd"))),
    (r"edge_(weights?|types?|norm)", Role("normal", ("e",))),
    (r"cu_seq_?lens\w*", Role("offsets", ("3",))),
    (r"lengths?$|lens$|len$|seq_len|^lens?$|seqlens?", Role("lengths", ("b",))),
    (_INDEX_WORDS, Role("ids", ("bs", "b", "bss"))),
    (r"^(targets?|gt|y|truth|ground_truth|tgt_out|y_hat|y_pred|gts?)$", Role("normal", ("bd", "bsd", "bchw", "b"))),
    (r"masks?|\w*mask", Role("mask", ("bs", "bss", "b1ss", "bsd"))),
    (r"position_embeddings?|rotary\w*|rope|freqs\w*|cos_sin|rotary_pos_emb|image_rotary_emb|pos_emb|cos|sin", Role("normal", ("bsk", "sk", "bsd"))),
    (r"pixel_values|^(img|image|images|imgs|pixel|frame|rgb|depth_map|lq|hr|lr)s?\d*$|^image$|^im$|pixels", Role("normal", ("bchw", "bcthw", "bchwt"))),
    (r"videos?|clip|voxels?|volume|frames", Role("normal", ("bcthw", "btchw", "bchw"))),
    (r"^(t|time|timesteps?|step|sigmas?|noise_levels?|log_snr)$|time_steps?|timesteps?", Role("unit", ("b", "bd"))),
    (
        r"^(temb|emb|embedding|time_emb|t_emb|time_embed|cond|conditioning|style|latents?|noise|z|c|context_vector|global_cond|vec|pooled|cond_emb|g|w|styles)$|pooled\w*|temb",
        Role("normal", ("bd", "bsd", "bchw")),
    ),
    (r"wav\w*|audios?|speech|signals?|^sig$|mixture|mix", Role("normal", ("bl", "bcl", "l"))),
    (r"spec\w*|mels?|fbank|log_mels?", Role("normal", ("bcs", "bsc", "bchw"))),
    (r"^(h|h0|hx|hidden|cell|c0|prev_state|memory_state|states?)$", Role("normal", ("bd", "bsd"))),
    (r"adj\w*|graph|laplacian|supports?", Role("normal", ("ss", "bss"))),
    (
        r"encoder_hidden\w*|hidden_states?|\w*embeds?|context|memory|^(q|k|v|query|key|value|queries|keys|values)$|tokens|seq|^(src|tgt)$|encoder_out\w*|enc_out",
        Role("normal", ("bsd", "bchw", "bd")),
    ),
    (r"coords?|points|pos|xyz|positions|boxes|bbox(es)?|rois", Role("normal", ("bs3", "s3", "b4"))),
    (r"^(obs|observations?|actions?|act|rewards?|obs_next)$", Role("normal", ("bd", "bsd"))),
    (
        r"(image|text|video|audio|student|teacher|global|user|item|graph|node)_features?|logits|preds?|predictions?|probs?|scores",
        Role("normal", ("bd", "bsd", "bchw")),
    ),
    (r"feats?|features?|fmaps?|maps?", Role("normal", ("bchw", "bsd", "bd"))),
)
_ANY = Role("normal", ("bsd", "bchw", "bd", "bcthw", "b", "bssd"))


def role(name: str) -> Role:
    """What a forward parameter of this name probably holds."""
    found: Optional[Role] = _first(_ROLES, name)
    return _ANY if found is None else found


_SIZES = {"b": BATCH, "s": LENGTH, "d": DIM, "c": DIM, "h": SIDE, "w": SIDE, "t": 4, "e": 12, "k": 8, "l": 1024}


def sizes(letters: str) -> Tuple[int, ...]:
    """A shape from its letters."""
    return tuple(_SIZES[letter] if letter in _SIZES else int(letter) for letter in letters)


def shapes(name: str, flat: bool = False) -> List[Tuple[int, ...]]:
    """The shapes to try for a forward parameter of this name, most likely first; `flat`: its batch is laid out along the sequence or the nodes."""
    known = role(name).shapes
    return [sizes(letters) for letters in dict.fromkeys([*(_flat(letters) for letters in known), *known] if flat else known)]


_LAID_OUT = r"edge_index|adj_t|cu_seq_?lens\w*"  # what tells graphs, or sequences, of one batch apart


def lays_out(names: Iterable[str]) -> bool:
    """Do parameters of these names say that a batch is laid out along its first dimension, as nodes of graphs or as packed sequences?"""
    return any(says(_LAID_OUT, name) for name in names)


def _flat(letters: str) -> str:
    """The letters of a shape without a batch of its own."""
    if letters.startswith("b") and "s" in letters:
        return letters[1:]
    return f"s{letters[1:]}" if letters in ("b", "bd") else letters
