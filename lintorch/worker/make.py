"""From values to Python objects and to Python source."""

from __future__ import annotations

import builtins
import importlib
import types
from typing import Any, Dict, Iterator, List, Tuple

import torch

from .values import Arguments, Built, Items, Literal, Named, Record, Table, Tensor, Value


class Missing(Exception):
    """A value that cannot be made here; str() says why."""


class Given:
    """A config of which only the attributes are known. It also answers as a mapping, since configs are read both ways."""

    def __init__(self, attributes: Dict[str, Any]) -> None:
        self.__dict__.update(attributes)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def keys(self) -> Any:
        """The names of the attributes."""
        return self.__dict__.keys()

    def items(self) -> Any:
        """Names and values of the attributes."""
        return self.__dict__.items()

    def get(self, key: str, default: Any = None) -> Any:
        """The attribute, or the default where there is none."""
        return self.__dict__.get(key, default)

    def to_dict(self) -> Dict[str, Any]:
        """The attributes as a dict."""
        return dict(self.__dict__)


class Maker:
    """Makes values in the light of the loaded file's module. `open_record` makes the object for a Record (the search passes one that grows);
    `with_grad` lets floating inputs carry a gradient.
    """

    def __init__(self, module: types.ModuleType, open_record: Any = Given, with_grad: bool = False) -> None:
        self.module = module
        self.open_record = open_record
        self.with_grad = with_grad

    def make(self, value: Value) -> Any:
        """The object for `value`; raises Missing where a name leads nowhere."""
        if isinstance(value, Literal):
            return value.value
        if isinstance(value, Tensor):
            made = make_tensor(value)
            # A clone, since code may write into its inputs, which a leaf that wants a gradient does not allow.
            return made.requires_grad_().clone() if self.with_grad and made.is_floating_point() else made
        if isinstance(value, Items):
            items = [self.make(item) for item in value.items]
            return tuple(items) if value.kind == "tuple" else items
        if isinstance(value, Table):
            return {key: self.make(item) for key, item in value.items}
        if isinstance(value, Named):
            return self.find(value.name)
        if isinstance(value, Built):
            return self._build(value)
        if isinstance(value, Record):
            return self.open_record({name: self.make(item) for name, item in value.attributes})
        return eval(value.text, self.names())

    def find(self, name: str) -> Any:
        """The object a name ("module:qualified.name") stands for."""
        module, _, qualname = name.partition(":") if ":" in name else split_dotted(name)
        found: Any = importlib.import_module(module) if module else self.module
        for part in qualname.split("."):
            if not hasattr(found, part):
                raise Missing(f"{qualname} is not defined in {module or self.module.__name__}")
            found = getattr(found, part)
        return found

    def _build(self, value: Built) -> Any:
        positional, keywords = self.arguments(value.arguments)
        made = self.find(value.maker.name)(*positional, **keywords)
        for name, item in value.attributes:
            setattr(made, name, self.make(item))
        return made

    def arguments(self, arguments: Arguments) -> Tuple[List[Any], Dict[str, Any]]:
        """Positional and keyword arguments for a call."""
        positional: List[Any] = []
        keywords: Dict[str, Any] = {}
        for name, value in arguments:
            if name.startswith("**"):
                keywords.update(self.make(value))
            elif name.startswith("*"):
                positional.extend(self.make(value))
            elif name.startswith("="):
                keywords[name[1:]] = self.make(value)
            else:
                positional.append(self.make(value))
        return positional, keywords

    def names(self) -> Dict[str, Any]:
        """What an expression may name: the file's globals, torch and its usual abbreviations."""
        common = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "types": types, "__builtins__": builtins}
        return _Names({**common, **vars(self.module)}, self.module)


