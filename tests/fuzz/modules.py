"""Modules made by number: layers in a random graph, names chosen at random from few, loops, branches, side effects. Every value is a tensor of 4 by 6."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

EXAMPLE = "Net(6), torch.randn(4, 6), torch.randn(4, 6)"
_NAMES = ("x", "y", "h", "out", "t", "residual", "z")
_HEAD = """\
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.first, self.second = nn.Linear(n, n), nn.Linear(n, n)
        self.norm = nn.BatchNorm1d(n)
        self.drop = nn.Dropout(0.3)
        self.layers = nn.ModuleList(nn.Linear(n, n) for _ in range(2))
        self.scale = nn.Parameter(torch.ones(n))
        self.register_buffer("count", torch.zeros(1))
        self.lstm = nn.LSTM(n, n, batch_first=True)
        self.seen = []
        self.last = None

    def mix(self, a, b, gain=0.5):
        self.count += 1
        mixed = a * gain + b
        return mixed

    def forward(self, x, y):
"""


@dataclass
class _Writer:
    """A forward in the making; `bound` are the names that surely hold a tensor at this point."""

    chance: random.Random
    lines: list[str] = field(default_factory=list)
    bound: list[str] = field(default_factory=lambda: ["x", "y"])
    depth: int = 2
    loops: int = 0

    def add(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def name(self) -> str:
        return self.chance.choice(self.bound)

    def bind(self) -> str:
        """A name to assign to, old or new."""
        return self.chance.choice(_NAMES)

    def known(self, *names: str) -> None:
        self.bound = list(dict.fromkeys((*self.bound, *names)))

    def value(self, depth: int = 0) -> str:
        """An expression: a name, or made of others."""
        if depth > 2 or self.chance.random() < 0.25:
            return self.name()
        return (
            self.chance.choice(_EXPRESSIONS).replace("@", "\0", 1).replace("@", "\1").replace("\0", self.value(depth + 1)).replace("\1", self.value(depth + 2))
        )


_EXPRESSIONS = (
    "self.first(@)", "self.second(@)", "self.norm(@)", "self.drop(@)", "torch.tanh(@)", "F.relu(@)", "F.dropout(@, 0.5, self.training)", "@ + @", "@ * @",
    "(@ - @)", "@.sigmoid()", "@.clone()", "self.scale * @", "torch.cat([@, @], 1)[:, 3:9]", "self.mix(@, @)", "self.mix(@, b=@)", "torch.where(@ > 0, @, 0.1)",
    "@.view(4, 6)", "@.t().t()", "F.layer_norm(@, (6,))", "@.detach()", "(@ if self.training else @)", "torch.rand_like(@)",
    "sum([layer(@) for layer in self.layers])",
    "self.lstm(@)[0]", "torch.stack((@, @)).mean(0)", "(lambda v: v * 2 + @)(@)", "torch.zeros_like(@).copy_(@)", "self.layers[0](@)", "@.matmul(torch.eye(6))",
)  # fmt: skip


def _assign(writer: _Writer) -> None:
    value, name = writer.value(), writer.bind()
    writer.add(f"{name} = {value}")
    writer.known(name)


def _chain(writer: _Writer) -> None:
    """One name bound again and again, or names that are each used once."""
    name = writer.bind()
    writer.add(f"{name} = {writer.value()}")
    writer.known(name)
    for _ in range(writer.chance.randrange(1, 4)):
        following = writer.chance.choice((name, writer.bind()))
        writer.add(f"{following} = {writer.chance.choice(_EXPRESSIONS).replace('@', name)}")
        writer.known(following)
        name = following


def _unpack(writer: _Writer) -> None:
    one, other = writer.chance.sample(_NAMES, 2)
    form = writer.chance.choice(
        (
            f"{one}, {other} = {writer.value()}, {writer.value()}",
            f"{one}, _ = self.lstm({writer.name()})",
            f"({one}, {other}) = ({other if other in writer.bound else 'x'}, {writer.name()})",
        )
    )
    writer.add(form)
    writer.known(one, *(() if "_ =" in form else (other,)))


def _effect(writer: _Writer) -> None:
    name = writer.name()
    forms = (
        f"self.count += {name}.sum().item() > 0", f"self.seen.append({name}.shape)", f"self.last = {name}", f"torch.manual_seed({writer.chance.randrange(9)})",
        f"self.norm({name})", f"{name}.size()", f"{name} = {name}", f"assert {name} is not None", "self.first.weight.data.mul_(1.0)", "torch.rand(2)",
        "self.scale.register_hook(lambda g: g)", "pass", f"unused = {writer.value()}", f"unused: torch.Tensor = {writer.value()}", "# a comment",
    )  # fmt: skip
    writer.add(writer.chance.choice(forms))


def _in_place(writer: _Writer) -> None:
    name, value = writer.bind(), writer.value()
    writer.add(f"{name} = {value} * 1.5")
    writer.known(name)
    other = writer.name()
    forms = (
        f"{name} += {other}",
        f"{name}.mul_(2)",
        f"{name}[:, 0] = 0",
        f"{name}[0] = {other}[1]",
        f"alias = {name}.view(4, 6)\n{'    ' * writer.depth}alias.add_({other})",
    )
    writer.add(writer.chance.choice(forms))


def _suite(writer: _Writer, header: str, statements: int | None = None) -> list[str]:
    """An indented suite; the names bound after it."""
    before = list(writer.bound)
    writer.add(header)
    first = len(writer.lines)
    writer.depth += 1
    for _ in range(statements or writer.chance.randrange(1, 3)):
        _statement(writer)
    if writer.chance.random() < 0.1 or all(line.strip().startswith("#") for line in writer.lines[first:]):
        writer.add("pass")
    writer.depth -= 1
    after, writer.bound = writer.bound, before
    return after


def _branch(writer: _Writer) -> None:
    test = writer.chance.choice(("self.training", f"{writer.name()}.sum() > 0", "len(self.seen) > 1", "self.last is None"))
    one = _suite(writer, f"if {test}:")
    other = _suite(writer, "else:") if writer.chance.random() < 0.6 else list(writer.bound)
    writer.known(*(name for name in one if name in other))


def _loop(writer: _Writer) -> None:
    if writer.loops:
        return _assign(writer)
    writer.loops += 1
    _suite(
        writer,
        writer.chance.choice(
            ("for _ in range(2):", "for layer in self.layers:", f"for row in {writer.name()}:", "while len(self.seen) < 2:\n@self.seen.append(1)")
        ).replace("@", "    " * (writer.depth + 1)),
    )
    writer.loops -= 1
    return None


def _block(writer: _Writer) -> None:
    kind = writer.chance.choice(("with torch.no_grad():", "with torch.enable_grad():", "try:"))
    after = _suite(writer, kind)
    if kind == "try:":
        _suite(writer, writer.chance.choice(("except ValueError:", "finally:")))
        return
    writer.known(*after)


def _nested(writer: _Writer) -> None:
    name = writer.bind()
    captured = writer.name()
    writer.add("def inner(v):")
    writer.add(f"    w = v + {captured}")
    writer.add("    return w")
    writer.add(f"{name} = inner({writer.name()})")
    writer.known(name)


def _delete(writer: _Writer) -> None:
    if len(writer.bound) > 3 and writer.depth == 2:
        name = writer.name()
        writer.bound.remove(name)
        writer.add(f"del {name}")


_STATEMENTS: tuple[Callable[[_Writer], None], ...] = (
    _assign, _assign, _assign, _chain, _chain, _unpack, _effect, _effect, _in_place, _branch, _loop, _block, _nested, _delete,
)  # fmt: skip


def _statement(writer: _Writer) -> None:
    kinds = _STATEMENTS if writer.depth < 4 else _STATEMENTS[:8]
    writer.chance.choice(kinds)(writer)


def module(seed: int) -> str:
    """The text of the module of that number."""
    writer = _Writer(random.Random(seed))
    for _ in range(writer.chance.randrange(2, 7)):
        _statement(writer)
    name = writer.name()
    ends = (
        f"return {name}",
        f"return {name}",
        f"result = {writer.value()}\n        return result",
        f"return {name}, {writer.value()}",
        f'return {{"a": {name}}}',
        f"return {writer.value()}",
    )
    writer.add(writer.chance.choice(ends))
    return _HEAD + "\n".join(writer.lines) + "\n"
