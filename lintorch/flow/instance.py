"""What calling a class of torch makes: a module that owns parameters or one that owns none, an optimizer, a loader."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from lintorch.flow.fact import Fact, History, Sort
from lintorch.flow.torch_names import is_loader_class, is_loss_class, is_module_class, is_optimizer_class
from lintorch.project.locate import is_standard_library

# Classes of torch.nn that own no parameters, whatever they are given; losses stand apart.
_OPERATION = re.compile(
    r"(?:Adaptive|Fractional)?(?:Avg|Max|LP)(?:Un)?[Pp]ool[123]d|\w*Pad[123]d|(?:Feature)?(?:Alpha)?Dropout[123]?d?|Flatten|Unflatten|Fold|Unfold|Identity"
    r"|Upsample|Upsampling(?:Nearest|Bilinear)2d|Pixel(?:Uns|S)huffle|ChannelShuffle|CosineSimilarity|PairwiseDistance|LocalResponseNorm|CrossMapLRN2d"
    r"|CELU|ELU|GELU|GLU|Hardshrink|Hardsigmoid|Hardswish|Hardtanh|LeakyReLU|LogSigmoid|LogSoftmax|Mish|RReLU|ReLU6?|SELU|SiLU|Sigmoid|Softmax(?:2d)?"
    r"|Softmin|Softplus|Softshrink|Softsign|Tanh|Tanhshrink|Threshold"
)
# Those that own parameters unless told otherwise, and those that own none unless asked for.
_AFFINE = re.compile(r"(?:Sync)?BatchNorm(?:[123]d)?|GroupNorm|LayerNorm|RMSNorm")
_PLAIN_NORM = re.compile(r"InstanceNorm[123]d")
_CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})
# Modules of other libraries that compute without parameters: metrics, transforms, losses.
_FOREIGN_OPERATION = re.compile(
    r"torchmetrics\.[\w.]+|(?:torchvision|torchaudio|monai)\.transforms\.[\w.]+|monai\.(?:losses|metrics)\.[\w.]+|kornia\.(?:augmentation|losses|enhance)\.[\w.]+"
)


def instance(name: str, line: int, given: Collection[Fact], flags: Mapping[str, bool | None], how: str = "made on line") -> Fact | None:
    """What the class of that dotted name makes of what it is `given` by place, and of its keywords that are written as True or False; None for other names.

    `flags` has every keyword, with None for one whose value is not written out.
    """
    evidence = (f"{name} {how} {line}" if line else f"{how} {name}",)
    if is_loss_class(name):
        return Fact(Sort.CRITERION, History.CUT, evidence)
    if is_module_class(name):
        return Fact(_sort_of_module(name.rpartition(".")[2], given, flags), History.CUT, evidence)
    if is_optimizer_class(name):
        return Fact(Sort.OPTIMIZER, History.CUT)
    return Fact(Sort.LOADER, History.CUT) if is_loader_class(name) else None


def _sort_of_module(name: str, given: Collection[Fact], flags: Mapping[str, bool | None]) -> Sort:
    if _OPERATION.fullmatch(name):
        return Sort.OPERATION
    if name in _CONTAINERS:
        held = [one.element or one for one in given]
        return Sort.OPERATION if held and all(one.sort.owns_none for one in held) and not flags else Sort.MODULE
    switch = flags.get("affine", flags.get("elementwise_affine", _AFFINE.fullmatch(name) is not None))
    is_norm = _AFFINE.fullmatch(name) or _PLAIN_NORM.fullmatch(name)
    return Sort.OPERATION if is_norm and switch is False and len(given) <= 2 else Sort.MODULE


def base_owns_none(dotted: str) -> bool:
    """Does a base class that is not read bring no parameters, as far as its name says? Containers are given theirs in `super().__init__`."""
    if is_loss_class(dotted) or _FOREIGN_OPERATION.fullmatch(dotted) or is_standard_library(dotted):
        return True
    name = dotted.rpartition(".")[2]
    plain = name == "Module" or _OPERATION.fullmatch(name) is not None
    return dotted.startswith("torch.") and (plain or not is_module_class(dotted))
