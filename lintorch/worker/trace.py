"""The ATen trace of a forward and backward: every operation with numbered tensors, and the bytes of every tensor that enters from outside."""

from __future__ import annotations

import ctypes
import hashlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from .nesting import PLAIN, walk
from .observe import raw_bytes


class Trace(NamedTuple):
    """What a trace boils down to: the number of operations and a digest of all of them in order.

    `form` is a digest that leaves out the floating numbers given to operations, `numbers` one of these numbers alone, in float32.
    """

    operations: int
    digest: str
    form: str
    numbers: str


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
    """While entered, writes every operation down. Tensors are numbered in the order they appear; `names` gives those known beforehand."""

    def __init__(self, real: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self._form_hash, self._exact_numbers, self._rounded_numbers = (hashlib.blake2b(digest_size=16) for _ in range(3))
        self._numbers: Any = WeakIdKeyDictionary()
        self._next, self._real = 0, real
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Tuple[Any, ...] = (), kwargs: Optional[Dict[str, Any]] = None) -> Any:
        kwargs = kwargs or {}
        text = [str(func), self._text(args), self._text(kwargs)]
        result = func(*args, **kwargs)
        self.operations += 1
        self._write(*text, "->", self._text(result, made_here=True))
        return result

    def name(self, tensor: torch.Tensor, name: str) -> None:
        """Say what a tensor from outside is: from now on it goes by `name`, and its bytes are part of the trace."""
        if tensor not in self._numbers:
            self._numbers[tensor] = name
            self._write(name, self._layout(tensor), self._bytes(tensor))

    def tell(self, label: str, value: Any) -> None:
        """Write down where a value came from, in terms of the trace."""
        with _no_modes():
            self._write(label, self._text(value))

    def result(self) -> Trace:
        """The trace so far."""
        form, exact = self._form_hash.hexdigest(), self._exact_numbers.hexdigest()
        return Trace(self.operations, form + exact, form, self._rounded_numbers.hexdigest())

    def _write(self, *parts: str) -> None:
        self._form_hash.update("\x1f".join(parts).encode() + b"\n")

    def _number(self, value: float) -> str:
        self._exact_numbers.update(f"{value!r}\n".encode())
        self._rounded_numbers.update(f"{ctypes.c_float(value).value!r}\n".encode())
        return "#"

    def _text(self, value: Any, made_here: bool = False) -> str:
        if isinstance(value, torch.Tensor):
            return self._tensor(value, made_here)
        if type(value) is float:
            return self._number(value)
        if isinstance(value, (list, tuple)):
            return f"({','.join([self._text(part, made_here) for part in value])})"
        if isinstance(value, dict):
            return ",".join([f"{key}={self._text(part, made_here)}" for key, part in value.items()])
        if isinstance(value, PLAIN):
            return repr(value)
        return ";".join(f"{leaf.path}:{self._leaf(leaf.kind, leaf.value)}" for leaf in walk(value, ""))

    def _leaf(self, kind: str, value: Any) -> str:
        if kind == "tensor":
            return self._tensor(value, False)
        return type(value).__qualname__ if kind == "opaque" else repr(value)

    def _tensor(self, tensor: torch.Tensor, made_here: bool) -> str:
        known = self._numbers.get(tensor)
        if known is None:
            self._next += 1
            known = self._numbers[tensor] = f"%{self._next}"
            if not made_here:
                self._write(known, "from outside", self._bytes(tensor))
        return f"{known}:{self._layout(tensor)}"

    @staticmethod
    def _layout(tensor: torch.Tensor) -> str:
        stride = tensor.stride() if tensor.layout == torch.strided and not tensor.is_nested else tensor.layout
        return f"{tensor.dtype}{tuple(tensor.shape) if not tensor.is_nested else 'nested'}{stride}"

    def _bytes(self, tensor: torch.Tensor) -> str:
        if not self._real:
            return "fake"
        with _no_modes():
            plain = tensor.to_dense() if tensor.layout != torch.strided else tensor
            return hashlib.blake2b(raw_bytes(plain), digest_size=16).hexdigest()


def _no_modes() -> Any:
    disable: Callable[[], Any] = torch.utils._python_dispatch._disable_current_modes
    return disable()


class CallLog:
    """While entered, notes every module that is called, in order: what a forward hook would see."""

    def __init__(self, target: Any, names: Dict[str, str]) -> None:
        self.calls: List[str] = []
        modules = target.named_modules(remove_duplicate=False) if isinstance(target, torch.nn.Module) else ()
        self._names: Dict[int, str] = {}
        for name, module in modules:
            self._names.setdefault(id(module), names.get(name, name))

    def __enter__(self) -> CallLog:
        self._handle = torch.nn.modules.module.register_module_forward_hook(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()

    def _note(self, module: torch.nn.Module, arguments: Any, output: Any) -> None:
        self.calls.append(f"{self._names.get(id(module), 'another')} {type(module).__qualname__}")
