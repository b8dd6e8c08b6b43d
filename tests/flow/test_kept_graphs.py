"""What flow answers about values kept for later: replayed, viewed, held by exceptions, summed, or left on a loop's names. Marked lines are the answers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

import libcst as cst
import pytest

from lintorch.flow.drawing import drawn_from
from lintorch.flow.emptying import is_begun_anew
from lintorch.flow.fact import History, Sort
from lintorch.flow.function import FunctionFlow
from lintorch.flow.part import part_of
from lintorch.flow.training import TrainingFlow
from lintorch.project.project import Project
from lintorch.source.text import Source
from tests.flow.flows import flow_of

IMPORTS = "import random\nimport numpy as np\nimport torch\nfrom torch import nn\n"
LOG_PROB = "log_prob = torch.distributions.Categorical(logits=policy(env.state)).log_prob(env.action)"
BUFFER = """
class Buffer:
    def __init__(self):
        self.items = []

    def push(self, *parts):
        self.items.append(parts)

    def keep(self, value):
        self.items.append(value.detach())

    def sample(self, size):
        return random.sample(self.items, size)

"""


def marked(code: str, ask: Callable[[TrainingFlow], Iterable[cst.CSTNode]]) -> tuple[list[int], list[int]]:
    """The lines of the answers for the function f, and the lines marked with `# here`."""
    flow = flow_of(code, "f")
    return sorted(flow.line(node) for node in ask(flow.training)), [number for number, line in enumerate(code.splitlines(), 1) if "# here" in line]


def check(head: str, body: str, ask: Callable[[TrainingFlow], Iterable[cst.CSTNode]], before: str = "") -> None:
    code = f"{IMPORTS}{before}def f({head}):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    found, expected = marked(code, ask)
    assert found == expected


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("random.sample(self.memory, 4)", {"memory"}),
        ("random.sample(list(zip(self.states, values)), 4)", {"states", "values"}),
        ("idx = np.random.randint(0, n, 4); x = [self.states[i] for i in idx]", {"states"}),
        ("x = self.states[0]", set()),
        ("random.random()", set()),
    ],
)
def test_containers_drawn_from_at_random(code: str, names: set[str]) -> None:
    text = f"{IMPORTS}def f(self, values, n):\n    {code}\n"
    module = Project(Path("/nowhere"), ()).load(Source.from_bytes("/nowhere/program.py", text.encode()))
    assert drawn_from(module) == names


@pytest.mark.parametrize(
    ("code", "anew"),
    [
        ("m = []", False),
        ("m = []\nm.pop(0)", False),
        ("m = []\ndel m[0]", False),
        ("m = []\nm = m[1:]", False),
        ("m = []\nm.clear()", True),
        ("m = []\ndel m[:]", True),
        ("m = []\nm = []", True),
    ],
)
def test_containers_begun_anew(code: str, anew: bool) -> None:
    assert is_begun_anew("m", ast.parse(code)) is anew


@pytest.mark.parametrize(
    ("head", "body", "before"),
    [
        ("policy, env, buffer: Buffer", f"{LOG_PROB}\nbuffer.push(1, log_prob)  # here", BUFFER),
        ("policy, env, buffer: Buffer", f"{LOG_PROB}\nbuffer.keep(log_prob)", BUFFER),
        ("policy, env, buffer: Buffer", "buffer.push(1, torch.distributions.Categorical(logits=policy(env.state)).sample())", BUFFER),
        ("net: nn.Module, buffer: Buffer, x", "buffer.push(x, net(x))  # here", BUFFER),
        ("net: nn.Module, buffer: Buffer, x", "with torch.no_grad():\n    buffer.push(x, net(x))", BUFFER),
        ("net: nn.Module, buffer, x", "buffer.push(x, net(x))", BUFFER),
        ("net: nn.Module, x", "kept = []\nfor i in x:\n    kept.append(net(i))  # here\n    print(random.sample(kept, 2))", ""),
        ("net: nn.Module, x", "kept = []\nfor i in x:\n    kept.append(net(i))  # here\n    kept[-1].sum().backward()", ""),
        ("net: nn.Module, x", "kept = []\nfor i in x:\n    kept.append(net(i))\n    kept[-1].sum().backward()\n    kept.clear()", ""),
        ("net: nn.Module, x", "kept = []\nfor i in x:\n    kept.append(net(i))\ntorch.stack(kept[2:]).sum().backward()", ""),
    ],
)  # fmt: skip
def test_what_is_replayed_with_its_graph(head: str, body: str, before: str) -> None:
    check(head, body, lambda training: [found.statement for found in training.replayed], before)


@pytest.mark.parametrize(
    ("text", "base", "doubtful"),
    [
        ("y[:, 0]", "y", False),
        ("y[0]", "y", True),
        ("y[..., -1]", "y", False),
        ("y[:2]", "y", True),
        ("y.select(1, 0)", "y", False),
        ("y.chunk(4)[0]", "y", False),
        ("y[:, 1:]", None, False),
        ("y[rows]", None, False),
        ("y[[0, 1]]", None, False),
        ("y[None]", None, False),
        ("y.clone()", None, False),
    ],
)
def test_small_views(text: str, base: str | None, doubtful: bool) -> None:
    part = part_of(cst.parse_expression(text), lambda index: False)
    assert (part is None) is (base is None)
    assert part is None or (cst.Module([]).code_for_node(part.base), part.is_doubtful) == (base, doubtful)


@pytest.mark.parametrize(
    "body",
    [
        "kept.append(net(i)[:, 0])  # here",
        "y = net(i)\nfirst = y[:, 0]\nkept.append(first)  # here",
        "y = net(i).logits\nkept.append(y[:, 0])  # here",
        "kept.append(net(i)[0])",
        "y = net(i)\nprint(y.mean())\nkept.append(y[0])  # here",
        "y = net(i)\nkept.append(y[:, 0])\nwhole.append(y)",
        "kept.append(torch.max(net(i), 1)[0])",
        "kept.append(i[:, 0])",
        "kept.append(net(i)[:, 0].cpu())",
    ],
)
def test_views_that_pin_what_nothing_else_keeps(body: str) -> None:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    check("net, xs", f"kept, whole = [], []\nwith torch.no_grad():\n    for i in xs:\n{lines}\nreturn kept, whole", _views)


def _views(training: TrainingFlow) -> list[cst.CSTNode]:
    return [view.kept.statement for view in training.pinned_views]


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    y = net(x)\nexcept RuntimeError:\n    y = net(x.cpu())  # here",
        "try:\n    y = net(x)\nexcept (ValueError, RuntimeError):\n    y = net(x.cpu())  # here",
        "try:\n    y = net(x)\nexcept ValueError:\n    y = net(x.cpu())",
        "try:\n    y = other(x)\nexcept RuntimeError:\n    y = other(x.cpu())",
        "try:\n    y = other(x)\nexcept torch.cuda.OutOfMemoryError:\n    y = other(x.cpu())  # here",
        "try:\n    log(1)\n    net(x)\nexcept torch.cuda.OutOfMemoryError:\n    log(2)",
        "try:\n    y = net(x)\nexcept RuntimeError:\n    net.zero_grad()",
        "try:\n    y = torch.load(x)\nexcept RuntimeError:\n    y = net(x)",
    ],
)
def test_work_repeated_in_a_handler(body: str) -> None:
    check("net: nn.Module, other, log, x", body, lambda training: [retry.call for retry in training.retries])


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("errors.append(e)  # here", ""),
        ("errors.append((x, e))  # here", ""),
        ("errors.append(str(e))", ""),
        ("errors.append(e.with_traceback(None))", ""),
        ("errors.append(e)", "raise errors[0]"),
        ("last = e", ""),
    ],
)
def test_exceptions_kept_with_their_frames(body: str, after: str) -> None:
    code = f"errors = []\nfor x in xs:\n    try:\n        net(x)\n    except RuntimeError as e:\n        {body}\n{after}"
    check("net: nn.Module, xs", code, lambda training: [kept.statement for kept in training.kept_exceptions])


@pytest.mark.parametrize(
    "body",
    [
        "for x, y in data:\n    t += crit(net(x), y)  # here\nt.backward()",
        "for x, y in data:\n    t = t + crit(net(x), y)  # here\n(t / 4).backward()",
        "for i in range(0, 8, 2):\n    t += crit(net(data[i : i + 2]), 0)  # here\nt.backward()",
        "for i in range(8):\n    t += crit(net(data[i]), 0)\nt.backward()",
        "for x, y in data:\n    t += crit(net(x), y)\n    t.backward()",
        "for x, y in data:\n    t += crit(net(x), y)\n(t + 1).log().backward()",
        "h = net(data)\nfor head in heads:\n    t += crit(head(h), 0)\nt.backward()",
        "outs = net(data)\nfor out, y in zip(outs, heads):\n    t += crit(out, y)\nt.backward()",
        "for x, y in data:\n    h = net(x, h)\n    t += crit(h, y)\nt.backward()",
        "for x, y in data:\n    own = heads.clone()\n    t += crit(own(x), y)\nt.backward()",
    ],
)
def test_sums_whose_terms_could_be_run_backward_one_by_one(body: str) -> None:
    check("net, crit, heads, data, h", f"t = 0.0\n{body}", _sums)


def _sums(training: TrainingFlow) -> list[cst.CSTNode]:
    return [summed.total.event.node for summed in training.summed_losses]


@pytest.mark.parametrize(
    "body",
    [
        "y = net(x)  # here\nprint(y.mean().item())",
        "y = net(x)\nprint(y.mean().item())\ndel y",
        "with torch.no_grad():\n    y = net(x)\nprint(y.mean().item())",
        "y = net(x)\ny.mean().backward()\nprint(y.mean().item())",
        "y = net(x)\nkept.append(y)\nprint(y.mean().item())",
        "y = net(x)\nkeep(y.exp())\nprint(y.mean().item())",
        "y = net(x)\ny = y.mean().item()",
        "if x:\n    y = net(x)\n    print(y.mean().item())",
        "z = given(x)  # here\nloss = keep(z, x)\nprint(loss.item())",
    ],
)
def test_names_that_survive_their_turn(body: str) -> None:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    check("net: nn.Module, given, keep, xs", f"kept = []\nfor x in xs:\n{lines}", _survivors)


def _survivors(training: TrainingFlow) -> list[cst.CSTNode]:
    return [found.names[0].event.node for found in training.surviving_names]


@pytest.mark.parametrize(
    ("value", "history"),
    [
        ("torch.distributions.Normal(net(x), 1.0).log_prob(x)", History.LIVE),
        ("torch.distributions.Normal(net(x), 1.0).rsample()", History.LIVE),
        ("torch.distributions.Normal(net(x), 1.0).sample()", History.CUT),
        ("torch.distributions.Normal(torch.zeros(1), 1.0).log_prob(torch.ones(1))", History.CUT),
    ],
)
def test_distributions_have_the_graph_of_their_parameters(value: str, history: History) -> None:
    flow: FunctionFlow = flow_of(f"{IMPORTS}def f(net: nn.Module, x):\n    d = {value}\n", "f")
    (made,) = (made for made in flow.graph.definitions.values() if made.name == "d")
    fact = flow.training.inference.definition(made)
    assert (fact.sort, fact.history) == (Sort.TENSOR, history)


@pytest.mark.parametrize(("wanted", "covered"), [("", True), ("loss.backward()", False)])
def test_an_evaluation_covers_what_stands_in_it(wanted: str, covered: bool) -> None:
    code = (
        f"{IMPORTS}def f(net: nn.Module, xs):\n    net.eval()\n    for x in xs:\n        loss = net(x).mean()\n        {wanted}\n        print(loss.item())\n"
    )
    flow = flow_of(code, "f")
    last = [event.node for event in flow.graph.events if isinstance(event.node, cst.Call)][-1]
    assert flow.training.evaluation.covers(last) is covered
