"""What the syntax alone says of graphs errs towards yes: whatever inference knows to have one may have one, and so with modules and classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.flow.fact import Fact, History, Sort
from lintorch.flow.function import FunctionFlow
from lintorch.flow.inference import Inference
from lintorch.flow.possible_graph import PossibleGraphs
from lintorch.flow.possible_upstream import PossibleUpstream
from lintorch.flow.segment import Unmappable
from lintorch.project.fixed_point import NOTHING, Answer, FixedPoints
from lintorch.project.project import Project
from lintorch.settings import Settings
from lintorch.source.text import Source
from tests.pages.examples import Example, cases, examples

HEAD = "import torch\nfrom torch import nn\n\n\n"
NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(3, 3)

    def forward(self, x):
        return self.f(x)


def step(net, x):
    return even(net, x)


def even(net, x):
    return odd(net, x) if x else net(x).sum()


def odd(net, x):
    return net(x).sum()


"""
SUM = "total = 0\nfor _ in range(3):\n    for out in outs:\n        total += out.sum()  # here"
# Ways of a graph to a value that outlives the turn of a loop; each is reported.
WAYS = [
    pytest.param(f"outs = []\nfor x in data:\n    outs.append(net(x))\n{SUM}", id="appended"),
    pytest.param(f"outs = [net(x) for x in data]\n{SUM}", id="gathered"),
    pytest.param("total = 0\nfor x in data:\n    total += step(net, x)  # here", id="returned by a function"),
    pytest.param("total = 0\nfor i, out in enumerate([net(x) for x in data]):\n    total += out.sum()  # here", id="taken from what enumerate is given"),
    pytest.param("total = 0\nlast = data[0]\nfor x in data:\n    last = net(last)\n    total += last.sum()  # here", id="carried"),
]


@pytest.mark.parametrize("body", WAYS)
def test_what_flow_finds_is_asked_for(body: str, tmp_path: Path) -> None:
    text = f"{HEAD}{NET}def run(data):\n    net = Net()\n" + "".join(f"    {line}\n" for line in body.split("\n")) + "    print(total.item())\n"
    source = Source.from_bytes(tmp_path / "run.py", text.encode())
    analysis = Checker(load_catalogue()).analyse(source, Settings(select=("LT201",), root=tmp_path))
    assert [source.line(source.position(judged.finding.span.start).line) for judged in analysis.judged] == [
        line for line in text.splitlines() if "# here" in line
    ]


def facts(fact: Fact) -> Iterator[Fact]:
    """The fact and those of what the value holds."""
    yield fact
    for part in (*fact.parts, *([fact.element] if fact.element is not None else [])):
        yield from facts(part)


def missed(flow: FunctionFlow, inference: Inference, possible: PossibleGraphs) -> Iterator[str]:
    """Names of which inference knows more than the syntax allows for."""
    for definition in flow.graph.definitions.values():
        name = ast.Name(definition.name.partition("@")[0], ast.Load())
        for fact in facts(inference.definition(definition)):
            graph = fact.history is History.LIVE and fact.sort in (Sort.TENSOR, Sort.DISTRIBUTION)
            if (graph and not possible.has_graph(name)) or (fact.sort is Sort.MODULE and not possible.is_module(name)):
                yield f"{flow.entry.qualname}: {definition.name}: {fact}"
            methods = possible.methods(ast.Attribute(name, "forward", ast.Load())) or ()
            expected = flow.project.ancestry(fact.of_class).method("forward") if fact.of_class is not None else None
            if expected is not None and expected not in methods:
                yield f"{flow.entry.qualname}: {definition.name}: {fact.of_class}"


@pytest.mark.parametrize("example", cases(iter([*examples("bad"), *examples("good")])))
def test_what_inference_knows_is_possible(example: Example, tmp_path: Path) -> None:
    project = Project(tmp_path, ())
    module = project.load(Source.from_bytes(tmp_path / "example.py", example.block.text.encode()))
    for entry in (*module.functions.values(), module.script):
        flow = FunctionFlow(entry, module, project)
        try:
            assert not list(missed(flow, flow.training.inference, PossibleGraphs.of(entry, project)))
            assert not list(missed(flow, flow.training.upstream, PossibleUpstream.of(entry, project)))
        except Unmappable:
            pass


def reached(edges: dict[str, str], start: str) -> Answer:
    """All that can be reached, each answer being worked out from those of its neighbours."""
    points = FixedPoints()

    def of(name: str) -> Answer:
        return points.of(name, lambda: frozenset({name}).union(*map(of, edges[name])))

    for name in edges:  # whichever was asked first
        of(name)
    return of(start)


@pytest.mark.parametrize(
    ("edges", "start", "expected"),
    [
        ({"a": "", "b": "a"}, "b", "ab"),
        ({"a": "b", "b": "a"}, "b", "ab"),
        ({"a": "bc", "b": "a", "c": "d", "d": "bc"}, "d", "abcd"),
        ({"a": "b", "b": "cd", "c": "a", "d": "e", "e": "d"}, "e", "de"),
        ({"a": "bd", "b": "c", "c": "b", "d": "ca"}, "c", "bc"),
    ],
)
def test_answers_in_circles_agree(edges: dict[str, str], start: str, expected: str) -> None:
    assert reached(edges, start) == frozenset(expected)


def test_what_is_too_deep_is_possible() -> None:
    chain = "".join(f"    x{number} = {f'x{number - 1}' if number else 'data'}\n" for number in range(2000))
    project = Project(Path("/nowhere"), ())
    module = project.load(Source.from_bytes("/nowhere/chain.py", f"def f(data):\n{chain}    return x1999\n".encode()))
    possible = PossibleGraphs.of(module.functions["f"], project)
    last = ast.Name("x1999", ast.Load())
    assert possible.has_graph(last) and possible.is_module(last) and possible.methods(ast.Attribute(last, "add", ast.Load())) is None
    assert not possible.has_graph(ast.Name("x3", ast.Load()))
    assert project.fixed_points.of("another", lambda: NOTHING) == NOTHING
