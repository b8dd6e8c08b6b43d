"""What a call is known to return, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TupleResult:
    """A call that returns a tuple of `length` elements, and why lintorch believes it."""

    length: int
    evidence: str


# Documented to return (output, state) or (output, weights).
PAIR_MODULES = frozenset(f"torch.nn.{name}" for name in ("GRU", "LSTM", "LSTMCell", "MultiheadAttention", "RNN"))

# Documented to return (values, indices), where a dimension is given.
PAIR_FUNCTIONS_OF_DIM = frozenset(f"torch.{name}" for name in ("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian"))
PAIR_FUNCTIONS = frozenset({"torch.sort", "torch.topk", "torch.linalg.qr", "torch.linalg.eigh", "torch.linalg.eig", "torch.linalg.slogdet"})


def pair_function(name: str, keywords: frozenset[str]) -> TupleResult | None:
    """Does `name(...)`, called with these keyword arguments, return a pair?"""
    if name in PAIR_FUNCTIONS and "out" not in keywords:
        return TupleResult(2, f"{name} returns a pair")
    if name in PAIR_FUNCTIONS_OF_DIM and "dim" in keywords and "out" not in keywords:
        return TupleResult(2, f"{name} with dim= returns a pair")
    return None
