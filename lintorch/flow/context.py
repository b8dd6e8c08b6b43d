"""Context managers: which let every exception through, and which switch gradients off."""

from __future__ import annotations

import libcst as cst

from lintorch.flow.purity import Qualify

# Documented to return nothing true from __exit__.
_TRANSPARENT = frozenset(
    {
        "torch.no_grad",
        "torch.enable_grad",
        "torch.inference_mode",
        "torch.set_grad_enabled",
        "torch.autograd.no_grad",
        "torch.autograd.enable_grad",
        "torch.autograd.set_grad_enabled",
        "torch.autograd.inference_mode",
        "torch.autograd.profiler.record_function",
        "torch.autograd.set_detect_anomaly",
        "torch.profiler.record_function",
        "torch.autocast",
        "torch.amp.autocast",
        "torch.amp.autocast_mode.autocast",
        "torch.cuda.amp.autocast",
        "torch.cpu.amp.autocast",
        "torch.device",
        "torch.random.fork_rng",
        "torch.nn.attention.sdpa_kernel",
        "torch.backends.cuda.sdp_kernel",
        "builtins.open",
    }
)


def never_suppresses(manager: cst.BaseExpression, qualify: Qualify) -> bool:
    """Is this a manager known to let exceptions of its body through?"""
    callee = manager.func if isinstance(manager, cst.Call) else manager
    return qualify(callee) in _TRANSPARENT
