"""Which classes the reach benchmark leaves out of its second figure, and why: each rule is mechanical and has its reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

# By file: no class of these is ever run as it stands, whatever a search makes of it.
_FILES = ((r"(^|/)modular_\w+\.py$", "a template: another file is generated from it, and nothing imports it"),)

# By what a search that failed ran into.
_REASONS = (
    (r"([\w.]+?)(?:\.[\w.()]*)*(?:, [\w.()]+)* is not installed here and was used", "needs {}, which is not installed here"),
    (r"No module named '([\w]+)", "needs {}, which is not installed here"),
    (r"Error: (?:.*[\s`'\"])?([A-Za-z][\w-]*)[`'\"]? is (?:not )?installed", "needs {}, which is not installed here"),
    (r"(?:requires|install|need)s? [`'\"]?([A-Za-z][\w-]*)[^.]*(?:installed|package|library|pip|>=)", "needs {}, which is not installed here"),
    (r"ImportError: [^.]*\brequires? ([A-Za-z][\w-]*)\.?$", "needs {}, which is not installed here"),
    (r"process group has not been initialized", "needs several processes"),
    (r"should not be used alone|is not used for|not intended to be|does not support __call__", "not meant to be called: its forward says so"),
    (r"derivative for '\w+' is not implemented|does not support backward on CPU", "torch has no backward for what it does"),
    (r"not compiled with CUDA|No CUDA GPUs|NVIDIA driver|CUDA is not available|Cannot access accelerator", "needs an accelerator"),
    (r"CannotLoad: (?:ValueError: mutable default|SyntaxError|line \d+ is no Python)", "its package cannot be imported by this version of Python"),
    (r"NotImplementedError:?\s*$|Can't instantiate abstract class|missing the required \"forward\"", "an abstract base: its forward is left to subclasses"),
    (r"URLError|HTTPError|ConnectionError|getaddrinfo|LocalEntryNotFound|OfflineMode|couldn't connect|huggingface\.co", "downloads what it is built from"),
    (
        r"You can only torch\.load from|CannotLoad: FileNotFoundError|FileNotFoundError|No such file or directory",
        "reads a file that is not part of its package",
    ),
)


def exclusion(record: dict[str, Any], packages: Path) -> str | None:
    """Why the class is left out; None where it counts. A class that was reached is left out by its file alone."""
    for pattern, why in _FILES:
        if re.search(pattern, record["file"]):
            return why
    if record["stage"] in ("ok", "differs"):
        return None
    file = packages / record["package"] / record["file"]
    if _is_empty(file, record["symbol"]):
        return "not meant to be called: its forward does nothing, or only raises"
    lacks = re.search(rf"'{record['symbol']}' object has no attribute '((?!_modules|_parameters|_buffers)\w+)'", str(record.get("reason")))
    if lacks is not None and not re.search(rf"\b(self\.{lacks.group(1)}\b[^=\n]*=[^=]|def {lacks.group(1)}\b)", file.read_text("utf-8")):
        return "an abstract base: what it reads of itself is left to subclasses"
    unbound = re.search(r"NameError: name '(\w+)' is not defined", str(record.get("reason")))
    if unbound is not None:
        return _guarded(file, unbound.group(1)) or _compiled(packages / record["package"], unbound.group(1))
    for pattern, why in _REASONS:
        found = re.search(pattern, str(record.get("reason")))
        missing = [group.partition(".")[0] for group in found.groups()] if found is not None else []
        if found is not None and missing != [record["file"].partition("/")[0]]:  # a name of its own package is nobody's to install
            return why.format(*missing)
    return None


def _is_empty(file: Path, symbol: str) -> bool:
    """Does the body of the class's forward hold nothing but a raise, or nothing?"""
    tree = ast.parse(file.read_text("utf-8"))
    owner = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == symbol), None)
    forward = next((part for part in (owner.body if owner is not None else ()) if isinstance(part, ast.FunctionDef) and part.name == "forward"), None)
    rest = [part for part in (forward.body if forward is not None else ()) if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    return forward is not None and all(isinstance(part, (ast.Pass, ast.Raise)) for part in rest)


def _guarded(file: Path, name: str) -> str | None:
    """A name that the file imports, in a `try` that let its absence pass."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level and name in {alias.asname or alias.name for alias in node.names}:
            return f"needs {(node.module or '').partition('.')[0]}, which is not installed here"
        if isinstance(node, ast.ImportFrom) and node.level and name in {alias.name for alias in node.names} and not file.with_name(f"{name}.py").exists():
            return "needs an extension that its package compiles"
    return None


def _compiled(package: Path, name: str) -> str | None:
    """A name that another file of the package imports from beside it, where no Python file has it."""
    pattern = re.compile(rf"from \.[\w.]* import [\w, ]*\b{name}\b")
    texts = (path.read_text("utf-8", errors="ignore") for path in package.rglob("*.py"))
    found = any(pattern.search(text) for text in texts) and not any(package.rglob(f"{name}.py"))
    return "needs an extension that its package compiles" if found else None
