"""What torch documents about its names, as far as graphs go. `CUTTING` methods return something without a graph whatever the receiver is."""

from __future__ import annotations

# Methods that give a number, a plain object, or a tensor that does not require grad.
CUTTING_METHODS = frozenset(
    {"detach", "detach_", "item", "tolist", "numpy", "argmax", "argmin", "argsort", "long", "int", "bool", "byte", "short", "size", "dim", "numel", "nelement"}
    | {"eq", "ne", "lt", "le", "gt", "ge", "equal", "isnan", "isinf", "isfinite", "nonzero", "multinomial", "sign_", "type_as_int", "element_size", "stride"}
    | {"new_zeros", "new_ones", "new_full", "new_empty", "new_tensor", "bincount", "histc", "allclose", "data_ptr", "stride", "count_nonzero", "any", "all"}
    | {"argwhere", "char", "isclose", "isneginf", "isposinf", "isreal", "signbit", "logical_and", "logical_not", "logical_or", "logical_xor", "nonzero_static"}
    | {
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "not_equal",
        "is_floating_point",
        "is_complex",
        "is_contiguous",
        "is_nonzero",
        "get_device",
        "ndimension",
    }
    | {"bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "new_empty_strided", "ndimension"}
)
CUTTING_ATTRIBUTES = frozenset(
    {"data", "shape", "dtype", "device", "ndim", "grad", "requires_grad", "is_leaf", "itemsize", "nbytes"}
    | {"is_cuda", "is_cpu", "is_mps", "is_meta", "is_sparse", "is_quantized", "is_nested", "layout", "output_nr", "retains_grad", "names"}
)
SAME_ATTRIBUTES = frozenset({"T", "H", "mT", "mH", "real", "imag"})
# Functions of torch that give tensors without a graph whatever goes in.
CUTTING_FUNCTIONS = frozenset(
    {"argmax", "argmin", "argsort", "zeros", "ones", "full", "empty", "arange", "linspace", "logspace", "eye", "rand", "randn", "randint", "randperm", "tensor"}
    | {"as_tensor", "from_numpy", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "bernoulli", "multinomial"}
    | {"eq", "ne", "lt", "le", "gt", "ge", "equal", "isnan", "isinf", "isfinite", "allclose", "nonzero", "bincount", "unique", "numel", "is_tensor", "load"}
    | {"tril_indices", "triu_indices", "histc", "logical_and", "logical_or", "logical_not", "finfo", "iinfo", "device", "manual_seed", "Generator", "one_hot"}
    | {"argwhere", "bucketize", "searchsorted", "isclose", "isin", "isneginf", "isposinf", "isreal", "signbit", "logical_xor", "count_nonzero", "any", "all"}
    | {"greater", "greater_equal", "less", "less_equal", "not_equal", "is_floating_point", "is_complex", "is_nonzero", "unique_consecutive", "matrix_rank"}
    | {"nonzero_static", "broadcast_shapes", "result_type", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "fftfreq", "rfftfreq", "empty_strided"}
)
PLAIN_BUILTINS = frozenset({"float", "int", "len", "bool", "str", "repr", "format", "range", "round", "hash", "id", "isinstance", "hasattr", "type", "print"})
# Losses whose scalar result keeps a storage of the size of all elements (measured with torch 2.13, pytorch#185647).
FULL_STORAGE_FUNCTIONS = frozenset({"mse_loss", "smooth_l1_loss", "binary_cross_entropy", "soft_margin_loss"})
FULL_STORAGE_MODULES = frozenset({"MSELoss", "SmoothL1Loss", "BCELoss", "SoftMarginLoss"})
# What a distribution gives with the graph of its parameters; what it gives otherwise (samples) has none.
DISTRIBUTION_METHODS = frozenset({"log_prob", "rsample", "entropy", "cdf", "icdf"})
DISTRIBUTION_ATTRIBUTES = frozenset({"mean", "mode", "variance", "stddev", "logits", "probs", "loc", "scale"})
# Methods of a module that return the module itself.
SAME_MODULE_METHODS = frozenset(
    {"to", "cuda", "cpu", "train", "eval", "half", "float", "double", "bfloat16", "requires_grad_", "apply", "share_memory", "to_empty"}
)
# Methods that only modules have (or that say as much of a wrapper round one).
MODULE_METHODS = frozenset(
    {
        "parameters",
        "named_parameters",
        "zero_grad",
        "state_dict",
        "load_state_dict",
        "named_modules",
        "modules",
        "children",
        "register_forward_hook",
        "train",
        "eval",
    }
)
# Wrappers that give a module for a module.
MODULE_WRAPPERS = frozenset(
    {
        "torch.nn.DataParallel",
        "torch.nn.parallel.DataParallel",
        "torch.nn.parallel.DistributedDataParallel",
        "torch.compile",
        "copy.deepcopy",
        "torch.jit.script",
    }
)
# Iterators that hand through what they iterate over.
SAME_ITERATORS = frozenset({"tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.trange", "builtins.iter", "builtins.list", "builtins.reversed", "tqdm"})

# What makes an empty container.
CONTAINER_MAKERS = frozenset({"dict", "list", "set", "defaultdict", "OrderedDict", "deque"})


# einops: functions and layers that move the elements of a tensor about.
REARRANGING_FUNCTIONS = frozenset({"einops.rearrange", "einops.reduce", "einops.repeat", "einops.einsum"})
_REARRANGING_CLASSES = frozenset({"einops.layers.torch.Rearrange", "einops.layers.torch.Reduce"})


def is_loss_function(dotted: str) -> bool:
    """Is it a loss of torch.nn.functional?"""
    package, _, function = dotted.rpartition(".")
    return package == "torch.nn.functional" and (function.endswith(("_loss", "_entropy", "_entropy_with_logits")) or function == "kl_div")


def is_loss_class(dotted: str) -> bool:
    """One of torch.nn's loss modules, or another that has no parameters and gives one tensor."""
    package, _, name = dotted.rpartition(".")
    return (package in ("torch.nn", "torch.nn.modules.loss") and name.endswith("Loss")) or dotted in _REARRANGING_CLASSES


def is_module_class(dotted: str) -> bool:
    """A class of torch.nn that is a module."""
    package, _, name = dotted.rpartition(".")
    return (
        (package == "torch.nn" or package.startswith("torch.nn.modules"))
        and name[:1].isupper()
        and name not in ("Parameter", "Buffer", "UninitializedParameter")
    )


def is_optimizer_class(dotted: str) -> bool:
    """A class of torch.optim."""
    package, _, name = dotted.rpartition(".")
    return package.split(".")[:2] == ["torch", "optim"] and name[:1].isupper() and "lr_scheduler" not in package


def is_loader_class(dotted: str) -> bool:
    """torch's DataLoader."""
    return dotted in ("torch.utils.data.DataLoader", "torch.utils.data.dataloader.DataLoader")


def is_distribution_class(dotted: str) -> bool:
    """A class of torch.distributions."""
    package, _, name = dotted.rpartition(".")
    return package.startswith("torch.distributions") and name[:1].isupper()
