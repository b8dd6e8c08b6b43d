"""Reading and changing the arguments of a plan, and the values that the search may choose from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from .values import Arguments, Literal, Path, Value, at, leaves, put


@dataclass
class Space:
    """What may stand for each parameter, likeliest first; `open_build` and `open_call` name those with defaults, left out at first;
    `small_build` holds small values for those whose defaults are large.
    """

    build: Dict[str, List[Value]] = field(default_factory=dict)
    call: Dict[str, List[Value]] = field(default_factory=dict)
    open_build: Dict[str, List[Value]] = field(default_factory=dict)
    open_call: Dict[str, List[Value]] = field(default_factory=dict)
    small_build: Dict[str, Value] = field(default_factory=dict)


def numbers(arguments: Optional[Arguments]) -> List[Tuple[Path, int]]:
    """The whole numbers among the arguments, with their paths."""
    found = [(path, leaf) for name, value in arguments or () for path, leaf in leaves(value, (name,))]
    return [(path, leaf.value) for path, leaf in found if isinstance(leaf, Literal) and isinstance(leaf.value, int) and not isinstance(leaf.value, bool)]


def get(arguments: Arguments, path: Path) -> Value:
    """The value at a path whose first key is an argument's name."""
    return at(dict(arguments)[path[0]], path[1:])


def has(arguments: Arguments, path: Path) -> bool:
    """Does the path lead to a value?"""
    try:
        get(arguments, path)
    except KeyError:
        return False
    return True


def set_at(arguments: Arguments, path: Path, value: Value) -> Arguments:
    """The arguments with the value at a path replaced."""
    return tuple((name, put(old, path[1:], value) if name == path[0] else old) for name, old in arguments)


def path_name(path: Path) -> str:
    """The name a person would call the value by."""
    texts = [part if isinstance(part, str) else part[1] for part in path if isinstance(part, (str, tuple))]
    return texts[-1].lstrip("=*") if texts else ""
