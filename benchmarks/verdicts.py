"""How fast verdicts are: small modules a second, what a child costs beside its bare runs, how two jobs scale, and the memory of a worker.

    python -m benchmarks.verdicts [--rounds 20]

One process a core, a zygote that is up. Times are of processor time (user and system, of the children and of the host), which is the wall time of a machine
that does nothing else; scaling is of wall time and wants an idle machine with two cores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lintorch.settings import Settings
from lintorch.source.text import Span
from lintorch.verify.supervisor import Outcome
from lintorch.verify.verdict import Change
from lintorch.verify.verifier import Verifier

HEAD = "import torch\nfrom torch import nn\n\n"
MODULES: Mapping[str, tuple[str, str]] = {
    "Mlp": (
        "class Mlp(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(16, 32)\n        self.b = nn.Linear(32, 4)\n"
        "    def forward(self, x):\n        h = torch.relu(self.a(x))\n        out = self.b(h)\n        return out\n",
        "Mlp(), torch.randn(8, 16)",
    ),
    "Conv": (
        "class Conv(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.conv = nn.Conv2d(3, 8, 3)\n"
        "        self.bn = nn.BatchNorm2d(8)\n"
        "        self.fc = nn.Linear(8, 4)\n    def forward(self, x):\n        h = torch.relu(self.bn(self.conv(x)))\n        out = self.fc(h.mean((2, 3)))\n"
        "        return out\n",
        "Conv(), torch.randn(2, 3, 8, 8)",
    ),
    "Gru": (
        "class Gru(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.rnn = nn.GRU(8, 8, batch_first=True)\n"
        "        self.fc = nn.Linear(8, 4)\n"
        "    def forward(self, x):\n        h, last = self.rnn(x)\n        out = self.fc(h[:, -1])\n        return out\n",
        "Gru(), torch.randn(2, 5, 8)",
    ),
}


@dataclass
class Meter:
    """What the children of a verifier used, by kind of job: seconds of processor time of each."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Of all children together."""
        return sum(map(sum, self.seconds.values()))


def changes(folder: Path) -> Iterator[tuple[Change, str]]:
    """The small modules with their last name inlined, each with an example."""
    for name, (body, example) in MODULES.items():
        old = HEAD + body
        value = old[old.index("out = ") + len("out = ") : old.index("\n        return out")]
        new = old.replace(f"        out = {value}\n        return out\n", f"        return {value}\n")
        path = folder / f"{name.lower()}.py"
        path.write_text(old)
        start = new.rindex(value)
        yield Change(path, name, old, new, (old[: old.index("out = ")].count("\n") + 1,), (Span(start, start + len(value)),)), example


@contextmanager
def metered(verifier: Verifier) -> Iterator[Meter]:
    """Note what children use while entered."""
    meter, run = Meter(), verifier._supervisor.run

    def noted(head: Mapping[str, Any], blobs: Sequence[bytes] = (), **limits: Any) -> Outcome:
        outcome = run(head, blobs, **limits)
        meter.seconds.setdefault(str(head["kind"]), []).append(outcome.processor)
        return outcome

    verifier._supervisor.run = noted  # type: ignore[method-assign]
    yield meter
    verifier._supervisor.run = run  # type: ignore[method-assign]


def speed(given: Sequence[tuple[Change, str]], rounds: int, trace: bool) -> tuple[float, float, Meter]:
    """(verdicts a second of processor time, of wall time, what the children used)."""
    with Verifier(Settings(min_isolation="none"), trace=trace) as verifier:
        for change, example in given:
            verdict = verifier.verify(change, [example])
            assert verdict.reason is None, verdict
        with metered(verifier) as meter:
            host, wall = time.process_time(), time.perf_counter()
            for _ in range(rounds):
                for change, example in given:
                    verifier.verify(change, [example])
            host, wall = time.process_time() - host, time.perf_counter() - wall
    count = rounds * len(given)
    return count / (host + meter.total), count / wall, meter


def bare_runs(given: Sequence[tuple[Change, str]]) -> float:
    """Seconds of processor time of the runs of a plan alone (10 forwards and backwards and a forward without a graph), the median module."""
    import torch

    torch.set_num_threads(1)
    return statistics.median(_bare(change.old, example, torch) for change, example in given)


def _bare(text: str, example: str, torch: Any) -> float:
    space: dict[str, Any] = {}
    exec(text, space)
    target, given = eval(example, space)  # noqa: S307 (written above)
    given.requires_grad_()

    def runs() -> None:
        for _ in range(10):
            output = target(given)
            output.backward(torch.ones_like(output))
        with torch.no_grad():
            target(given)

    runs()
    return _processor(runs, 20)


def _processor(run: Callable[[], None], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - started) / times


def scaling(given: Sequence[tuple[Change, str]], rounds: int) -> float:
    """How many times faster two jobs are than one."""
    walls = []
    for jobs in (1, 2):
        with Verifier(Settings(jobs=jobs, min_isolation="none")) as verifier:
            many = [pair for _ in range(rounds) for pair in given]
            verifier.verify_many([change for change, _ in many[:4]], [[example] for _, example in many[:4]])
            started = time.perf_counter()
            verifier.verify_many([change for change, _ in many], [[example] for _, example in many])
            walls.append(time.perf_counter() - started)
    return walls[0] / walls[1]


def memory(given: Sequence[tuple[Change, str]]) -> tuple[int, int]:
    """(private bytes of the zygote, the most private bytes seen of one further worker: a branch and the child it runs)."""
    with Verifier(Settings(jobs=2, min_isolation="none")) as verifier:
        verifier.start()
        process = verifier._supervisor._process
        assert process is not None
        done = threading.Event()
        most = [0]

        def watch() -> None:
            while not done.wait(0.001):
                tree = _tree(process.pid)
                branches = [pid for pid, parent in tree.items() if parent == process.pid]
                for branch in branches:
                    most[0] = max(most[0], _private(branch) + sum(_private(pid) for pid, parent in tree.items() if parent == branch))

        watcher = threading.Thread(target=watch)
        watcher.start()
        many = list(given) * 5
        verifier.verify_many([change for change, _ in many], [[example] for _, example in many])
        done.set()
        watcher.join()
        return _private(process.pid), most[0]


def _tree(root: int) -> dict[int, int]:
    """The parents of the processes below `root`, two levels deep."""
    found: dict[int, int] = {}
    for parent in (root, *_children(root)):
        found.update(dict.fromkeys(_children(parent), parent))
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _private(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        given = list(changes(Path(folder)))
        processor, wall, meter = speed(given, rounds, trace=False)
        print(f"verdicts a second without traces: {processor:.1f} of processor time, {wall:.1f} of wall time")
        traced, _, _ = speed(given, rounds, trace=True)
        print(f"verdicts a second with traces: {traced:.1f} of processor time")
        bare = bare_runs(given)
        print(f"bare runs of a plan: {1e3 * bare:.1f} ms; children by kind: " + ", ".join(_child(kind, times, bare) for kind, times in meter.seconds.items()))
        print(f"two jobs against one: {scaling(given, rounds):.2f} times faster")
        zygote, worker = memory(given)
        print(f"private memory: zygote {zygote / 2**20:.0f} MB, each further worker {worker / 2**20:.0f} MB")


def _child(kind: str, times: list[float], bare: float) -> str:
    median = statistics.median(times)
    return f"{kind} {1e3 * median:.1f} ms ({1e3 * (median - 1.5 * bare):.1f} ms over 1.5 times bare)"


if __name__ == "__main__":
    main()
