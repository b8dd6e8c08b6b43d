"""How many real classes with a forward the verifier can build, call and differentiate with no example from anybody.

    python benchmarks/reach.py --packages DIR --out reach.jsonl [--per-package 60] [--seconds 20] [--only timm,monai] [--report]

DIR holds one folder per unpacked package. Each class sampled is searched in a fresh forked child; the recipe then runs forward and backward in two more
children, one with the file as it is and one with a copy whose locals in that class are renamed. Results are appended to --out, and what is in there
already is not run again.
"""

from __future__ import annotations

import argparse
import ast
import collections
import functools
import json
import os
import random
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from exclusions import exclusion  # the script's own folder is on the path

from lintorch.project.project import Project
from lintorch.verify.mine import mine
from lintorch.worker.protocol import LoadSpec, Usage

_SKIPPED = re.compile(r"(^|/)(tests?|testing|build|docs?|examples?)(/|$)|(^|/)test_|conftest|/templates/")


def classes(root: Path) -> Iterator[tuple[str, str]]:
    """Every (path below root, qualified name) of a class that defines forward and is not an autograd function."""
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if _SKIPPED.search(name):
            continue
        try:
            text = path.read_text("utf-8")
            tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        if "torch" in text:
            yield from ((name, node.name) for node in tree.body if isinstance(node, ast.ClassDef) and _is_module(node))


def _is_module(node: ast.ClassDef) -> bool:
    bases = [ast.unparse(base) for base in node.bases]
    has_forward = any(isinstance(part, ast.FunctionDef) and part.name == "forward" and part.decorator_list[:1] != ["staticmethod"] for part in node.body)
    return has_forward and bool(bases) and not any(base.endswith(("Function", "Protocol")) for base in bases)


def renamed(text: str, symbol: str) -> str:
    """The text with the locals of the class's methods renamed, at their places in the text."""
    tree = ast.parse(text)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    lines = text.split("\n")
    edits: list[tuple[int, str]] = []
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef) and owner.name == symbol:
            for method in owner.body:
                if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    for node in _local_names(method):
                        column = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
                        edits.append((starts[node.lineno - 1] + column, node.id))
    for offset, name in sorted(set(edits), reverse=True):
        if text[offset : offset + len(name)] == name:
            text = text[:offset] + name + "_renamed" + text[offset + len(name) :]
    return text


