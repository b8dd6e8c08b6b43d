"""What names cost in eager PyTorch, measured: when calls run, how much is alive, what a loop keeps. Fills the tables and the figure of docs/memory.md.

python -m benchmarks.names          measures anew and writes them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.packages import table, write_between
from lintorch.worker.memory import LiveBytes
from lintorch.worker.witness import Step, Witness, measure

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "memory.md"
FIGURE = ROOT / "docs" / "images" / "names.svg"

BATCH, WIDTH = 64, 256
UNIT = BATCH * WIDTH * 4  # bytes of one activation

# One computation in several forms, as the document shows them; `self.a` to `self.f` are linear layers of one width.
LINEAR = {
    "named": "h1 = self.a(x)\nh2 = self.b(h1)\nh3 = self.c(h2)\nh4 = self.d(h3)\nh5 = self.e(h4)\nh6 = self.f(h5)\nreturn h6",
    "named, the last one returned at once": "h1 = self.a(x)\nh2 = self.b(h1)\nh3 = self.c(h2)\nh4 = self.d(h3)\nh5 = self.e(h4)\nreturn self.f(h5)",
    "one name bound anew": "x = self.a(x)\nx = self.b(x)\nx = self.c(x)\nx = self.d(x)\nx = self.e(x)\nx = self.f(x)\nreturn x",
    "nested": "return self.f(self.e(self.d(self.c(self.b(self.a(x))))))",
}
RELU = {
    "named": "a1 = self.a(x)\nr1 = a1.relu()\na2 = self.b(r1)\nr2 = a2.relu()\na3 = self.c(r2)\nr3 = a3.relu()\nreturn self.d(r3)",
    "one name bound anew": "x = self.a(x)\nx = x.relu()\nx = self.b(x)\nx = x.relu()\nx = self.c(x)\nx = x.relu()\nreturn self.d(x)",
    "nested": "return self.d(self.c(self.b(self.a(x).relu()).relu()).relu())",
}
ARITHMETIC = {
    "named": "t1 = x + 1\nt2 = t1 * 2\nt3 = t2 - 3\nt4 = t3 / 4\nt5 = t4 + 5\nreturn self.a(t5)",
    "one name bound anew": "x = x + 1\nx = x * 2\nx = x - 3\nx = x / 4\nx = x + 5\nreturn self.a(x)",
    "nested": "return self.a(((((x + 1) * 2) - 3) / 4) + 5)",
}
LAST = {"named, then returned": "h = self.a(x)\no = self.b(h)\nreturn o", "returned at once": "h = self.a(x)\nreturn self.b(h)"}
GROUPS = {"six linear layers": LINEAR, "linear and relu by turns": RELU, "arithmetic, then a layer": ARITHMETIC, "the last line alone": LAST}

LOOPS = {
    "`total += loss`, no backward": ("total = total + loss", False),
    "`total += loss` after `loss.backward()`": ("total = total + loss", True),
    "`losses.append(loss)`, no backward": ("kept.append(loss)", False),
    "`losses.append(loss)` after `loss.backward()`": ("kept.append(loss)", True),
    "`total += loss.cpu()` after `loss.backward()`": ("total = total + loss.cpu()", True),
    "`total += loss.clone()` after `loss.backward()`": ("total = total + loss.clone()", True),
    "`total += loss.detach()` after `loss.backward()`": ("total = total + loss.detach()", True),
    "`total += loss.item()` after `loss.backward()`": ("total = total + loss.item()", True),
}


def network(body: str) -> nn.Module:
    """A module of linear layers whose forward is `body`."""
    names: dict[str, Any] = {}
    exec("def forward(self, x):\n    " + body.replace("\n", "\n    "), names)
    torch.manual_seed(0)
    made = type("Net", (nn.Module,), {"forward": names["forward"]})()
    for name in "abcdef":
        setattr(made, name, nn.Linear(WIDTH, WIDTH))
    assert isinstance(made, nn.Module)
    return made


def live(body: str, training: bool) -> list[int]:
    """Bytes alive before the first operation of a forward and after each, the input included; nobody but the call holds the input."""
    module = network(body)
    held = [torch.randn(BATCH, WIDTH)]
    with LiveBytes(held) as counter, torch.set_grad_enabled(training):
        module(held.pop())
    return counter.series


def nodes(body: str) -> int:
    """How many autograd nodes a forward records, those of leaves aside."""
    pending, seen = [network(body)(torch.randn(2, WIDTH)).grad_fn], set[Any]()
    while pending:
        node = pending.pop()
        if node is not None and node not in seen and type(node).__name__ != "AccumulateGrad":
            seen.add(node)
            pending += [edge for edge, _ in node.next_functions]
    return len(seen)


ORDERS = {
    "named": "h = self.a(x)\nmark('statement between')\nh = self.b(h)\nreturn h",
    "nested": "return self.b(self.a(x))",
    "a result that nothing uses": "h = self.a(x)\nself.b(h)\nmark('statement between')\nreturn self.c(h)",
}


def order(body: str) -> list[str]:
    """What runs when, as it happens."""
    happened: list[str] = []
    module = network(body)
    module.forward.__func__.__globals__["mark"] = happened.append
    for name, layer in module.named_children():
        layer.register_forward_hook(lambda _module, _given, _made, name=name: happened.append(f"`{name}`"))
    module(torch.randn(2, WIDTH))
    return happened


def loop(statement: str, backward: bool) -> Witness:
    """What each step of a small training loop keeps alive."""
    code = compile(statement, "<step>", "exec")

    def make() -> Step:
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        names: dict[str, Any] = {"total": 0, "kept": []}

        def step() -> None:
            loss = model(torch.randn(128, 64)).square().mean()
            if backward:
                loss.backward()
                model.zero_grad()
            names["loss"] = loss
            exec(code, names)
            del names["loss"]

        return step

    return measure(make, steps=4, warmup=2)


def orders_table() -> str:
    """Which calls run, in which order, and what they leave for backward."""
    rows = [(form, " → ".join(order(body)), str(nodes(body.replace("mark('statement between')\n", "")))) for form, body in ORDERS.items()]
    return table(["form", "what ran, in order", "graph nodes of the result"], rows)


def peaks_table() -> str:
    """The most activations alive at once in a forward, by computation and form."""
    rows = []
    for group, forms in GROUPS.items():
        for form, body in forms.items():
            inference, training = (max(live(body, train)) / UNIT for train in (False, True))
            rows.append((group, form, f"{inference:g}", f"{training:g}", str(nodes(body))))
            group = ""
    return table(["computation", "form", "inference", "training", "graph nodes"], rows)


def loops_table() -> str:
    """What a loop keeps alive per step."""
    rows = []
    for form, (statement, backward) in LOOPS.items():
        seen = loop(statement, backward)
        rows.append((form, f"{seen.nodes_per_step:g}", f"{seen.bytes_per_step:,.0f}"))
    return table(["what is done with the loss", "graph nodes kept per step", "bytes of tensors kept per step"], rows)


TABLES: dict[str, Callable[[], str]] = {"order of execution": orders_table, "peaks of forward": peaks_table, "kept by loops": loops_table}


def figure() -> Any:
    """Activations alive over the operations of six linear layers, in inference and in training."""
    import matplotlib
    from matplotlib.figure import Figure

    looks = {"named": ("#b3460a", "--", 3), "one name bound anew": ("#0a6b7c", "-", 2.2), "nested": ("#5b3aa8", ":", 2.2)}
    with matplotlib.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "names"}):
        drawn = Figure(figsize=(8, 3), layout="constrained", facecolor="white")
        for place, training in enumerate((False, True), 1):
            axes = drawn.add_subplot(1, 2, place)
            for form, (color, dash, width) in looks.items():
                axes.plot(
                    [size / UNIT for size in live(LINEAR[form], training)], color=color, linestyle=dash, linewidth=width, label=form, drawstyle="steps-post"
                )
            axes.set(title="training" if training else "inference (no_grad)", xlabel="operations done", ylabel="activations alive", ylim=(0, 7.5))
            axes.grid(axis="y", color="#d8dde2", linewidth=0.6)
        drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        FIGURE.parent.mkdir(exist_ok=True)
        drawn.savefig(FIGURE, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))


def tables() -> Iterator[tuple[str, str]]:
    """The tables of the document by the marker they stand behind."""
    return ((marker, make()) for marker, make in TABLES.items())


def main() -> None:
    """Measure, and bring the document up to date."""
    for marker, text in tables():
        write_between(DOCUMENT, marker, text)
    figure()


if __name__ == "__main__":
    main()
