"""Where the project's other files make instances of a class, and whether one of them may become a layer of a network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lintorch.project.attribute_names import content, python_files, tree
from lintorch.project.bases import Bases
from lintorch.project.calls import Call, calls_by_name
from lintorch.project.consulted import NOTHING, Seen
from lintorch.project.module import ClassEntry, Module
from lintorch.project.names import Names
from lintorch.project.nodes import nodes_under


class Constructions:
    """Finds them by the class's name in the texts under the project's root, and parses only the files that have it."""

    def __init__(self, names: Names, bases: Bases) -> None:
        self._names, self._bases = names, bases
        self._seen: frozenset[Seen] = NOTHING

    def all_apart(self, cls: ClassEntry) -> bool:
        """Is every instance that functions of other files make kept by itself, outside modules? Where nobody makes any, whoever imports the class may."""
        made = [(call, module) for module in self._modules(cls) for call in calls_by_name(module).get(cls.name, ()) if call.caller is not None]
        ours = [(call, module) for call, module in made if self._is_meant(call.node.func, call, module, cls)]
        return bool(ours) and all(self._is_apart(call, module) for call, module in ours)

    def _modules(self, cls: ClassEntry) -> Iterator[Module]:
        """The other files, but for tests, which make layers to try them."""
        own = cls.module.source.path.absolute()
        if not self._seen:
            self._seen = frozenset((tree(self._names.root),))
        self._names.consulted.note(self._seen)
        mention = re.compile(rb"\b%s[ \t]*\(" % re.escape(cls.name.encode()))
        for path in python_files(self._names.root):
            if path.absolute() != own and "test" not in path.name and "tests" not in path.parts and mention.search(content(path)):
                module = self._names.at(path)
                if module is not None:
                    yield module

    def _is_meant(self, called: ast.expr, call: Call, module: Module, cls: ClassEntry) -> bool:
        dotted = module.qualify(called, call.caller.qualname if call.caller else "")
        meant = self._names.resolve(dotted).entry if dotted is not None else None
        return isinstance(meant, ClassEntry) and meant.dotted == cls.dotted

    def _is_apart(self, call: Call, module: Module) -> bool:
        """Is the instance bound to a name or attribute outside modules, and given to nothing but classes that are none?"""
        caller = call.caller
        if caller is None or (caller.owner is not None and self._bases.evidence(caller.owner) is not None):
            return False
        nodes = nodes_under(caller.node)
        targets = [target for node in nodes for target in _targets(node) if _moved(node) is call.node]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        given = (node.func for node in nodes if isinstance(node, ast.Call) and names & set(_given(node)))
        return bool(targets) and all(self._is_plain_class(called, call, module) for called in given)

    def _is_plain_class(self, called: ast.expr, call: Call, module: Module) -> bool:
        dotted = module.qualify(called, call.caller.qualname if call.caller else "")
        meant = self._names.resolve(dotted).entry if dotted is not None else None
        return isinstance(meant, ClassEntry) and self._bases.evidence(meant) is None


def _targets(node: ast.AST) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []


def _moved(statement: ast.AST) -> ast.expr | None:
    """`Norm()` of `norm = Norm().to(device)`."""
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call):
        value = value.func.value
    return value


def _given(call: ast.Call) -> Iterator[str]:
    """The names that a call is given."""
    values = (*call.args, *(keyword.value for keyword in call.keywords))
    return (node.id for value in values for node in nodes_under(value) if isinstance(node, ast.Name))
