"""What the attributes of self and the classes of a project are known to be, from how they are made."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from lintorch.flow.fact import UNKNOWN, Fact, History, Sort, either
from lintorch.flow.inference import annotated
from lintorch.flow.torch_names import (
    CUTTING_FUNCTIONS,
    MODULE_METHODS,
    MODULE_WRAPPERS,
    SAME_MODULE_METHODS,
    is_loader_class,
    is_loss_class,
    is_module_class,
    is_optimizer_class,
)
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.nodes import nodes_under
from lintorch.project.project import Project, Store

_PLAIN_ANNOTATIONS = ("builtins.int", "builtins.float", "builtins.bool", "builtins.str")


@dataclass(frozen=True)
class OwnerFacts:
    """Facts about `self.<name>` within one class; nothing is known outside classes."""

    owner: ClassEntry | None
    project: Project

    @classmethod
    def of(cls, entry: FunctionEntry, project: Project) -> OwnerFacts:
        """The facts of the class a method stands in."""
        return cls(entry.owner, project)

    def attribute(self, name: str) -> Fact:
        """What `self.<name>` holds, where every store agrees; else what only modules are asked for."""
        if self.owner is None:
            return UNKNOWN
        key = f"attribute fact {name}"
        if key not in self.owner.memo:
            self.owner.memo[key] = self._attribute(self.owner, name)
        known: Fact = self.owner.memo[key]
        return known

    def is_begun_as_module(self, name: str) -> bool:
        """Is a module stored on `self.<name>` somewhere, perhaps to be wrapped by something unknown later?"""
        stores = self.project.attribute_stores(self.owner).get(name, ()) if self.owner is not None else ()
        return any(self._stored(store).sort is Sort.MODULE for store in stores)

    def _attribute(self, owner: ClassEntry, name: str) -> Fact:
        stores = self.project.attribute_stores(owner).get(name, ())
        fact = either([self._stored(store) for store in stores if store.kind != "delete"])
        if fact.sort is Sort.UNKNOWN and fact.of_class is None:
            fact = self._declared(owner, name)
        if fact.sort is Sort.UNKNOWN and fact.of_class is None:
            use = _module_use(owner, name)
            return Fact(Sort.MODULE, History.CUT, (use,)) if use else UNKNOWN
        return fact

    def _stored(self, store: Store) -> Fact:
        """What is stored: something made there, or a parameter that is annotated."""
        if isinstance(store.value, ast.Name):
            arguments = store.method.node.args
            given = next((node for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if node.arg == store.value.id), None)
            return annotation_fact(given.annotation, store.method.module, self.project) if given is not None else UNKNOWN
        return constructed(store.value, store.method.module, self.project)

    def _declared(self, owner: ClassEntry, name: str) -> Fact:
        """What the class body of the nearest class that declares the attribute says of it: `policy: ActorCriticPolicy`."""
        for cls in self.project.ancestry(owner).classes:
            for node in cls.node.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                    return annotation_fact(node.annotation, cls.module, self.project)
        return UNKNOWN


def _module_use(owner: ClassEntry, name: str) -> str | None:
    """`self.<name>.parameters()` or the like in the class: only a module is asked for that."""
    uses: dict[str, str] | None = owner.memo.get("module uses")
    if uses is None:
        uses = owner.memo["module uses"] = {}
        for node in nodes_under(owner.node):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Attribute):
                held, method = node.func.value, node.func.attr
                if isinstance(held.value, ast.Name) and held.value.id == "self" and method in MODULE_METHODS - {"zero_grad", "state_dict", "load_state_dict"}:
                    uses.setdefault(held.attr, f"self.{held.attr}.{method}() on line {node.lineno}")
    return uses.get(name)


def constructed(value: ast.expr | None, module: Module, project: Project) -> Fact:
    """What an expression of a constructor or of module level makes: a module, loss, optimizer or loader, by the class it calls."""
    if not isinstance(value, ast.Call):
        return UNKNOWN
    if isinstance(value.func, ast.Attribute) and value.func.attr in SAME_MODULE_METHODS:
        return constructed(value.func.value, module, project)
    name = module.qualify(value.func)
    if name is None:
        return UNKNOWN
    if name in MODULE_WRAPPERS and value.args:
        return constructed(value.args[0], module, project)
    return _made_by_name(project.canonical(name), value.lineno) or _made_by_class(name, project)


def _made_by_name(name: str, line: int) -> Fact | None:
    if is_loss_class(name):
        return Fact(Sort.CRITERION, History.CUT, (f"{name} made on line {line}",))
    if is_module_class(name):
        return Fact(Sort.MODULE, History.CUT, (f"{name} made on line {line}",))
    if is_optimizer_class(name):
        return Fact(Sort.OPTIMIZER, History.CUT)
    return Fact(Sort.LOADER, History.CUT) if is_loader_class(name) else None


def _made_by_class(name: str, project: Project) -> Fact:
    found = project.find(name)
    return class_fact(found, project) if isinstance(found, ClassEntry) else UNKNOWN


def class_fact(cls: ClassEntry, project: Project) -> Fact:
    """What an instance of a project's class is."""
    evidence = project.module_evidence(cls)
    if evidence is None:
        return replace(UNKNOWN, of_class=cls)
    sort = Sort.MODULE if _has_parameters(cls, project) else Sort.CRITERION
    return Fact(sort, History.CUT, (f"{cls.name} {evidence}",), of_class=cls)


