"""Operations of torch whose results have a graph where an argument has one, and which of several results do.

Measured with torch 2.13 on the samples that torch tests itself with (`torch.testing`); tests/flow/test_differentiable.py measures again.
"""

from __future__ import annotations

from lintorch.flow.torch_names import CUTTING_FUNCTIONS, REARRANGING_FUNCTIONS

# Functions of torch, methods of tensors, or both; a name that ends with "_" means the operation in place.
_NAMES = """
    H T abs absolute acos acosh adaptive_avg_pool1d adaptive_max_pool1d add addbmm addcdiv addcmul addmm addmv addr adjoint alias_copy align_to
    alpha_dropout amax amin aminmax angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh as_strided as_strided_copy as_strided_scatter
    as_subclass asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d avg_pool1d baddbmm batch_norm bfloat16 bilinear
    binary_cross_entropy_with_logits block_diag bmm broadcast_tensors broadcast_to cartesian_prod cat cdist cdouble ceil celu cfloat chain_matmul
    chalf channel_shuffle cholesky cholesky_inverse cholesky_solve chunk clamp clamp_max clamp_min clip clone coalesce column_stack combinations
    complex concat concatenate conj conj_physical constant_pad_nd contiguous conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d
    conv_transpose3d convolution copy_ copysign corrcoef cos cosh cosine_embedding_loss cosine_similarity cov cpu cross ctc_loss cuda cummax cummin
    cumprod cumsum cumulative_trapezoid deg2rad dequantize det diag diag_embed diagflat diagonal diagonal_copy diagonal_scatter diff digamma dist div
    divide dot double dropout dsplit dstack einsum embedding embedding_bag erf erfc erfinv exp exp2 expand expand_as expand_copy expm1
    feature_alpha_dropout feature_dropout fix flatten flip fliplr flipud float float_power floor floor_divide fmax fmin fmod frac frexp frobenius_norm
    gather geqrf ger gradient grid_sampler grid_sampler_2d grid_sampler_3d group_norm gru gru_cell half hardshrink heaviside hinge_embedding_loss
    histogram histogramdd hsplit hstack hypot i0 igamma igammac imag index index_add index_copy index_fill index_put index_reduce index_select inner
    instance_norm inverse istft kl_div kron kthvalue layer_norm ldexp lerp lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp
    logdet logit logsumexp lstm lstm_cell lu lu_solve lu_unpack mH mT margin_ranking_loss masked_fill masked_scatter masked_select matmul matrix_exp
    matrix_power max max_pool1d max_pool1d_with_indices max_pool2d max_pool3d maximum mean median meshgrid min minimum mm mode moveaxis movedim msort
    mul multiply mv mvlgamma nan_to_num nanmean nanmedian nanquantile nansum narrow narrow_copy native_batch_norm native_channel_shuffle
    native_dropout native_group_norm native_layer_norm neg negative nextafter norm norm_except_dim nuclear_norm orgqr ormqr outer pairwise_distance
    pca_lowrank pdist permute permute_copy pin_memory pinverse pixel_shuffle pixel_unshuffle poisson_nll_loss polar polygamma positive pow prelu prod
    put qr quantile rad2deg ravel real reciprocal refine_names relu remainder rename renorm repeat repeat_interleave requires_grad_ reshape reshape_as
    resolve_conj resolve_neg rms_norm rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell roll rot90 round row_stack rrelu rsqrt rsub scatter scatter_add
    scatter_reduce select select_scatter selu sgn sigmoid sign sin sinc sinh slice_scatter slogdet smm softmax sort sparse_mask split split_copy
    split_with_sizes split_with_sizes_copy spmm sqrt square squeeze squeeze_copy sspaddmm stack std std_mean stft sub subtract sum sum_to_size svd
    svd_lowrank swapaxes swapdims t t_copy take take_along_dim tan tanh tensor_split tensordot threshold tile to to_dense to_sparse topk trace
    transpose transpose_copy trapezoid trapz triangular_solve tril triplet_margin_loss triu true_divide trunc type type_as unbind unbind_copy
    unflatten unfold unfold_copy unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy vander var var_mean vdot view view_as
    view_as_complex view_as_real view_copy vsplit vstack where xlogy xpu
"""
_OPERATIONS = frozenset(_NAMES.split())
# Spaces in which all operations are differentiable but those with a result of whole numbers, and those of which some are.
_SPACES = frozenset({"torch.nn.functional", "torch.linalg", "torch.fft", "torch.functional"})
_MIXED = frozenset({"torch", "torch.special"})
# Operations that give values and, beside them, indices without a graph.
_WITH_INDICES = frozenset({"topk", "sort", "kthvalue", "mode", "cummax", "cummin", "frexp"})
# Those that do so where a dimension is given.
_WITH_INDICES_OF_DIMENSION = frozenset({"max", "min", "median", "nanmedian"})
_WHOLE_NUMBERS = frozenset(
    {f"torch.{name}" for name in ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "short", "int", "long", "bool")}
    | {f"torch.{space}{name}Tensor" for space in ("", "cuda.") for name in ("Byte", "Char", "Short", "Int", "Long", "Bool")}
    | {"builtins.int", "builtins.bool"}
)


def is_torch_function(dotted: str) -> bool:
    """A function of torch or einops that computes with tensors."""
    package, _, name = dotted.rpartition(".")
    return (package in _MIXED | _SPACES and name[:1].islower() and name not in CUTTING_FUNCTIONS) or dotted in REARRANGING_FUNCTIONS


def is_differentiable_function(dotted: str) -> bool:
    """A function of torch or einops whose result has a graph if an argument has one."""
    package, _, name = dotted.rpartition(".")
    return is_torch_function(dotted) and (package not in _MIXED or is_differentiable_method(name))


def is_differentiable_method(name: str) -> bool:
    """A method of tensors whose result has a graph if the tensor or an argument has one."""
    return name in _OPERATIONS or (name.endswith("_") and name[:-1] in _OPERATIONS)


def gives_indices(operation: str, dimension: bool) -> bool:
    """Does the operation give a pair of values and indices? `dimension`: it is given something beside the tensor that is no tensor."""
    return operation in _WITH_INDICES or (dimension and operation in _WITH_INDICES_OF_DIMENSION)


def is_whole_number_type(dotted: str) -> bool:
    """Does a tensor of that dtype, or of that old class of tensors, hold whole numbers or truths, which have no graph?"""
    return dotted in _WHOLE_NUMBERS
