"""A file without what it does when it is imported: definitions and plain constants stay, other top-level names become unknowns; and slices of bodies."""

from __future__ import annotations

import ast
from typing import Any, Iterator, List, Optional, Sequence, Set, Tuple

UNKNOWN = "__lintorch_unknown__"
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_SAFE_CALLS = frozenset({"dict", "list", "set", "tuple", "frozenset", "range", "int", "float", "str", "bool", "min", "max"})
_SAFE_METHODS = frozenset({"parameters", "to", "cpu", "cuda", "train", "eval", "keys", "values", "items", "copy"})
_SAFE_MODULES = frozenset({"torch", "collections", "math", "typing", "functools", "itertools", "logging", "operator"})


class Purity:
    """Which expressions can be evaluated without consequences, given the imports of a file and the plain names bound so far."""

    def __init__(self, tree: ast.Module) -> None:
        self.modules: Set[str] = set()
        self.known: Set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.modules.update((alias.asname or alias.name).partition(".")[0] for alias in node.names if alias.name.partition(".")[0] in _SAFE_MODULES)
            elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] in _SAFE_MODULES:
                self.modules.update(alias.asname or alias.name for alias in node.names)

    def is_pure(self, node: Optional[ast.AST]) -> bool:
        """May the expression be evaluated?"""
        if node is None or isinstance(node, (ast.Constant, ast.Lambda, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)):
            return True
        if isinstance(node, ast.Name):
            return node.id in self.known or node.id in self.modules
        if isinstance(node, ast.Attribute):
            return self.is_pure(node.value)
        if isinstance(node, ast.Call):
            return self._is_safe_call(node.func) and all(map(self.is_pure, (*node.args, *(keyword.value for keyword in node.keywords))))
        kinds = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Starred, ast.Subscript)
        return isinstance(node, kinds) and all(map(self.is_pure, ast.iter_child_nodes(node)))

    def _is_safe_call(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Name):
            return func.id in self.modules or func.id in _SAFE_CALLS
        if isinstance(func, ast.Attribute) and func.attr in _SAFE_METHODS and _root(func) in self.known:
            return True
        return isinstance(func, ast.Attribute) and _root(func) in self.modules and "load" not in func.attr and "manual_seed" not in func.attr

    def keeps(self, node: ast.stmt) -> bool:
        """Is the statement a definition or a plain constant?"""
        if isinstance(node, (ast.Pass, *DEFINITIONS)):
            return True
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Constant)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return self.is_pure(node.value) and all(self._is_target(target) for target in targets)
        if isinstance(node, ast.If):
            return self.is_pure(node.test) and all(map(self.keeps, (*node.body, *node.orelse)))
        if isinstance(node, ast.Try):
            return all(map(self.keeps, (*node.body, *node.orelse, *node.finalbody)))  # a handler runs where something is missing
        return False

    def _is_target(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) or (isinstance(node, (ast.Tuple, ast.List)) and all(map(self._is_target, node.elts)))

    def outlined(self, node: ast.stmt) -> List[ast.stmt]:
        """The statement if it may run, else what makes unknowns of the names it binds."""
        names = bound_names(node)
        if self.keeps(node):
            self.known.update(names if not isinstance(node, DEFINITIONS) else ())
            return [node]
        self.known.difference_update(names)
        return [_as_unknown(name, node) for name in names]

    def sliced(self, body: Sequence[ast.stmt], wanted: Set[int]) -> List[ast.stmt]:
        """The statement that holds the wanted lines, as far as it is a loop or simple, behind an outline of what comes before it."""
        found: List[ast.stmt] = []
        for node in body:
            if not wanted & set(range(node.lineno, end(node) + 1)):
                found += self.outlined(node)
                continue
            inner = next((branch for branch in _branches(node) if branch and wanted & set(range(branch[0].lineno, end(branch[-1]) + 1))), None)
            return [*found, node] if inner is None else [*found, *self.sliced(inner, wanted)]
        return found


def outline(text: str) -> str:
    """The text of a file whose import only defines; lines stay where they are."""
    tree = ast.parse(text)
    purity = Purity(tree)
    lines = text.split("\n")
    blanked: List[Tuple[ast.stmt, str]] = [
        (node, "; ".join(f"{name} = {UNKNOWN}({name!r})" for name in bound_names(node))) for node in tree.body if purity.outlined(node) != [node]
    ]
    gone = {id(part) for node, _ in blanked for part in ast.walk(node)}
    # Asserts ask unknowns for what they are.
    blanked += [(node, "pass") for node in ast.walk(tree) if isinstance(node, ast.Assert) and id(node) not in gone]
    # From the end, so that of statements that share a line those left of the last one stay where ast saw them.
    for node, instead in sorted(blanked, key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        _blank(lines, node, instead)
    return "\n".join(lines)


def _blank(lines: List[str], node: ast.stmt, instead: str) -> None:
    first, last = node.lineno - 1, end(node) - 1
    before = lines[first].encode()[: node.col_offset].decode()
    after = lines[last].encode()[getattr(node, "end_col_offset", 0) :].decode()
    lines[first : last + 1] = [""] * (last + 1 - first)
    lines[first] = before + (instead or "pass") + (after if first == last else "")
    if first != last and after.strip().startswith(";"):
        lines[last] = after.strip().lstrip(";").lstrip()


def bound_names(node: ast.stmt) -> List[str]:
    """The names that a statement binds in its scope."""
    found: List[str] = []
    pending: List[ast.AST] = [node]
    while pending:
        part = pending.pop(0)
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(part.name)
            continue
        if isinstance(part, (ast.Import, ast.ImportFrom)):
            found += [alias.asname or alias.name.partition(".")[0] for alias in part.names if alias.name != "*"]
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.append(part.id)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            found.append(part.name)
        if not isinstance(part, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            pending += ast.iter_child_nodes(part)
    return list(dict.fromkeys(found))


def _as_unknown(name: str, at: ast.stmt) -> ast.stmt:
    made = ast.parse(f"{name} = {UNKNOWN}({name!r})").body[0]
    return ast.fix_missing_locations(ast.copy_location(made, at))


def _branches(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """The bodies that a slice goes into: those of everything but loops and definitions."""
    if isinstance(node, (ast.If, ast.With, ast.AsyncWith, ast.Try)):
        yield node.body
        yield getattr(node, "orelse", [])
        yield getattr(node, "finalbody", [])


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


def end(node: ast.AST) -> int:
    """The last line of a node."""
    last: Any = getattr(node, "end_lineno", None) or getattr(node, "lineno", 0)
    return int(last)
