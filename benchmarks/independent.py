"""Run every class that a fix changed, as published and as fixed, and compare bit for bit: shares no code with lintorch.

    python -m benchmarks.independent BEFORE AFTER REPORT.json

BEFORE and AFTER are folders with the package, REPORT the JSON of the `lintorch --fix` that led from one to the other. What is built and called is the
`example` of the verdict; each version runs in a process of its own, unconfined. 1 where one differs.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SECONDS = 120


def main(argv: Sequence[str] | None = None) -> int:
    """Compare all that was written, print a line for each and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("report", type=Path)
    arguments = parser.parse_args(argv)
    counts: Counter[str] = Counter()
    for rewrite in written(json.loads(arguments.report.read_text())):
        outcome = compared(arguments.before.resolve(), arguments.after.resolve(), rewrite)
        counts[outcome.partition(":")[0]] += 1
        print(f"{rewrite['path']} {rewrite['symbol']}: {outcome}", flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "nothing was written")
    return int(bool(counts["differs"]))


def written(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rewrites of a report that reached their files."""
    fixed = {finding["rewrite"] for finding in report["findings"] if finding["fixed"]}
    return [rewrite for rewrite in report["rewrites"] if rewrite["id"] in fixed]


def compared(before: Path, after: Path, rewrite: Mapping[str, Any]) -> str:
    """`same`, `differs: ...` or `not run: ...`; what differs from itself as well is not run."""
    if not rewrite["verdict"]["example"]:
        return "not run: the verdict names no example"
    old, new = seen(before, rewrite), seen(after, rewrite)
    if "raised" in old:
        return f"not run: {old['raised']}"
    if old == new:
        return "same" if any(key.startswith("gradient") for key in old) else "same without gradients"
    if seen(before, rewrite) != old:
        return "not run: the original differs from itself"
    return f"differs: {sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))[:5]}"


def seen(root: Path, rewrite: Mapping[str, Any]) -> dict[str, str]:
    """What one version did, by a process of its own."""
    order = {"path": rewrite["path"], "example": rewrite["verdict"]["example"], "inputs": rewrite["verdict"]["inputs"]}
    settings = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, str(Path(__file__).resolve()), "--observe", json.dumps(order)]
        try:
            done = subprocess.run(command, cwd=scratch, env=settings, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return {"raised": f"more than {SECONDS} s"}
    last = done.stdout.strip().splitlines()[-1:] or [""]
    return dict(json.loads(last[0])) if last[0].startswith("{") else {"raised": f"the process ended with {done.returncode}"}


def observe(order: Mapping[str, Any]) -> dict[str, str]:
    """Digests of everything visible of two calls and one backward, in each mode and for two seeds; or what was raised."""
    try:
        module = importlib.import_module(dotted(order["path"]))
        return {f"{name} ({mode}, seed {seed})": value for mode in ("train", "eval") for seed in (0, 1) for name, value in run(module, order, mode, seed)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever a package raises is what is told)
        return {"raised": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:160]}


def dotted(path: str) -> str:
    """The module of a file that lies in a package's folder."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def run(module: types.ModuleType, order: Mapping[str, Any], mode: str, seed: int) -> Iterator[tuple[str, str]]:
    """Build under the seed, move the parameters off their initial values, call twice, go backward."""
    import torch

    torch.manual_seed(seed)
    names = {**vars(torch.nn), "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "types": types, **vars(module)}
    names["__call"] = lambda target, /, *arguments, **keywords: (target, arguments, keywords)
    target, arguments, keywords = eval(f"__call({order['example']})", names)  # noqa: S307 (what this is for)
    state = {**dict(target.named_parameters()), **dict(target.named_buffers())} if isinstance(target, torch.nn.Module) else {}
    with torch.no_grad():
        for tensor in state.values():
            if tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, dtype=tensor.dtype), alpha=0.05)
    if isinstance(target, torch.nn.Module):
        target.train(mode == "train")
    leaves = [leaf for leaf in flat((arguments, keywords)) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.is_leaf]
    results = called(method(target, order["inputs"]), arguments, keywords, leaves)
    yield from digests("output", results)
    yield "random state", digest(torch.get_rng_state())
    outputs = [leaf for leaf in flat(results) if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
    if outputs:
        torch.autograd.backward([(leaf.abs() if leaf.is_complex() else leaf).double().cos().sum() for leaf in outputs])
    for name, tensor in (*state.items(), *((f"input {place}", leaf) for place, leaf in enumerate(leaves))):
        yield f"value of {name}", digest(tensor.detach())
        if tensor.grad is not None:
            yield f"gradient of {name}", digest(tensor.grad)


def method(target: Any, inputs: Sequence[str]) -> Any:
    """What the verdict called: another method where its inputs name one (`encode: float32[2, 3]`)."""
    name, colon, _ = inputs[0].partition(": ") if inputs else ("", "", "")
    return getattr(target, name) if colon and name.isidentifier() and hasattr(target, name) else target


def called(function: Any, arguments: Any, keywords: Any, leaves: Sequence[Any]) -> list[Any]:
    """Two calls in a row, with gradients for the inputs; without where the code writes into them."""
    try:
        for leaf in leaves:
            leaf.requires_grad_()
        return [function(*arguments, **keywords) for _ in range(2)]
    except RuntimeError as error:
        if "leaf" not in str(error):
            raise
        for leaf in leaves:
            leaf.requires_grad_(False)
        return [function(*arguments, **keywords) for _ in range(2)]


def flat(value: Any) -> Iterator[Any]:
    """The leaves of nested results."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    elif hasattr(value, "__dataclass_fields__"):
        value = tuple(vars(value).values())
    if isinstance(value, tuple | list):
        for item in value:
            yield from flat(item)
    else:
        yield value


def digests(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """One digest for each leaf; what is no tensor counts by its text where that is no address."""
    import torch

    for place, leaf in enumerate(flat(value)):
        plain = leaf if isinstance(leaf, int | float | str) else ""
        yield f"{name} {place}", digest(leaf) if isinstance(leaf, torch.Tensor) else f"{type(leaf).__name__} {plain}"


def digest(tensor: Any) -> str:
    """Form and every bit of a tensor."""
    import torch

    form = f"{tuple(tensor.shape)} {tensor.dtype} {tensor.stride()} {tensor.requires_grad}"
    raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return f"{form} {hashlib.sha256(raw).hexdigest()[:16]}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--observe"]:
        sys.path.pop(0)  # this file's folder, whose names are no package's
        print("\n" + json.dumps(observe(json.loads(sys.argv[2]))))
        raise SystemExit(0)
    raise SystemExit(main())
