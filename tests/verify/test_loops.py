"""Changes in loops: both versions run with stand-ins for what the loop is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.repair import repair
from lintorch.settings import Settings
from lintorch.source.text import Source
from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.verify.verifier import Verifier

TRAINING = """\
import torch
from somewhere import get_model, logger

model = get_model("large")
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
open("/nonexistent/file")


def train(train_loader, criterion, device, args):
    model.train()
    total_loss = 0
    for step, (x, y) in enumerate(train_loader):
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total_loss += loss
        if step % args.log_interval == 0:
            logger.info(f"loss {total_loss / (step + 1):.4f}")
    return total_loss / len(train_loader)
"""


def changed(verifier: Verifier, tmp_path: Path, symbol: str, old: str, wanted: str, instead: str) -> Verdict:
    path = tmp_path / "training.py"
    path.write_text(old)
    new = old.replace(wanted, instead)
    assert new != old
    lines = tuple(number for number, (one, other) in enumerate(zip(old.split("\n"), new.split("\n"), strict=False), 1) if one != other)
    return verifier.verify(Change(path, symbol, old, new, lines, retention=True))


def test_a_total_without_graphs_is_the_same_and_keeps_less(verifier: Verifier, tmp_path: Path) -> None:
    verdict = changed(verifier, tmp_path, "train", TRAINING, "+= loss\n", "+= loss.detach()\n")
    assert verdict.status is Status.TESTED, verdict
    assert verdict.retained is not None
    assert verdict.retained.nodes_per_step[0] > 0
    assert verdict.retained.nodes_per_step[1] == 0
    before, after = verdict.retained.levels
    assert len(before) == len(after) == 2 + 2 * verdict.retained.steps
    assert [nodes for nodes, _ in before] == sorted({nodes for nodes, _ in before})  # one level a step, each above the last
    assert before[-1] == (verdict.retained.held_nodes[0], verdict.retained.held_bytes[0])


@pytest.mark.parametrize(
    ("wanted", "instead", "reason"),
    [
        ("+= loss\n", "+= 2 * loss.detach()\n", "logger.info"),
        ("loss = criterion(model(x), y)", "loss = criterion(model(x), y) * 2", ""),
        ("optimizer.zero_grad()", "pass", ""),
        ("loss.backward()", "loss.detach().requires_grad_().backward()", ""),
    ],
)
def test_what_changes_a_value_is_refuted(verifier: Verifier, tmp_path: Path, wanted: str, instead: str, reason: str) -> None:
    verdict = changed(verifier, tmp_path, "train", TRAINING, wanted, instead)
    assert verdict.status is Status.REFUTED, verdict
    assert reason in (verdict.reason or "")


def test_a_total_that_trains_is_refuted(verifier: Verifier, tmp_path: Path) -> None:
    text = """\
def train(model, optimizer, batches):
    total = 0
    for x in batches:
        total = total + model(x).mean()
        total.backward(retain_graph=True)
        optimizer.step()
"""
    verdict = changed(verifier, tmp_path, "train", text, "total + model(x).mean()", "(total + model(x).mean()).detach().requires_grad_()")
    assert verdict.status in (Status.REFUTED, Status.UNDECIDED), verdict


EVALUATION = """\
import torch


def validate(model, loader, criterion):
    model.eval()
    losses = []
    for x, y in loader:
        loss = criterion(model(x), y)
        losses.append(loss.item())
    return sum(losses) / len(losses)
"""


def test_a_decorator_has_run_when_its_function_has(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.py"
    path.write_text(EVALUATION)
    new = EVALUATION.replace("def validate", "@torch.no_grad()\ndef validate")
    verdict = verifier.verify(Change(path, "validate", EVALUATION, new, (4,), retention=True))
    assert verdict.status is Status.TESTED, verdict


def test_a_change_that_keeps_as_much_is_undecided(verifier: Verifier, tmp_path: Path) -> None:
    verdict = changed(verifier, tmp_path, "train", TRAINING, "+= loss\n", "+= loss.clone()\n")
    assert verdict.status is Status.UNDECIDED
    assert verdict.reason is not None
    assert "nothing less is kept alive" in verdict.reason


FORMS = {
    "Trainer": (
        """\
import torch


class Trainer:
    def __init__(self, model, loader, config):
        self.model, self.loader = model, loader
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
        self.history = []

    def run(self):
        while self.step < self.total_steps:
            for batch in self.loader:
                loss = self.compute(batch)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.history.append(loss)
                self.step += 1

    def compute(self, batch):
        return torch.nn.functional.cross_entropy(self.model(batch["x"]), batch["y"])
""",
        "append(loss)",
        "append(loss.detach())",
    ),
    "main": (
        """\
import argparse


def main():
    args = argparse.ArgumentParser().parse_args()
    data = open(args.path)
    losses = []

    def train(epoch):
        for x, y in data:
            loss = model(x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss)

    model, optimizer = build(args)
    train(3)
""",
        "append(loss)",
        "append(loss.detach())",
    ),
    "<module>": (
        """\
import torch
from dataset import load

data = load("everything")
model = torch.nn.Linear(16, 16)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
best = None
for epoch in range(data.epochs):
    total = 0.0
    for x in data:
        loss = model(x).mean()
        loss.backward()
        optimizer.step()
        total += loss
""",
        "+= loss",
        "+= loss.detach()",
    ),
    "evaluate": (
        """\
import torch


def evaluate(net, loader, criterion):
    net.eval()
    outputs = []
    for x, y in loader:
        outputs.append(criterion(net(x), y))
    return torch.stack(outputs).mean()
""",
        "append(criterion(net(x), y))",
        "append(criterion(net(x), y).detach())",
    ),
}


@pytest.mark.parametrize("symbol", FORMS)
def test_forms_of_loops(verifier: Verifier, tmp_path: Path, symbol: str) -> None:
    text, wanted, instead = FORMS[symbol]
    verdict = changed(verifier, tmp_path, symbol, text, wanted, instead)
    assert verdict.status is Status.TESTED, verdict
    assert any("stand-ins" in note for note in verdict.notes)


FIXTURES = Path(__file__).parents[2] / "fixtures" / "retention"
FIXED = {
    "running_statistic": {"Assigned", "InPlace"},
    "counted_statistic": {"GroupedNorm"},
    "custom_function": {"OutputOnCtx", "InputOnCtx"},
    "best_loss": {"bad_comparison", "bad_min", "bad_torch_minimum"},
    "meter": {"bad_training", "bad_no_backward"},
}


@pytest.mark.parametrize("name", FIXED)
def test_fixes_of_fixtures_are_tested(verifier: Verifier, name: str) -> None:
    settings = Settings(select=("LT201", "LT202", "LT205", "LT209", "LT220"))
    result = repair(Checker(load_catalogue()), settings, verifier.verify, Source.read(FIXTURES / f"{name}.py"), in_place=False)
    assert {rewrite.symbol: rewrite.verdict.status for rewrite in result.rewrites} == dict.fromkeys(FIXED[name], Status.TESTED)
    for rewrite in result.rewrites:
        retained = rewrite.verdict.retained
        assert retained is not None
        assert retained.falls
        assert name == "best_loss" or retained.nodes_per_step[1] == 0
