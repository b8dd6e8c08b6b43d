"""One small change for every verdict and every reason."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lintorch.settings import Settings
from lintorch.source.text import Span
from lintorch.verify.verdict import Change, Status
from lintorch.verify.verifier import Verifier, VerifierUnavailable

HEAD = "import time\nimport warnings\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n"
INIT = "    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(3, 2)\n"


@dataclass(frozen=True)
class Case:
    """The body of a class Net before and after. `probe` is an expression of the new text, `edited` a line of the old one, by what it holds."""

    name: str
    before: str
    after: str
    status: str
    reason: str = ""
    probe: str | None = None
    edited: str | None = None
    example: str = "Net(), torch.randn(4, 3)"
    init: str = INIT
    symbol: str = "Net"
    expected: dict[str, object] = field(default_factory=dict)

    def text(self, body: str) -> str:
        return HEAD + (body if body.startswith(("class", "def", "@")) else f"class Net(nn.Module):\n{self.init}\n{body}")

    def change(self, folder: Path) -> Change:
        old, new = self.text(self.before), self.text(self.after)
        path = folder / "net.py"
        path.write_text(old)
        probes = () if self.probe is None else (Span(new.index(self.probe), new.index(self.probe) + len(self.probe)),)
        lines = () if self.edited is None else (old[: old.index(self.edited)].count("\n") + 1,)
        return Change(path, self.symbol, old, new, lines, probes)


def forward(*lines: str, arguments: str = "self, x") -> str:
    return f"    def forward({arguments}):\n" + "".join(f"        {line}\n" for line in lines)


NAMED = forward("y = self.fc(x)", "return y")
NESTED = forward("return self.fc(x)")

CASES = [
    Case(
        "same trace",
        NAMED,
        NESTED,
        "same-trace",
        probe="self.fc(x)",
        edited="y = self.fc(x)",
        expected={"inputs": ("float32[4, 3]",), "seeds": (0, 1, 2), "modes": ("train", "eval"), "lines": (13,), "gradients": "compared", "reason": None},
    ),
    Case("tested", NAMED, forward("return self.fc(x) * 1"), "tested", probe="self.fc(x) * 1"),
    Case(
        "a bound that no usual value meets",
        forward("return F.relu(self.fc(x))"),
        forward("return F.relu(self.fc(x)).clamp(max=6)"),
        "refuted",
        r"^output, max abs .* weights 3 and inputs 5 times as far from zero\)$",
    ),
    Case(
        "another constant that no value meets",
        forward("return self.fc(x).clamp(max=1e6)"),
        forward("return self.fc(x).clamp(max=2e6)"),
        "undecided",
        "another number",
    ),
    Case("a condition on a mean", forward("return self.fc(x)"), forward("return self.fc(x) if x.mean() < 0.1 else self.fc(x) * 2"), "refuted", "output"),
    Case("close", forward("return (x + 1e3) - 1e3"), forward("return x + (1e3 - 1e3)"), "refuted|close", "output, max abs .* at .* places"),
    Case("refuted in a value", NAMED, forward("return self.fc(x) + 0.25"), "refuted", r"^output, max abs 2\.5e-01 at 8 of 8 places \(seed 0, train, call 1\)$"),
    Case(
        "refuted in a gradient",
        forward("return self.fc(x) * 2"),
        forward("return self.fc(x).detach() + self.fc(x)"),
        "refuted",
        r"^gradient of fc\.weight, max abs .* \(seed 0, train, call 1\)$",
    ),
    Case("refuted in eval alone", NAMED, forward("return self.fc(x) if self.training else self.fc(x) * 2"), "refuted", "seed 0, eval, call 1"),
    Case("refuted under no_grad alone", NAMED, forward("return self.fc(x) * (1 if torch.is_grad_enabled() else 2)"), "refuted", "train under no_grad"),
    Case("refuted in an attribute", NAMED, forward("self.last = 3", "return self.fc(x)"), "refuted", "attribute last, is new"),
    Case("refuted in an argument", NAMED, forward("y = self.fc(x)", "x.add_(1)", "return y"), "refuted", r"arguments\[0\]\[0\] after the call|raises"),
    Case("refuted by raising", NAMED, forward("raise ValueError('no')"), "refuted", r"raises ValueError: no \(seed 0, train, call 1\)"),
    Case("refuted in random numbers", NAMED, forward("torch.rand(1)", "return self.fc(x)"), "refuted", "torch's random state"),
    Case("raises in both", forward("raise ValueError('no')"), forward("raise  ValueError('no')", "pass"), "undecided", "ValueError: no"),
    Case(
        "raises on the second call",
        forward("self.n = getattr(self, 'n', 0) + 1", "if self.n > 5:", "    raise ValueError('tired')", "return self.fc(x)"),
        forward("self.n = getattr(self, 'n', 0) + 1", "if self.n > 5:", "    raise ValueError('tired')", "y = self.fc(x)", "return y"),
        "undecided",
        "the original raises ValueError: tired",
    ),
    Case("does not load", NAMED, "    def forward(self, x):\n        return (\n", "undecided", "the rewrite cannot be loaded"),
    Case(
        "cannot be built",
        NAMED,
        NESTED,
        "undecided",
        "no inputs found|cannot be built|the search for inputs raised",
        example="Net(1, 2, 3), torch.randn(4, 3)",
        init="    def __init__(self, *, certain_thing_that_nobody_can_guess):\n        certain_thing_that_nobody_can_guess.launch(7)\n",
    ),
    Case("constant", forward("return torch.ones(2)"), forward("y = torch.ones(2)", "return y"), "undecided", "shows nothing: outputs are constant"),
    Case(
        "nothing but NaN",
        forward("y = self.fc(x) * float('nan')", "return y"),
        forward("return self.fc(x) * float('nan')"),
        "undecided",
        "shows nothing: every output is NaN",
    ),
    Case(
        "differs from itself",
        forward("y = self.fc(x) + time.perf_counter()", "return y"),
        forward("return self.fc(x) + time.perf_counter()"),
        "undecided",
        "the original differs from itself: output",
    ),
    Case(
        "line never ran",
        forward("if x.dim() == 7:", "    y = self.fc(x)", "    return y", "return self.fc(x)"),
        forward("if x.dim() == 7:", "    return self.fc(x)", "return self.fc(x)"),
        "undecided",
        "line 14 never ran",
        edited="y = self.fc(x)",
    ),
    Case(
        "edit not observed",
        forward("y = x * 3", "z = y * 0", "return self.fc(x) + z.sum()"),
        forward("z = x * 3 * 0", "return self.fc(x) + z.sum()"),
        "undecided",
        r"edit not observed \(line 13\)",
        probe="x * 3",
    ),
    Case(
        "edit that never runs",
        forward("y = x", "if x.dim() == 7:", "    y = x * 2", "return self.fc(y)"),
        forward("y = x", "if x.dim() == 7:", "    y = (x * 2)", "return self.fc(y)"),
        "undecided",
        "edit not observed",
        probe="x * 2",
    ),
    Case(
        "no gradient reaches the edit",
        forward("y = x * self.scale", "return self.fc(x) + torch.sign(y).sum()"),
        forward("return self.fc(x) + torch.sign(x * self.scale).sum()"),
        "undecided",
        r"no gradient reached the edit \(line 14\)",
        probe="x * self.scale",
        init=INIT + "        self.scale = nn.Parameter(torch.ones(3))\n",
        example="Net(), torch.randn(64, 3) * 0.1",
    ),
    Case(
        "no gradient where there is none",
        forward("y = self.fc(x)", "return y.argmax(-1)"),
        forward("return self.fc(x).argmax(-1)"),
        "same-trace",
        probe="self.fc(x)",
        expected={"gradients": "not applicable"},
        example="Net(), torch.randn(64, 3)",
    ),
    Case("prints differ", NAMED, forward("print(1)", "return self.fc(x)"), "undecided", "prints differ"),
    Case("prints alike", forward("print(x.shape)", "y = self.fc(x)", "return y"), forward("print(x.shape)", "return self.fc(x)"), "same-trace"),
    Case("warnings differ", NAMED, forward("warnings.warn('x')", "return self.fc(x)"), "undecided", "warnings differ"),
    Case(
        "modules called otherwise",
        forward("return self.act(self.fc(x))"),
        forward("return torch.relu(self.fc(x))"),
        "undecided",
        "forward hooks",
        init=INIT + "        self.act = nn.ReLU()\n",
    ),
    Case(
        "initial constant differs",
        NAMED,
        f"class Net(nn.Module):\n{INIT}        nn.init.zeros_(self.fc.bias)\n\n{NAMED}",
        "undecided",
        "initial value of fc.bias",
        init=INIT + "        nn.init.normal_(self.fc.bias)\n",
    ),
    Case(
        "initial constants differ",
        NAMED,
        f"class Net(nn.Module):\n{INIT}        nn.init.zeros_(self.fc.bias)\n\n{NAMED}",
        "refuted",
        "initial value of fc.bias",
        init=INIT + "        nn.init.ones_(self.fc.bias)\n",
    ),
    Case("renamed submodule", NAMED, f"class Net(nn.Module):\n{INIT.replace('fc', 'linear')}\n{NAMED.replace('fc', 'linear')}", "tested|same-trace"),
    Case(
        "another parameter",
        NAMED,
        f"class Net(nn.Module):\n{INIT}        self.more = nn.Parameter(torch.ones(1))\n\n{NAMED}",
        "undecided",
        "do not correspond .*more",
    ),
    Case(
        "free function",
        "def f(a, b):\n    c = a @ b\n    return c.exp()\n",
        "def f(a, b):\n    return (a @ b).exp()\n",
        "same-trace",
        symbol="f",
        probe="a @ b",
        example="f, torch.randn(2, 3), torch.randn(3, 2)",
        expected={"modes": ("call",), "inputs": ("float32[2, 3]", "float32[3, 2]")},
    ),
    Case(
        "free function refuted",
        "def f(a, b):\n    c = a - b\n    return c\n",
        "def f(a, b):\n    return b - a\n",
        "refuted",
        symbol="f",
        example="f, torch.randn(2), torch.randn(2)",
    ),
    Case("written in place", forward("x += 1", "y = self.fc(x)", "return y"), forward("x += 1", "return self.fc(x)"), "same-trace"),
    Case(
        "carried state",
        forward("y = torch.tanh(self.fc(x) + self.h)", "self.h = y", "return y"),
        forward("self.h = torch.tanh(self.fc(x) + self.h)", "return self.h"),
        "tested|same-trace",
        init=INIT + "        self.h = torch.zeros(1)\n",
    ),
    Case("lazy layers", NAMED, NESTED, "same-trace", init=INIT.replace("nn.Linear(3, 2)", "nn.LazyLinear(2)")),
    Case(
        "double precision",
        NAMED,
        NESTED,
        "same-trace",
        example="Net(), torch.randn(4, 3).double()",
        init=INIT + "        self.double()\n",
        expected={"inputs": ("float64[4, 3]",)},
    ),
    Case(
        "only without gradients of inputs",
        forward("y = self.fc(torch.from_numpy(x.numpy()))", "return y"),
        forward("return self.fc(torch.from_numpy(x.numpy()))"),
        "same-trace",
    ),
    Case("weight norm", NAMED, NESTED, "same-trace", init=INIT + "        self.fc = nn.utils.weight_norm(self.fc)\n"),
    Case("parametrised", NAMED, NESTED, "same-trace", init=INIT + "        nn.utils.parametrizations.spectral_norm(self.fc)\n"),
    Case("empty memory in the constructor", NAMED, NESTED, "same-trace", init=INIT + "        self.fc.bias = nn.Parameter(torch.empty(2))\n"),
    Case("same text", NAMED, NAMED, "same-trace"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case, verifier: Verifier, tmp_path: Path) -> None:
    verdict = verifier.verify(case.change(tmp_path), [case.example])
    assert re.fullmatch(case.status, verdict.status.value), verdict
    assert re.search(case.reason, verdict.reason or ""), verdict
    assert {name: getattr(verdict, name) for name in case.expected} == case.expected
    assert (verdict.reason is None) == (verdict.status in (Status.SAME_TRACE, Status.TESTED))


def test_many_verdicts_come_in_order(tmp_path: Path) -> None:
    changes = []
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        changes.append(Case("", NAMED, NESTED if number % 2 else forward("return self.fc(x) * 3"), "").change(folder))
    with Verifier(Settings(jobs=2, examples={"Net": ("Net(), torch.randn(4, 3)",)}, min_isolation="none")) as verifier:
        statuses = [verdict.status for verdict in verifier.verify_many(changes)]
    assert statuses == [Status.REFUTED, Status.SAME_TRACE] * 3


def test_a_crash_costs_one_verdict(tmp_path: Path) -> None:
    crash = Case("", forward("import os", "os.abort()"), forward("import os", "os.abort()", "return x"), "").change(tmp_path)
    good = Case("", NAMED, NESTED, "").change(tmp_path)
    with Verifier(Settings(jobs=2, examples={"Net": ("Net(), torch.randn(4, 3)",)}, min_isolation="none")) as verifier:
        verdicts = verifier.verify_many([crash, good, crash, good])
    assert [verdict.status for verdict in verdicts] == [Status.UNDECIDED, Status.SAME_TRACE] * 2
    assert "SIGABRT" in str(verdicts[0].reason)


def test_peaks_are_measured_when_asked(tmp_path: Path) -> None:
    with Verifier(peak=True) as verifier:
        change = Case("", forward("a = x * 2", "b = a * 2", "c = b * 2", "return c"), forward("return x * 2 * 2 * 2"), "").change(tmp_path)
        verdict = verifier.verify(change, ["Net(), torch.randn(4, 3)"])
    assert verdict.peak_bytes == (4 * 48, 3 * 48)
    assert verdict.peak_training is not None


def test_peaks_are_not_measured_unasked(verifier: Verifier, tmp_path: Path) -> None:
    assert verifier.verify(Case("", NAMED, NESTED, "").change(tmp_path), ["Net(), torch.randn(4, 3)"]).peak_bytes is None


def unavailable(settings: Settings) -> VerifierUnavailable:
    with pytest.raises(VerifierUnavailable) as raised:
        Verifier(settings).start()
    return raised.value


def test_an_interpreter_that_is_not_there() -> None:
    assert (
        str(unavailable(Settings(python="/nowhere/python")))
        == "/nowhere/python cannot be started (No such file or directory); name another interpreter with --python"
    )


def test_an_interpreter_without_torch(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    error = unavailable(Settings(python=str(bare)))
    assert error.reason == f"{bare} has no torch"
    assert "--python" in error.remedy


def test_a_program_that_is_no_python() -> None:
    assert "is no Python" in unavailable(Settings(python="/bin/true")).reason


def test_nothing_runs_below_the_isolation_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from lintorch.verify import verifier as module

    class Bare(module.Supervisor):
        def start(self) -> module.Supervisor:
            return type("Ready", (), {"isolation": "none"})()  # type: ignore[return-value]

    monkeypatch.setattr(module, "Supervisor", Bare)
    error = unavailable(Settings())
    assert "only be confined to level 'none'" in error.reason
    assert "--min-isolation" in error.remedy


def test_says_how_far_workers_are_confined(verifier: Verifier) -> None:
    assert verifier.isolation in ("full", "no-userns", "rlimits only", "none")


def test_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with Verifier(Settings(min_isolation="none")) as verifier:
        verifier.verify(Case("", NAMED, NESTED, "").change(tmp_path), ["Net(), torch.randn(4, 3)"])
        assert list(tmp_path.glob("lintorch-*"))
    assert list(tmp_path.glob("lintorch-*")) == []


def test_the_example_told_is_one_that_can_be_given(verifier: Verifier, tmp_path: Path) -> None:
    case = CASES[0]
    found = verifier.verify(case.change(tmp_path), [])
    assert found.example is not None and found.example.startswith("Net(), torch.randn(")
    given = verifier.verify(case.change(tmp_path), [found.example])
    assert (given.status, given.example, given.inputs) == (Status.SAME_TRACE, found.example, found.inputs)
