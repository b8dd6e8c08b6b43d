"""A hundred modules put together by seed from the usual parts of a network, for operators to be applied to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.verify.mutations import Mutant
from tests.verify.specimens import Specimen

_WIDTH = 6


@dataclass
class _Draft:
    """A module in the making: layers of the constructor, statements of forward; `h` is a tensor of shape (4, 6) throughout, `x` the input."""

    chance: random.Random
    layers: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    def layer(self, made: str) -> str:
        """Add a layer and give its name."""
        name = f"self.part{len(self.layers)}"
        self.layers.append(f"{name} = {made}")
        return name

    def number(self, low: float, high: float) -> str:
        return f"{self.chance.uniform(low, high):.3f}"


def _linear(draft: _Draft) -> None:
    function = draft.chance.choice(["torch.tanh", "F.silu", "torch.sin", "F.softplus"])
    draft.statements.append(f"h = {function}({draft.layer('nn.Linear(n, n)')}(h))")


def _normalised(draft: _Draft) -> None:
    draft.statements.append(f"h = {draft.layer(draft.chance.choice(['nn.LayerNorm(n)', 'nn.BatchNorm1d(n)']))}(h)")


def _dropped(draft: _Draft) -> None:
    draft.statements.append(f"h = {draft.layer('nn.Dropout(0.25)')}(h)")


def _gated(draft: _Draft) -> None:
    draft.statements.append(f"gate = torch.sigmoid({draft.layer('nn.Linear(n, n)')}(h))")
    draft.statements.append(f"h = h * gate - {draft.number(0.2, 0.5)} * x")


def _residual(draft: _Draft) -> None:
    scale = draft.layer(f"nn.Parameter(torch.full((n,), {draft.number(0.3, 0.8)}))")
    draft.statements.append(f"h = h + F.gelu({draft.layer('nn.Linear(n, n)')}(h)) * {scale}")


def _attending(draft: _Draft) -> None:
    key, value = (draft.layer("nn.Parameter(torch.randn(5, n))") for _ in range(2))
    draft.statements.append(f"scores = torch.softmax(h @ {key}.T, dim=-1)")
    draft.statements.append(f"h = scores @ {value} + {draft.number(0.1, 0.4)} * h")


def _halved(draft: _Draft) -> None:
    draft.statements.append(f"first, second = {draft.layer('nn.Linear(n, 2 * n)')}(h).chunk(2, dim=-1)")
    draft.statements.append(f"h = first / ({draft.number(1.1, 1.9)} + torch.exp(second))")


def _counted(draft: _Draft) -> None:
    name = f"seen{len(draft.layers)}"
    draft.layers.append(f"self.register_buffer('{name}', torch.zeros(n))")
    draft.statements.append(f"if self.training:\n            self.{name}.mul_(0.9).add_(0.1 * h.detach().mean(0))")
    draft.statements.append(f"h = h - {draft.number(0.1, 0.3)} * self.{name}")


def _joined(draft: _Draft) -> None:
    draft.statements.append(f"h = torch.cat([h, {draft.layer('nn.Linear(n, 3)')}(x)], dim=-1)[..., 2:8]")


def _centred(draft: _Draft) -> None:
    draft.statements.append(f"h = F.leaky_relu(h - {draft.number(0.3, 0.7)} * h.mean(dim=-1, keepdim=True), {draft.number(0.1, 0.3)})")


def _convolved(draft: _Draft) -> None:
    draft.statements.append(f"h = torch.tanh({draft.layer('nn.Conv1d(1, 1, 3, padding=1)')}(h.unsqueeze(1)).squeeze(1))")


def _repeated(draft: _Draft) -> None:
    layers = draft.layer("nn.ModuleList([nn.Linear(n, n) for _ in range(2)])")
    draft.statements.append(f"for layer in {layers}:\n            h = h + {draft.number(0.2, 0.6)} * torch.sin(layer(h))")


_PARTS: tuple[Callable[[_Draft], None], ...] = (
    _linear, _normalised, _dropped, _gated, _residual, _attending, _halved, _counted, _joined, _centred, _convolved, _repeated,
)  # fmt: skip
_RESULTS = ("h", "(h, h.mean() * 1.3)", "{'out': h, 'norm': h.pow(3).sum(-1)}", "torch.log_softmax(h, dim=-1)", "h * 1.7 - x.mean()")


def generated(count: int = 100) -> tuple[Specimen, ...]:
    """The first modules; the same ones at every call."""
    return tuple(_module(number) for number in range(count))


def _module(number: int) -> Specimen:
    draft = _Draft(random.Random(number))
    for part in (_linear, *draft.chance.sample(_PARTS, draft.chance.randint(2, 4))):
        part(draft)
    name, result = f"Made{number}", draft.chance.choice(_RESULTS)
    layers = "\n        ".join(["super().__init__()", *draft.layers])
    body = "\n        ".join(["h = x * 0.9", *draft.statements, f"return {result}"])
    text = f"class {name}(nn.Module):\n    def __init__(self, n):\n        {layers}\n    def forward(self, x):\n        {body}\n"
    return Specimen(name, text, (f"{name}({_WIDTH}), torch.randn(4, {_WIDTH})",))


def one_of_each(apply: Callable[[Specimen, str], Iterator[Mutant]], operator: str, step: int = 1) -> list[Mutant]:
    """One change by an operator, at a place drawn by seed, of every module (or every `step`-th) that it applies to."""
    drawn: list[Mutant] = []
    for specimen in generated()[::step]:
        places = list(apply(specimen, operator))
        drawn += random.Random(f"{specimen.name} {operator}").sample(places, min(1, len(places)))
    return drawn
