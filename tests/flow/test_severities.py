"""How bad a finding is, and since when: what piles up is an error, what ends with its turn a warning, told with the line that began it."""

from __future__ import annotations

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.rule import Severity
from lintorch.settings import Settings
from lintorch.source.text import Source

HEAD = "import torch\nfrom torch import nn\n\n\ndef evaluate(net: nn.Module, loader, start):\n"


def found(text: str, code: str) -> tuple[Severity, str]:
    """Severity and message of the one finding of the code."""
    analysis = Checker(load_catalogue()).analyse(Source.from_bytes("/nowhere/file.py", text.encode()), Settings(select=(code,)))
    (judged,) = analysis.judged
    return judged.finding.severity, judged.finding.message


KEPT = {
    "put into a list": ("    seen = []\n    for x in loader:\n        seen.append(net(x))\n    return seen\n", Severity.ERROR),
    "put into a list by name": ("    seen = []\n    for x in loader:\n        out = net(x)\n        seen.append(out)\n    return seen\n", Severity.ERROR),
    "put into a list without a graph": ("    seen = []\n    for x in loader:\n        seen.append(net(x).detach())\n    return seen\n", Severity.WARNING),
    "fed to the next turn": ("    state = start\n    for _ in loader:\n        state = net(state)\n    return state.sum().item()\n", Severity.ERROR),
    "printed": ("    for x in loader:\n        print(net(x).sum().item())\n", Severity.WARNING),
}


@pytest.mark.parametrize(("body", "severity"), KEPT.values(), ids=KEPT)
def test_an_evaluation_that_piles_up_graphs_is_an_error(body: str, severity: Severity) -> None:
    assert found(f"{HEAD}    net.eval()\n{body}", "LT203")[0] is severity


SINCE = {
    "the only switch": ("    net.eval()\n", 6),
    "the last of several": ("    net.eval()\n    net.train()\n    net.eval()\n    loader.eval()\n", 8),
    "train(False)": ("    net.train()\n    net.train(False)\n", 7),
    "where it is bound": ("    print(start)\n    net = nn.Linear(4, 4).eval()\n    print(net)\n", 7),
}


@pytest.mark.parametrize(("switches", "line"), SINCE.values(), ids=SINCE)
def test_the_line_of_the_last_switch_is_told(switches: str, line: int) -> None:
    message = found(f"{HEAD}{switches}    for x in loader:\n        print(net(x).sum().item())\n", "LT203")[1]
    assert f"evaluation mode since line {line})" in message