def annotation_fact(annotation: ast.expr | None, module: Module, project: Project) -> Fact:
    """What an annotation says of a value: a class of torch or of the project, Optional or not, quoted or not."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation_fact(_parsed(annotation.value), module, project)
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.right, ast.Constant) and annotation.right.value is None:
        return annotation_fact(annotation.left, module, project)
    if isinstance(annotation, ast.Subscript) and module.qualify(annotation.value) == "typing.Optional":
        return annotation_fact(annotation.slice, module, project)
    fact = annotated(annotation, module.qualify)
    name = module.qualify(annotation) if annotation is not None and fact.sort is Sort.UNKNOWN else None
    return _made_by_class(name, project) if name is not None else fact


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def owns_none(cls: ClassEntry, project: Project) -> bool:
    """Has a module certainly no parameters: are its attributes plain values and new tensors, in a class whose bases are all known?"""
    stores = (store for found in project.attribute_stores(cls).values() for store in found)
    return project.ancestry(cls).complete and all(map(_is_no_parameter, stores))


def is_given_plain(value: ast.expr | None, caller: FunctionEntry, project: Project) -> bool:
    """Is what a function writes there a plain value: as `_is_plain` says, or an attribute of self that only such are stored on?"""
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == caller.receiver and caller.owner is not None:
        stores = project.attribute_stores(caller.owner).get(value.attr, ())
        return bool(stores) and all(map(_is_no_parameter, stores))
    return _is_plain(value, caller)


def _is_no_parameter(store: Store) -> bool:
    return store.kind == "buffer" or _is_plain(store.value, store.method)


def _is_plain(value: ast.expr | None, method: FunctionEntry, depth: int = 3) -> bool:
    """Is it a plain value or a new tensor: written out, made by a function that makes such, or a parameter that stands for one unless told otherwise?"""
    if isinstance(value, ast.Constant | ast.BinOp | ast.BoolOp | ast.Compare):
        return True
    if isinstance(value, ast.Call):
        name = method.module.qualify(value.func, method.qualname) or ""
        return name.startswith(("builtins.", "math.", "numpy.")) or (name.startswith("torch.") and name.rpartition(".")[2] in CUTTING_FUNCTIONS)
    if not isinstance(value, ast.Name) or not depth:
        return False
    head = method.node.args
    positional = [*head.posonlyargs, *head.args]
    annotations = {node.arg: node.annotation for node in (*positional, *head.kwonlyargs)}
    annotation = annotations.get(value.id)
    if annotation is not None and method.module.qualify(annotation) in _PLAIN_ANNOTATIONS:
        return True
    defaults = dict(zip([node.arg for node in positional[len(positional) - len(head.defaults) :]], head.defaults, strict=True))
    defaults |= {node.arg: default for node, default in zip(head.kwonlyargs, head.kw_defaults, strict=True) if default is not None}
    meant = defaults.get(value.id, method.module.constants.get(value.id) if value.id not in annotations else None)
    return not (isinstance(meant, ast.Constant) and meant.value is None) and _is_plain(meant, method, depth - 1)


def _has_parameters(cls: ClassEntry, project: Project) -> bool:
    """May the module own parameters? Not one whose attributes are all plain values."""
    for name, stores in project.attribute_stores(cls).items():
        for store in stores:
            if store.kind in ("parameter", "module") or name == "*" or isinstance(store.value, ast.Call):
                return True
    return not project.ancestry(cls).complete