def _local_names(method: ast.AST) -> list[ast.Name]:
    """The Name nodes of locals that may be renamed: assigned here, no parameter, nowhere in an f-string, no scope tricks."""
    nodes = list(ast.walk(method))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    if {"locals", "vars", "eval", "exec", "dir"} & names or any(isinstance(node, (ast.Global, ast.Nonlocal)) for node in nodes):
        return []
    kept = {node.arg for node in nodes if isinstance(node, ast.arg)} | {node.name for node in nodes[1:] if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    kept |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
    kept |= {alias.asname or alias.name.partition(".")[0] for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    kept |= {part.id for node in nodes if isinstance(node, (ast.JoinedStr, ast.Delete)) for part in ast.walk(node) if isinstance(part, ast.Name)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} - kept
    return [node for node in nodes if isinstance(node, ast.Name) and node.id in stored]


def in_child(work: Callable[[], Any], seconds: float) -> tuple[Any, str | None]:
    """Run `work` in a forked child; its JSON-able result, or the reason why there is none."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _quiet()
        try:
            answer: Any = {"value": work()}
        except BaseException as error:  # noqa: BLE001 - whatever ends the work is the answer
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        with os.fdopen(writer, "w") as stream:
            json.dump(answer, stream)
            stream.flush()
        os._exit(0)
    os.close(writer)
    data = _read(reader, child, time.monotonic() + seconds)
    if data is None:
        return None, f"stopped after {seconds:.0f} s"
    try:
        answer = json.loads(data)
    except ValueError:
        return None, "crashed"
    return answer.get("value"), answer.get("error")


def _quiet() -> None:
    import resource
    import socket
    import subprocess

    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    subprocess.Popen = None  # type: ignore[misc,assignment] (nor does what another program takes)
    socket.socket = None  # type: ignore[misc,assignment] (a search that waits for a name server says nothing about the class)
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


def _read(reader: int, child: int, ends: float) -> bytes | None:
    parts = []
    while True:
        left = ends - time.monotonic()
        ready = select.select([reader], [], [], max(left, 0))[0]
        if not ready:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)
            return None
        part = os.read(reader, 1 << 16)
        if not part:
            break
        parts.append(part)
    os.close(reader)
    os.waitpid(child, 0)
    return b"".join(parts)


def spec_of(root: Path, name: str, symbol: str, text: str) -> LoadSpec:
    """How a worker loads the class."""
    module = name[:-3].replace("/", ".").removesuffix(".__init__")
    return LoadSpec(path=str(root / name), text=text, symbol=symbol, module=module, roots=[str(root)])


def find(spec: LoadSpec, seconds: float, usages: list[Usage]) -> Any:
    """Load and search (in the child)."""
    import torch

    from lintorch.worker import load, search

    started = time.monotonic()
    loaded = load.load(spec)
    taken = time.monotonic() - started
    if not issubclass(loaded.object, torch.nn.Module):
        return {"found": {"failure": "no torch module"}}
    found = search.search(loaded, {"examples": [], "usages": usages, "lines": [], "methods": []}, {"seconds": seconds, "bytes": 2 << 30})
    return {"found": found, "load_seconds": round(taken, 2), "way": loaded.way}


def run(spec: LoadSpec, recipe: Any) -> list[float]:
    """Materialise a recipe and run forward and backward (in the child); sums of what came out, to compare versions."""

    from lintorch.worker import load, nesting, runs, subject

    loaded = load.load(spec)
    sums: list[float] = []
    for number in range(len(recipe["calls"])):  # each of a target of its own: a state that one call leaves has a graph that its backward has spent
        target, calls = subject.materialise(recipe, loaded, 0)
        runs.seed_all(1)
        method, args, kwargs = calls[number]
        result = (target if method == "__call__" else getattr(target, method))(*args, **kwargs)
        tensors = [tensor for _, tensor in nesting.tensors(result, "")]
        plain = [tensor.detach() for tensor in tensors if not tensor.is_sparse]
        sums.extend(float((tensor.abs() if tensor.is_complex() else tensor).double().abs().sum()) for tensor in plain)
        wanted = [tensor for tensor in tensors if tensor.requires_grad]
        if wanted:
            sum((tensor.abs() if tensor.is_complex() else tensor).float().sum() for tensor in wanted).backward()  # type: ignore[union-attr]
    return sums


def judge(root: Path, name: str, symbol: str, seconds: float, mining: bool) -> dict[str, Any]:
    """What became of one class."""
    text = (root / name).read_text("utf-8")
    started = time.monotonic()
    record: dict[str, Any] = {"package": root.name, "file": name, "symbol": symbol}
    usages = mined(root / name, text, symbol, project_of(root)) if mining else []
    found, error = in_child(lambda: find(spec_of(root, name, symbol, text), seconds, usages), 20 * seconds)  # seconds of processor time; others use it too
    if found is None:
        record.update(stage="load" if error and "CannotLoad" in error else "child", reason=error)
    elif "failure" in found["found"]:
        record.update(stage="search", reason=found["found"]["failure"], hint=found["found"].get("hint"))
    elif "doubt" in found["found"]:
        record.update(stage="doubt", reason=found["found"]["doubt"], hint=found["found"].get("hint"))
    elif found["found"].get("fake"):
        record.update(stage="search", reason="too large to be run with values", hint=found["found"].get("hint"))
    else:
        record.update(both_versions(root, name, symbol, text, found["found"]))
    record["seconds"] = round(time.monotonic() - started, 2)
    return record


@functools.lru_cache(maxsize=4)
def project_of(root: Path) -> Project:
    """The package as a project, read once."""
    return Project(root)


def mined(path: Path, text: str, symbol: str, project: Project) -> list[Usage]:
    """What the host finds about the class in the project's text."""
    return mine(path, text, symbol, project)


def both_versions(root: Path, name: str, symbol: str, text: str, recipe: Any) -> dict[str, Any]:
    """Run the recipe in the file and in its renamed copy; in the file again where they differ, since what differs from itself tells nothing."""
    sums: list[Any] = []
    hint = recipe.get("hint")
    for version in (text, renamed(text, symbol), text):
        value, error = in_child(lambda version=version: run(spec_of(root, name, symbol, version), recipe), 90)  # type: ignore[misc]
        if value is None:
            return {"stage": "run", "reason": error, "hint": hint}
        sums.append(value)
        if len(sums) == 2 and _alike(*sums):
            return {"stage": "ok", "hint": hint}
    if not _alike(sums[0], sums[2]):
        return {"stage": "doubt", "reason": "the file differs from itself from run to run", "hint": hint}
    return {"stage": "differs", "reason": "the two versions differ", "hint": hint}


def _alike(one: list[float], other: list[float]) -> bool:
    return one == other or any(number != number for number in one)


def listed(root: Path) -> list[tuple[str, str]]:
    """The classes of a package; the list is kept beside it, since parsing a large one takes a minute."""
    kept = root.parent / f"{root.name}.classes.json"
    if not kept.exists():
        kept.write_text(json.dumps(list(classes(root))))
    return [(name, symbol) for name, symbol in json.loads(kept.read_text())]


def sample(packages: Path, only: list[str], count: int, seed: str, seen: set[tuple[str, str, str]]) -> list[tuple[Path, str, str]]:
    """The classes to judge, the same for the same seed, one of each package in turn: a run cut short has seen all kinds. Those `seen` before are not drawn."""
    chosen: list[list[tuple[Path, str, str]]] = []
    for root in sorted(path for path in packages.iterdir() if path.is_dir()):
        if only and root.name not in only:
            continue
        found = [(name, symbol) for name, symbol in listed(root) if (root.name, name, symbol) not in seen]
        random.Random(f"{seed}{root.name}").shuffle(found)
        chosen.append([(root, name, symbol) for name, symbol in found[:count]])
    return [part[turn] for turn in range(count) for part in chosen if turn < len(part)]


def work_through(todo: list[tuple[Path, str, str]], out: Path, seconds: float, mining: bool) -> None:
    """Judge classes one after another, a line of --out for each."""
    for root, name, symbol in todo:
        record = judge(root, name, symbol, seconds, mining)
        if record.get("reason") == "no torch module":
            record["stage"] = "skipped"
        with out.open("a") as stream:
            stream.write(json.dumps(record) + "\n")


def read(out: Path) -> list[dict[str, Any]]:
    """The records written so far."""
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def report(records: list[dict[str, Any]]) -> None:
    """Reach by package, and the reasons for the rest by how often they come."""
    records = [record for record in records if record["stage"] != "skipped"]
    by_package: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for record in records:
        by_package[record["package"]].append(record)
    print(f"{'package':30} classes  reached        load search  run doubt other  seconds")
    for package, found in sorted(by_package.items()):
        stages = collections.Counter(record["stage"] for record in found)
        ok = stages["ok"]
        other = stages["child"] + stages["differs"]
        print(
            f"{package:30} {len(found):7} {ok:8} {100 * ok / len(found):4.0f} % {stages['load']:6} {stages['search']:6} "
            f"{stages['run']:4} {stages['doubt']:5} {other:5}"
            f"  {sum(record['seconds'] for record in found) / len(found):6.1f}"
        )
    ok = sum(record["stage"] == "ok" for record in records)
    print(f"all: {ok} of {len(records)} = {100 * ok / max(len(records), 1):.1f} %")
    reasons = collections.Counter((record["stage"], re.sub(r"\d+", "#", str(record["reason"]))[:110]) for record in records if record["stage"] != "ok")
    for (stage, reason), count in reasons.most_common(25):
        print(f"{count:5}  {stage}: {reason}")


def document(records: list[dict[str, Any]], packages: Path) -> str:
    """The report as a page: by package, then the reasons for the rest; the classes left out are listed one by one elsewhere."""
    counted = [record for record in records if record["stage"] != "skipped"]
    reasons = {number: why for number, record in enumerate(counted) if (why := exclusion(record, packages)) is not None}
    kept = [record for number, record in enumerate(counted) if number not in reasons]
    lines = ["| package | classes | reached | | left out | of the rest | reached | |", "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for package in (*sorted({record["package"] for record in counted}), None):
        everything, rest = ([record for record in part if package in (None, record["package"])] for part in (counted, kept))
        ok, rest_ok = (sum(record["stage"] == "ok" for record in part) for part in (everything, rest))
        shares = [f"{100 * part / max(len(whole), 1):.0f} %" for part, whole in ((ok, everything), (rest_ok, rest))]
        out = len(everything) - len(rest)
        lines.append(f"| {package or '**all**'} | {len(everything)} | {ok} | {shares[0]} | {out} | {len(rest)} | {rest_ok} | {shares[1]} |")
    why = collections.Counter(reasons.values())
    lines += ["", "Left out, by reason:", "", *(f"- {count}: {reason}" for reason, count in why.most_common())]
    failed = collections.Counter((record["stage"], _kind(str(record["reason"]))) for record in kept if record["stage"] != "ok")
    lines += ["", "Not reached among the rest, by what the nearest attempt ended in:", ""]
    lines += [f"- {count}: {stage}: `{reason}`" for (stage, reason), count in failed.most_common(40)]
    return "\n".join(lines) + "\n"


def _kind(reason: str) -> str:
    """A reason without the numbers and names that make it that of one class."""
    return re.sub(r"'[^']*'", "'...'", re.sub(r"\d+", "#", reason)).replace("`", "'")[:90]


def left_out(records: list[dict[str, Any]], packages: Path) -> str:
    """Every class left out, with its reason, a line each."""
    lines = [
        f"{record['file']}::{record['symbol']}\t{why}"
        for record in records
        if record["stage"] != "skipped" and (why := exclusion(record, packages)) is not None
    ]
    return "\n".join(sorted(lines)) + "\n"


def main() -> int:
    """Run the benchmark as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--per-package", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--seen", type=Path, nargs="*", default=[], help="outputs of earlier runs, whose classes are not drawn again")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-mining", action="store_true", help="search without usages of the class in the package")
    parser.add_argument("--report", action="store_true", help="only print what --out holds")
    parser.add_argument("--page", action="store_true", help="print what --out holds as the tables of docs/reach.md")
    parser.add_argument("--left-out", action="store_true", help="print the classes that --out holds and the second figure leaves out")
    chosen = parser.parse_args()
    if chosen.page or chosen.left_out:
        print((document if chosen.page else left_out)(read(chosen.out), chosen.packages), end="")
        return 0
    if not chosen.report:
        _run_all(chosen)
    report(read(chosen.out))
    return 0


def _classes_in(outputs: list[Path]) -> set[tuple[str, str, str]]:
    return {(record["package"], record["file"], record["symbol"]) for out in outputs for record in read(out)}


def _run_all(chosen: argparse.Namespace) -> None:
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    sys.dont_write_bytecode = True
    import torch
    import torch._dynamo  # half of the packages import it, which takes longer than everything else they import

    from lintorch.worker import load, search, subject  # noqa: F401 (children share one state of the code)

    torch.set_num_threads(1)
    search.warm_up()
    done = _classes_in([chosen.out])
    todo = [
        entry
        for entry in sample(chosen.packages, [name for name in chosen.only.split(",") if name], chosen.per_package, chosen.seed, _classes_in(chosen.seen))
        if (entry[0].name, entry[1], entry[2]) not in done
    ]
    children = []
    for number in range(chosen.jobs):
        child = os.fork()
        if child == 0:
            work_through(todo[number :: chosen.jobs], chosen.out, chosen.seconds, not chosen.no_mining)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    sys.exit(main())
