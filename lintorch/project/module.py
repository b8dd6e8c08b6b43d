"""One module as its text says it: imports, classes, functions and module-level names, from one pass over the statements of its ast."""

from __future__ import annotations

import ast
import builtins
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lintorch.project.nodes import nodes_under
from lintorch.source.text import Source, Span

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
SCRIPT = "<module>"

_BUILTINS = frozenset(dir(builtins))
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# Statements that bind nothing the index holds; most of a file, so they are told apart first.
_PLAIN = frozenset({ast.Expr, ast.Return, ast.Raise, ast.Assert, ast.Delete, ast.Pass, ast.Break, ast.Continue, ast.Global, ast.Nonlocal})


@dataclass(frozen=True, eq=False)
class FunctionEntry:
    """A function or method; `owner` is the class whose body it stands in, None for functions and for functions nested in functions."""

    module: Module = field(repr=False)
    qualname: str
    node: FunctionNode = field(repr=False)
    owner: ClassEntry | None = field(repr=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The bare name."""
        return self.node.name

    @property
    def dotted(self) -> str:
        """The qualified name with its module."""
        return f"{self.module.name}.{self.qualname}"

    @property
    def decorators(self) -> tuple[str | None, ...]:
        """The decorators qualified, arguments left off, outermost first; None for what cannot be named."""
        return _qualified_decorators(self.module, self.node.decorator_list, self.qualname, self.memo)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the function, nearest first, nested functions included."""
        return tuple(nodes_under(self.node))

    @cached_property
    def mentions(self) -> frozenset[str]:
        """The names and attribute names that stand anywhere in the function."""
        nodes = (node for node in self.nodes if isinstance(node, (ast.Name, ast.Attribute)))
        return frozenset(node.id if isinstance(node, ast.Name) else node.attr for node in nodes)

    @cached_property
    def span(self) -> Span:
        """The lines of the function, decorators included."""
        source = self.module.source
        first = min((decorator.lineno for decorator in self.node.decorator_list), default=self.node.lineno)
        return Span(source.line_span(first).start, source.line_span(self.node.end_lineno or self.node.lineno).end)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word in the text of the function: all that is mentioned and more, had without a walk."""
        text = self.module.source.text[self.span.start : self.span.end]
        return frozenset(_WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text)))

    @cached_property
    def receiver(self) -> str | None:
        """The name of the first parameter of a method that is bound (`self`, `cls`), else None."""
        if self.owner is None or "builtins.staticmethod" in self.decorators:
            return None
        arguments = [*self.node.args.posonlyargs, *self.node.args.args]
        return arguments[0].arg if arguments else None


@dataclass(frozen=True, eq=False)
class ClassEntry:
    """A class statement; `attributes` are the names its body assigns, with their value where one plain assignment gives it."""

    module: Module = field(repr=False)
    qualname: str
    node: ast.ClassDef = field(repr=False)
    methods: dict[str, FunctionEntry] = field(default_factory=dict, repr=False)
    attributes: dict[str, ast.expr | None] = field(default_factory=dict, repr=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The bare name."""
        return self.node.name

    @property
    def dotted(self) -> str:
        """The qualified name with its module."""
        return f"{self.module.name}.{self.qualname}"

    @property
    def bases(self) -> tuple[str | None, ...]:
        """The bases qualified, type arguments left off (`Foo[T]` is `Foo`); None for what cannot be named."""
        if "bases" not in self.memo:
            self.memo["bases"] = tuple(self.module.qualify_base(base, self.qualname) for base in self.node.bases)
        remembered: tuple[str | None, ...] = self.memo["bases"]
        return remembered

    @property
    def decorators(self) -> tuple[str | None, ...]:
        """The decorators qualified, arguments left off, outermost first; None for what cannot be named."""
        return _qualified_decorators(self.module, self.node.decorator_list, self.qualname, self.memo)


@dataclass(frozen=True, eq=False)
class Module:
    """A parsed file under its dotted name.

    `starred` answers what a name means that `from ... import *` brought; `relocate` turns the first part of an absolute import into the dotted
    name of a neighbouring script. Both are the project's knowledge. `new_memo` makes the place where answers about an entry are remembered.
    """

    source: Source = field(repr=False)
    tree: ast.Module = field(repr=False)
    name: str
    is_package: bool = False
    starred: Callable[[Module, str], str | None] | None = field(default=None, repr=False)
    relocate: Callable[[str], str | None] | None = field(default=None, repr=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False)
    new_memo: Callable[[], dict[str, Any]] = field(default=dict, repr=False)

    @cached_property
    def _index(self) -> Index:
        return Index.of(self)

    @property
    def imports(self) -> Mapping[str, str]:
        """Local name to absolute dotted target, imports within functions and branches included.

        Where a name is imported twice, a plain module-level import wins, then the first branch (`try: fast; except ImportError: slow`).
        """
        return self._index.imports

    @property
    def star_imports(self) -> tuple[str, ...]:
        """The modules of `from ... import *`, in order."""
        return tuple(self._index.stars)

    @property
    def classes(self) -> Mapping[str, ClassEntry]:
        """Classes by qualified name, nested ones and those within functions included; a second of one name is under `name#2`."""
        return self._index.classes

    @property
    def functions(self) -> Mapping[str, FunctionEntry]:
        """Functions, methods and nested functions by qualified name; a second of one name (a setter, an overload) is under `name#2`."""
        return self._index.functions

    @property
    def constants(self) -> Mapping[str, ast.expr | None]:
        """Other names assigned at module level, with their value where one plain assignment gives it."""
        return self._index.constants

    @cached_property
    def script(self) -> FunctionEntry:
        """The statements of the module itself, as a function without parameters named <module>."""
        arguments = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        node = ast.FunctionDef(name=SCRIPT, args=arguments, body=self.tree.body, decorator_list=[], returns=None, type_comment=None)
        node.lineno, node.end_lineno, node.col_offset, node.end_col_offset = 1, len(self.source.line_starts), 0, 0
        return FunctionEntry(self, SCRIPT, node, None, self.new_memo())

    @cached_property
    def exports(self) -> tuple[str, ...] | None:
        """The names `__all__` lists, None where there is none or it is not written out."""
        return _literal_names(self._index.all_values) if self._index.all_values else None

    def defines(self, name: str) -> bool:
        """Is a module-level name defined here by class, def or assignment, rather than imported?"""
        return name in self._index.defined

    def qualify(self, expr: ast.expr | str, within: str = "") -> str | None:
        """The absolute dotted name of a name or attribute chain, seen from the scope `within` (a qualname).

        None for calls, subscripts and names that are neither imported, defined in an enclosing scope, nor builtins. Local variables are not
        looked at: a caller that is inside a function knows them better.
        """
        dotted = expr if isinstance(expr, str) else dotted_name(expr)
        if dotted is None:
            return None
        head, _, rest = dotted.partition(".")
        target = self._qualify_name(head, within)
        return f"{target}.{rest}" if target and rest else target

    def qualify_base(self, base: ast.expr, qualname: str) -> str | None:
        """The dotted name of a base of class `qualname`: without type arguments; the class's own name means what it meant before the class."""
        while isinstance(base, ast.Subscript):
            base = base.value
        target = self.qualify(base, enclosing(qualname))
        return self.imports.get(qualname) if target == f"{self.name}.{qualname}" else target

    def _qualify_name(self, name: str, within: str) -> str | None:
        scope, innermost = within, True
        while scope:
            # Methods do not see the names of their class's body.
            if (innermost or scope not in self.classes) and (f"{scope}.{name}" in self.classes or f"{scope}.{name}" in self.functions):
                return f"{self.name}.{scope}.{name}"
            scope, innermost = enclosing(scope), False
        if name in self._index.defined:
            return f"{self.name}.{name}"
        if name in self.imports:
            return self.imports[name]
        found = self.starred(self, name) if self.starred and self._index.stars else None
        return found or (f"builtins.{name}" if name in _BUILTINS else None)


def dotted_name(expr: ast.expr) -> str | None:
    """A name or attribute chain as text ("nn.functional.relu"), None for anything else."""
    parts: list[str] = []
    while isinstance(expr, ast.Attribute):
        parts.append(expr.attr)
        expr = expr.value
    return ".".join((expr.id, *reversed(parts))) if isinstance(expr, ast.Name) else None


def enclosing(qualname: str) -> str:
    """The qualname of the enclosing scope, empty at module level."""
    return qualname.rpartition(".")[0]


def _qualified_decorators(module: Module, decorators: list[ast.expr], qualname: str, memo: dict[str, Any]) -> tuple[str | None, ...]:
    if not decorators:
        return ()
    if "decorators" not in memo:
        called = (decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in decorators)
        memo["decorators"] = tuple(module.qualify(decorator, enclosing(qualname)) for decorator in called)
    remembered: tuple[str | None, ...] = memo["decorators"]
    return remembered


@dataclass
class Index:
    """What one pass over the statements of a module finds."""

    module: Module
    imports: dict[str, str] = field(default_factory=dict)
    classes: dict[str, ClassEntry] = field(default_factory=dict)
    functions: dict[str, FunctionEntry] = field(default_factory=dict)
    constants: dict[str, ast.expr | None] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    all_values: list[ast.expr] = field(default_factory=list)

    @classmethod
    def of(cls, module: Module) -> Index:
        """Index a module."""
        index = cls(module)
        index._visit(module.tree.body, "", None, plain=True)
        return index

    def _visit(self, suite: list[ast.stmt], scope: str, owner: ClassEntry | None, plain: bool) -> None:
        """Collect a suite of the scope `scope`; `plain` says that it always runs. Parsing bounds the depth of this recursion."""
        for statement in suite:
            if type(statement) in _PLAIN:
                continue
            if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                if not scope or owner:
                    self._assignment(statement, owner, plain)
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._function(statement, scope, owner, plain)
            elif isinstance(statement, ast.ClassDef):
                self._class(statement, scope, owner, plain)
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement, plain and not scope)
            else:
                if not scope or owner:
                    self._targets(statement, owner, plain)
                for inner in _suites(statement):
                    self._visit(inner, scope, owner, plain=False)

    def _function(self, node: FunctionNode, scope: str, owner: ClassEntry | None, plain: bool) -> None:
        qualname = f"{scope}.{node.name}" if scope else node.name
        entry = FunctionEntry(self.module, qualname, node, owner, self.module.new_memo())
        _register(self.functions, qualname, entry, plain and not _completes_another(node))
        if owner is not None:
            owner.methods[node.name] = self.functions[qualname]
        self._define(node.name, scope, plain)
        self._visit(node.body, qualname, None, plain=True)

    def _class(self, node: ast.ClassDef, scope: str, owner: ClassEntry | None, plain: bool) -> None:
        qualname = f"{scope}.{node.name}" if scope else node.name
        entry = ClassEntry(self.module, qualname, node, memo=self.module.new_memo())
        _register(self.classes, qualname, entry, plain)
        self._define(node.name, scope, plain)
        self._visit(node.body, qualname, entry, plain=True)

    def _define(self, name: str, scope: str, plain: bool) -> None:
        """Note a definition; one in a branch does not displace an import made before (`except ImportError: def f(): ...`)."""
        if not scope and (plain or name not in self.imports):
            self.defined.add(name)

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, owner: ClassEntry | None, plain: bool) -> None:
        for target, value in _written(node):
            for name in bound_names(target):
                whole = isinstance(target, ast.Name) and not isinstance(node, ast.AugAssign)
                if whole and owner is None and self.constants.get(name) is not None and _is_same_object(name, value):
                    continue  # `model = model.to(device)` is the model it was
                self._bind(name, value if whole else None, owner, plain)
                if name == "__all__" and owner is None and value is not None:
                    self.all_values += [value]

    def _targets(self, statement: ast.stmt, owner: ClassEntry | None, plain: bool) -> None:
        """The names that the header of a compound statement, or a `type` statement, binds."""
        alias = getattr(statement, "name", None)  # of a `type` statement
        targets: list[ast.expr | None] = [alias, getattr(statement, "target", None), *(item.optional_vars for item in getattr(statement, "items", ()))]
        for target in targets:
            for name in bound_names(target) if target is not None else ():
                self._bind(name, None, owner, plain)

    def _bind(self, name: str, value: ast.expr | None, owner: ClassEntry | None, plain: bool) -> None:
        names = self.constants if owner is None else owner.attributes
        if plain or name not in names:
            names[name] = value
        if owner is None:
            self._define(name, "", plain)

    def _import(self, node: ast.Import | ast.ImportFrom, plain: bool) -> None:
        origin = self._origin(node) if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(origin)
            elif isinstance(node, ast.ImportFrom):
                self._bind_import(alias.asname or alias.name, f"{origin}.{alias.name}", plain)
            elif alias.asname:
                self._bind_import(alias.asname, self._absolute(alias.name), plain)
            else:
                head = alias.name.partition(".")[0]
                self._bind_import(head, self._absolute(head), plain)

    def _bind_import(self, name: str, target: str, plain: bool) -> None:
        if plain:
            self.imports[name] = target
            self.defined.discard(name)
        else:
            self.imports.setdefault(name, target)

    def _origin(self, node: ast.ImportFrom) -> str:
        """The absolute dotted name of the module a `from` import names."""
        if not node.level:
            return self._absolute(node.module or "")
        package = self.module.name.split(".")
        package = package[: len(package) - node.level + self.module.is_package]
        return ".".join((*package, node.module) if node.module else package)

    def _absolute(self, dotted: str) -> str:
        head, dot, rest = dotted.partition(".")
        relocated = self.module.relocate(head) if self.module.relocate else None
        return (relocated or head) + dot + rest


