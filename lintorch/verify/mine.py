"""How a class is used in the text around it: constructor calls and calls of what they make, folded to constants.

Hints for the search of inputs, in the order of how close they are to the class. Nothing is executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lintorch.project.locate import plain_path
from lintorch.project.module import dotted_name
from lintorch.project.project import Module, Project
from lintorch.source.root import find_root
from lintorch.source.text import Source, SourceError
from lintorch.there import is_file, is_folder
from lintorch.verify.fold import Folder, Qualify
from lintorch.verify.snippets import docstrings, snippets
from lintorch.worker.protocol import Usage

__all__ = ["mine"]

_MOST_USAGES = 12
_MOST_FILES = 400
_MOST_READ = 8
_MOST_BYTES = 8_000_000
_SKIPPED = frozenset({".git", ".venv", "venv", "node_modules", "build", "dist", "site-packages", "__pycache__", ".tox", ".eggs"})
_WELL_KNOWN = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", "functional": "torch.nn.functional"}


def mine(path: Path, text: str, symbol: str, project: Project | None = None) -> list[Usage]:
    """The usages of class or function `symbol` of the file at `path`, whose text is `text`: in the file, its docstrings, the project's files and READMEs."""
    project = project or Project.around(path)
    name = symbol.rpartition(".")[2]
    usages: list[Usage] = []
    for usage in _all_usages(plain_path(path), text, name, project):
        if _completeness(usage) >= 0 and all((usage["build"], usage["call"]) != (known["build"], known["call"]) for known in usages):
            usages.append(usage)
        if len(usages) >= _MOST_USAGES:
            break
    return sorted(usages, key=lambda usage: -_completeness(usage))


def _completeness(usage: Usage) -> int:
    """3 where a call and every argument of the constructor are known, 1 where the constructor is, 0 where only parts are; -1 where nothing is."""
    if not any(value is not None for _, value in (*usage["build"], *(usage["call"] or ()))):
        return -1
    built = all(value is not None for _, value in usage["build"])
    called = usage["call"] is not None and all(value is not None for _, value in usage["call"])
    return 2 * (built and called) + built


def _all_usages(path: Path, text: str, name: str, project: Project) -> Iterator[Usage]:
    home = _module(path, text, project)
    if home is None:
        return
    yield from _in_tree(home.tree, name, home.qualify, str(path))
    for docstring in docstrings(home.tree, name):
        yield from _in_snippets(docstring, name, home, f"docstring in {path}")
    for file in _mentioning(path, name):
        if file.suffix == ".py":
            module = _module(file, _read(file), project)
            if module is not None and not module.defines(name):  # else another class of the same name
                yield from _in_tree(module.tree, name, module.qualify, str(file))
        else:
            yield from _in_snippets(_read(file), name, home, str(file))


def _module(path: Path, text: str, project: Project) -> Module | None:
    try:
        return project.load(Source(path, text.encode(), text, "utf-8"))
    except SourceError:
        return None


def _in_snippets(text: str, name: str, home: Module, where: str) -> Iterator[Usage]:
    for tree in snippets(text):
        yield from _in_tree(tree, name, _snippet_qualify(tree, home), where)


def _snippet_qualify(tree: ast.Module, home: Module) -> Qualify:
    """Names in a snippet: its own imports, the usual abbreviations, then what the file knows."""
    imports = dict(_WELL_KNOWN)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Import):
            imports.update({alias.asname: alias.name for alias in node.names if alias.asname})

    def qualify(node: ast.expr) -> str | None:
        dotted = dotted_name(node)
        head, _, rest = (dotted or "").partition(".")
        found = imports.get(head)
        return (f"{found}.{rest}" if rest else found) if found else home.qualify(node)

    return qualify


def _mentioning(path: Path, name: str) -> Iterator[Path]:
    """Files of the project whose text has the name, those next to `path` first, tests and READMEs included; bounded."""
    used = re.compile(rf"\b{re.escape(name)}\s*\(|\bclass\s+\w+\([^)]*\b{re.escape(name)}\b")
    spent = found = 0
    for file in _near_files(path, find_root(path)):
        if spent > _MOST_BYTES or found >= _MOST_READ:
            return
        text = _read(file)
        spent += len(text)
        if used.search(text):
            found += 1
            yield file


def _near_files(path: Path, root: Path) -> Iterator[Path]:
    near = [file for file in sorted(path.parent.glob("*.py")) if file != path]
    top = [*sorted(root.glob("README*")), *sorted(root.glob("*.py"))]
    rest = (file for file in _walk(root) if file.suffix == ".py")
    seen = {path}
    for count, file in enumerate(_chain(near, top, rest)):
        if count >= _MOST_FILES:
            return
        if file not in seen:
            seen.add(file)
            yield file


