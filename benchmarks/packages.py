"""Real packages at pinned versions: downloaded once, unpacked fresh, put under git so that every later change shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".bench"
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Package:
    """A distribution on PyPI at one version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


PINNED = {
    package.name: package
    for package in (
        Package("einops", "0.8.2"),
        Package("pytorch-tabnet", "4.1.0"),
        Package("x-transformers", "2.31.10"),
        Package("segmentation-models-pytorch", "0.6.0"),
        Package("vit-pytorch", "1.26.11"),
        Package("skorch", "1.4.0"),
        Package("peft", "0.21.2"),
        Package("torchmetrics", "1.9.0"),
        Package("ultralytics", "8.4.190"),
        Package("gluonts", "0.17.0"),
        Package("avalanche-lib", "0.6.0"),
        Package("darts", "0.48.1"),
        Package("deepchem", "2.8.0"),
        Package("speechbrain", "1.1.2"),
        Package("mmpretrain", "1.2.0"),
        Package("megatron-core", "0.16.1"),
        Package("torch_geometric", "2.8.1"),
        Package("timm", "1.0.31"),
        Package("kornia", "0.9.0"),
        Package("monai", "1.6.1"),
        Package("botorch", "0.18.1"),
        Package("mmdet", "3.3.0"),
        Package("espnet", "202511"),
        Package("nemo-toolkit", "3.0.0"),
        Package("diffusers", "0.42.1"),
        Package("transformers", "5.24.0"),
    )
}
_BINARY = {".so", ".a", ".pyd", ".dll", ".dylib"}


def download(package: Package) -> Path:
    """The package's wheel, from the cache or from the index; raises CalledProcessError where pip cannot get it."""
    wheels = CACHE / "wheels"
    pattern = f"{package.name.replace('-', '_')}-{package.version}-*.whl"
    if not list(wheels.glob(pattern)):
        wanted = f"{package.name}=={package.version}"
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(wheels), wanted], check=True)
    return next(wheels.glob(pattern))


def unpack(wheel: Path, folder: Path) -> Path:
    """A fresh copy of a wheel's files in `folder`, without compiled code, committed to a new git repository there; an older copy is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if Path(name).suffix not in _BINARY])
    put_under_git(folder)
    return folder


def put_under_git(folder: Path) -> None:
    """Commit everything in `folder` to a new repository, bytes as they are."""
    git(folder, "init", "-q")
    git(folder, "config", "core.autocrlf", "false")
    git(folder, "add", "-A", "-f")
    git(folder, "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "commit", "-q", "-m", "as published")


def git(folder: Path, *arguments: str) -> bytes:
    """What git prints; raises CalledProcessError where it fails."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True).stdout


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The `bin` folder of a virtual environment of its own that holds `requirements`; made once, kept in the cache."""
    folder = CACHE / "environments" / name
    stamp = folder / "installed.txt"
    wanted = "\n".join(requirements)
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *requirements], check=True)
        stamp.write_text(wanted)
    return folder / "bin"


def write_between(document: Path, marker: str, text: str) -> None:
    """Put `text` between `<!-- marker -->` and `<!-- /marker -->` of a document and leave the rest alone; raises ValueError without the markers."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(f"<!-- {marker} -->\n")
    _, end, after = rest.partition(f"<!-- /{marker} -->")
    if not begin or not end:
        raise ValueError(f"{document} has no markers for {marker}")
    document.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, numbers to the right."""
    numeric = [bool(rows) and all(isinstance(row[index], int | float) or row[index] in {"", "–"} for row in rows) for index in range(len(header))]
    lines = [header, ["--:" if right else "---" for right in numeric], *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value).replace("|", "\\|")