_SAME_OBJECT = frozenset({"to", "cuda", "cpu", "eval", "train", "half", "float", "double", "bfloat16"})


def _written(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """The targets of an assignment with their values; one by one where both sides of a parallel one are written out."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        sides = (target.elts, node.value.elts) if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) else ([], [])
        plain = len(sides[0]) == len(sides[1]) and not any(isinstance(element, ast.Starred) for side in sides for element in side)
        yield from zip(*sides, strict=True) if sides[0] and plain else [(target, node.value)]


def _is_same_object(name: str, value: ast.expr | None) -> bool:
    """Is the value `name` itself, moved about by methods of modules that return their object?"""
    moved = False
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SAME_OBJECT:
        value, moved = value.func.value, True
    return moved and isinstance(value, ast.Name) and value.id == name


def bound_names(target: ast.expr) -> list[str]:
    """The plain names an assignment target binds, nested tuples included."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for element in target.elts for name in bound_names(element)]
    return bound_names(target.value) if isinstance(target, ast.Starred) else []


def _register(entries: dict[str, Any], qualname: str, entry: FunctionEntry | ClassEntry, wins: bool) -> None:
    """Enter under `qualname`; where that is taken, the loser moves to `qualname#2`, `#3`, ..., so that none is lost."""
    earlier = entries.get(qualname)
    if earlier is None or wins:
        entries[qualname] = entry
    if earlier is not None:
        number = 2
        while f"{qualname}#{number}" in entries:
            number += 1
        entries[f"{qualname}#{number}"] = earlier if wins else entry


def _completes_another(node: FunctionNode) -> bool:
    """Is this a setter, deleter or registered variant (`@x.setter`) of a function that stands before it?"""
    return any(isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter", "register") for decorator in node.decorator_list)


def _suites(statement: ast.stmt) -> list[list[ast.stmt]]:
    parts = (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ()))
    names = ("body", "orelse", "finalbody")
    return [*(getattr(statement, name, []) for name in names[:1]), *(part.body for part in parts), *(getattr(statement, name, []) for name in names[1:])]


def _literal_names(values: list[ast.expr]) -> tuple[str, ...] | None:
    """The strings of lists, tuples and their sums; None where one is computed."""
    names: list[str] = []
    waiting = list(reversed(values))
    while waiting:
        value = waiting.pop()
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            waiting += [value.right, value.left]
        elif isinstance(value, (ast.List, ast.Tuple)):
            waiting += reversed(value.elts)
        elif isinstance(value, ast.Constant) and isinstance(value.value, str):
            names.append(value.value)
        else:
            return None
    return tuple(names)