def _chain(*groups: Iterator[Path] | list[Path]) -> Iterator[Path]:
    for group in groups:
        yield from group


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder, tests before the rest."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: ("test" not in entry.name and "example" not in entry.name, entry.name))
    except OSError:
        return
    for entry in entries:
        if is_folder(entry) and not entry.is_symlink() and entry.name not in _SKIPPED and not entry.name.startswith("."):
            yield from _walk(entry)
        elif is_file(entry):
            yield entry


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""


_Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef
_Class = ast.ClassDef | None


def _in_tree(tree: ast.Module, name: str, qualify: Callable[[ast.expr], str | None], where: str) -> Iterator[Usage]:
    """The usages in a module: calls of `name`, and `super().__init__(...)` in classes derived from it."""
    constants = _assignments(tree)
    for scope, owner in _scopes(tree, None):
        known = {**constants, **_defaults(scope), **(_assignments(scope) if scope is not tree else {}), **_stored(owner)}
        folder = Folder(known, qualify)
        for node in _own_nodes(scope):
            if isinstance(node, ast.Call) and (_calls(node, name) or (owner is not None and _is_super_init(node, owner, name))):
                build = folder.arguments(node)
                if build is not None:
                    yield from _usages_of(node, build, scope, folder, f"{where}:{node.lineno}")


def _usages_of(node: ast.Call, build: list[list[object]], scope: _Scope, folder: Folder, where: str) -> Iterator[Usage]:
    called = [call for call in (folder.arguments(made) for made in _calls_of_made(node, scope)) if call]
    for call in called[:3]:
        yield {"build": build, "call": call, "where": where}
    if not called:
        yield {"build": build, "call": None, "where": where}


def _calls(node: ast.Call, name: str) -> bool:
    return (isinstance(node.func, ast.Name) and node.func.id == name) or (isinstance(node.func, ast.Attribute) and node.func.attr == name)


def _is_super_init(node: ast.Call, owner: ast.ClassDef, name: str) -> bool:
    derived = any((dotted_name(base) or "").rpartition(".")[2] == name for base in owner.bases)
    of_super = isinstance(node.func, ast.Attribute) and node.func.attr == "__init__" and isinstance(node.func.value, ast.Call)
    return derived and of_super and ast.unparse(node.func).startswith("super(")


def _calls_of_made(node: ast.Call, scope: _Scope) -> Iterator[ast.Call]:
    """Where `m = Net(...)`: the calls `m(...)`; and `Net(...)(...)`."""
    names = {
        ast.unparse(target)
        for statement in _own_nodes(scope)
        if isinstance(statement, ast.Assign) and _strip(statement.value) is node
        for target in statement.targets
    }
    for other in _own_nodes(scope):
        if isinstance(other, ast.Call) and (other.func is node or ast.unparse(other.func) in names):
            yield other


def _strip(node: ast.expr) -> ast.expr:
    """`Net(...)` in `Net(...).to(device)`, `Net(...).eval()`."""
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("to", "cuda", "cpu", "eval", "train", "double", "half", "float")
    ):
        node = node.func.value
    return node


def _scopes(node: ast.AST, owner: _Class) -> Iterator[tuple[_Scope, _Class]]:
    """Every function and the module itself, each with the class whose method it is."""
    if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node, owner
    for child in ast.iter_child_nodes(node):
        inner = node if isinstance(node, ast.ClassDef) and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else None
        yield from _scopes(child, inner)


def _own_nodes(scope: _Scope) -> Iterator[ast.AST]:
    """The nodes of a scope, in order, without those of functions and classes in it."""
    stack: list[ast.AST] = list(reversed(scope.body))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def _assignments(scope: _Scope) -> dict[str, ast.expr]:
    """The names that a scope gives one plain value; unpacked tuples are taken apart, names given several values are left out."""
    found: dict[str, ast.expr] = {}
    twice: set[str] = set()
    for node in _own_nodes(scope):
        for name, value in _bindings(node):
            twice.update({name} & found.keys())
            found[name] = value
    return {name: value for name, value in found.items() if name not in twice}


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if isinstance(target, ast.Name | ast.Attribute):
            yield ast.unparse(target), node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(target.elts) == len(node.value.elts):
            yield from ((ast.unparse(name), value) for name, value in zip(target.elts, node.value.elts, strict=True) if isinstance(name, ast.Name))


def _defaults(scope: _Scope) -> dict[str, ast.expr]:
    """The parameters of a function with their defaults: what it is called with most."""
    if isinstance(scope, ast.Module):
        return {}
    arguments = scope.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [(argument, default) for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is not None]
    return {argument.arg: default for argument, default in pairs}


def _stored(owner: _Class) -> dict[str, ast.expr]:
    """What `self.x` stands for in a class: what __init__ stores, parameters by their defaults."""
    init = next((part for part in owner.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None) if owner is not None else None
    if init is None:
        return {}
    defaults = _defaults(init)
    stored = {name: value for name, value in _assignments(init).items() if name.startswith("self.")}
    return {name: defaults.get(value.id, value) if isinstance(value, ast.Name) else value for name, value in stored.items()}