def split_dotted(name: str) -> Tuple[str, str, str]:
    """A dotted name parted where its module ends (as str.partition parts); raises Missing where no part of it can be imported."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:count]))
        except Exception:
            continue
        if hasattr(module, parts[count]):
            return ".".join(parts[:count]), ":", ".".join(parts[count:])
    raise Missing(f"{name} cannot be imported")


class _Names(Dict[str, Any]):
    """Globals that ask the module for what is not there yet (a sliced module makes its names when asked)."""

    def __init__(self, known: Dict[str, Any], module: types.ModuleType) -> None:
        super().__init__(known)
        self.module = module

    def __missing__(self, name: str) -> Any:
        if not hasattr(builtins, name) and hasattr(self.module, name):
            return getattr(self.module, name)
        raise KeyError(name)


def make_tensor(value: Tensor) -> torch.Tensor:
    """A tensor drawn from torch's global generator."""
    dtype = getattr(torch, value.dtype)
    if value.fill == "normal":
        return torch.randn(value.shape).to(dtype)
    if value.fill == "unit":
        return torch.rand(value.shape).to(dtype)
    if value.fill == "ids":
        return torch.randint(0, max(value.high, 1), value.shape).to(dtype)
    if value.fill == "lengths":
        return torch.linspace(value.high, max(value.high // 2, 1), max(torch.Size(value.shape).numel(), 1)).to(dtype).reshape(value.shape)
    if value.fill == "offsets":
        return torch.linspace(0, value.high, max(torch.Size(value.shape).numel(), 1)).to(dtype).reshape(value.shape)
    if value.fill == "bools":
        return (torch.rand(value.shape) > 0.4).to(dtype)
    made = (torch.zeros if value.fill == "zeros" else torch.ones)(value.shape, dtype=dtype)
    if value.fill == "mask" and value.shape and value.shape[-1] > 1:
        made[..., -max(value.shape[-1] // 4, 1) :] = 0
    return made


def source(value: Value) -> str:
    """`value` as Python code that a user could write."""
    if isinstance(value, Literal):
        return repr(value.value)
    if isinstance(value, Tensor):
        return _tensor_source(value)
    if isinstance(value, Items):
        inside = ", ".join(source(item) for item in value.items)
        return f"[{inside}]" if value.kind == "list" else f"({inside},)" if len(value.items) == 1 else f"({inside})"
    if isinstance(value, Table):
        return "{" + ", ".join(f"{key!r}: {source(item)}" for key, item in value.items) + "}"
    if isinstance(value, Named):
        return _shortened(value.name)
    if isinstance(value, Built) and value.maker.name == "lintorch.worker.stubs:Answer":
        return f"lambda *_: {source(value.attributes[0][1])}"
    if isinstance(value, Built):
        return f"{_shortened(value.maker.name)}({arguments_source(_with_attributes(value))})"
    if isinstance(value, Record):
        return "types.SimpleNamespace(" + ", ".join(f"{name}={source(item)}" for name, item in value.attributes) + ")"
    return value.text


def _with_attributes(value: Built) -> Arguments:
    """Attributes set afterwards shown as the keywords that configs take them by; those of stubs are not shown."""
    return value.arguments if value.maker.name.startswith("lintorch.") else (*value.arguments, *((f"={name}", item) for name, item in value.attributes))


def arguments_source(arguments: Arguments) -> str:
    """Arguments as they stand between the parentheses of a call."""
    parts: List[str] = []
    for name, value in arguments:
        if name.startswith("**"):
            parts.extend(f"{key}={source(item)}" for key, item in getattr(value, "items", ()))
        elif name.startswith("*"):
            parts.extend(source(item) for item in getattr(value, "items", ()))
        else:
            parts.append(f"{name[1:]}={source(value)}" if name.startswith("=") else source(value))
    return ", ".join(parts)


def _shortened(name: str) -> str:
    if ":" not in name:
        return name.replace("torch.nn.", "nn.") if name.startswith("torch.nn.") else name
    module, _, qualname = name.partition(":")
    if module.startswith("lintorch."):
        return "nn.Softplus" if qualname == "Positive" else "nn.Identity"
    if module == "torch.nn":
        return f"nn.{qualname}"
    return f"{module}.{qualname}" if module == "torch" or module.startswith("torch.") else qualname


def _tensor_source(value: Tensor) -> str:
    shape = ", ".join(map(str, value.shape)) if value.shape else "()"
    usual = {"normal": "float32", "unit": "float32", "ids": "int64", "bools": "bool"}.get(value.fill, "float32")
    dtype = "" if value.dtype == usual else f", dtype=torch.{value.dtype}"
    if value.fill == "ids":
        return f"torch.randint(0, {value.high}, ({', '.join(map(str, value.shape))}{',' if len(value.shape) == 1 else ''}){dtype})"
    if value.fill == "lengths":
        return f"torch.linspace({value.high}, {max(value.high // 2, 1)}, {torch.Size(value.shape).numel()}).to(torch.{value.dtype})"
    if value.fill == "offsets":
        return f"torch.linspace(0, {value.high}, {torch.Size(value.shape).numel()}).to(torch.{value.dtype})"
    if value.fill == "mask":
        return f"torch.ones({shape}, dtype=torch.{value.dtype})"
    if value.fill == "bools":
        return f"(torch.rand({shape}) > 0.4)" + ("" if not dtype else f".to(torch.{value.dtype})")
    return f"torch.{ {'normal': 'randn', 'unit': 'rand'}.get(value.fill, value.fill) }({shape}{dtype})"
