"""Which calls evaluate with autograd on, where the model is a parameter, an attribute, or run by a function that is called."""

from __future__ import annotations

import pytest

from tests.flow.flows import flow_of

MODULE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.convs = nn.ModuleList([nn.Linear(4, 4)])

    def scores(self, x):
        found = {}
        found["p"] = self.layer(x).softmax(-1)
        return found

    def layers(self, x, loader):
        for conv in self.convs:
            kept = []
            for batch in loader:
                kept.append(conv(x[batch]))
            x = torch.cat(kept)
        return x

    def embed(self, x):
        return self.layer(x).detach()

    @torch.no_grad()
    def infer(self, x):
        return {"p": self.layer(x)}

    def sizes(self):
        return self.layer.weight.shape


def accuracy(model, loader):
    right = 0
    for x, y in loader:
        right += (model(x).argmax(1) == y).sum().item()
    return right


def single(model, x):
    return model(x).sum().item()


"""
TRAINER = """\
import torch


class Trainer:
    def __init__(self, model, criterion, optimizer):
        self.model, self.criterion, self.optimizer = model, criterion, optimizer

    def step(self, x, y):
        return self.criterion(self.model(x), y)

    def numbers(self, x):
        return self.model(x).detach().numpy()

    @torch.no_grad()
    def quietly(self, x, y):
        return self.criterion(self.model(x), y)

    def attack(self, x, y):
        x.requires_grad_()
        return torch.autograd.grad(self.criterion(self.model(x), y), x)[0]

    def train(self, loader):
        for x, y in loader:
            self.step(x, y).backward()
            self.optimizer.step()

    def evaluate(self, loader):
        self.model.eval()
        total, kept = 0.0, []
        for x, y in loader:
            TURN
        return total
"""


def lines(code: str, function: str) -> list[str]:
    flow = flow_of(code, function)
    return [flow.text(evaluation.call) for evaluation in flow.training.evaluation.evaluations]


@pytest.mark.parametrize(
    ("turn", "found"),
    [
        pytest.param("total += self.step(x, y).item()", ["self.step(x, y)"], id="a method shared with training"),
        pytest.param("self.seen.append(self.numbers(x))", ["self.numbers(x)"], id="a method that gives numbers, kept"),
        pytest.param("total += self.quietly(x, y).item()", [], id="a method under no_grad"),
        pytest.param("total += self.attack(x, y).sum().item()", [], id="a method that differentiates"),
        pytest.param("total += self.other(x, y).item()", [], id="a method out of sight"),
    ],
)
def test_methods_that_run_a_module_of_self(turn: str, found: list[str]) -> None:
    assert lines(TRAINER.replace("TURN", turn), "Trainer.evaluate") == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param("return net.layers(x, loader).argmax(-1).tolist()", ["net.layers(x, loader)"], id="layer by layer"),
        pytest.param("return [net.scores(x)['p'].argmax().item() for x in loader]", ["net.scores(x)"], id="results in a dict"),
        pytest.param("return [net.embed(x).tolist() for x in loader]", [], id="cut in the method"),
        pytest.param("return [net.infer(x)['p'].tolist() for x in loader]", [], id="under no_grad in the method"),
        pytest.param("return [net.sizes()[0] for x in loader]", [], id="a method that runs nothing"),
        pytest.param("print(accuracy(net, loader))", ["accuracy(net, loader)"], id="a function that loops"),
        pytest.param("print(single(net, x))", [], id="a function that runs it once"),
    ],
)
def test_methods_of_the_module_and_functions_it_is_handed_to(body: str, found: list[str]) -> None:
    assert lines(f"{MODULE}def use(x, loader):\n    net = Net()\n    net.eval()\n    {body}\n", "use") == found


def test_a_caller_under_no_grad_silences_the_function_that_is_handed_the_model() -> None:
    code = f"{MODULE}def quiet(net, loader):\n    with torch.no_grad():\n        return accuracy(net, loader)\n\n\n"
    assert lines(f"{code}def use(net, loader):\n    net.eval()\n    print(accuracy(net, loader))\n", "use") == []
