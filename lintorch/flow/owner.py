"""What the attributes of self and the classes of a project are known to be, from how they are made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lintorch.flow.fact import UNKNOWN, Fact, History, Sort, container, either
from lintorch.flow.inference import annotated
from lintorch.flow.instance import base_owns_none, instance
from lintorch.flow.torch_names import CUTTING_FUNCTIONS, MODULE_METHODS, MODULE_WRAPPERS, PLAIN_BUILTINS, SAME_MODULE_METHODS
from lintorch.project.locate import is_standard_library
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.nodes import nodes_under
from lintorch.project.project import Project, Store

# What gives a module that it was given, or one that was saved.
_GIVING_MODULES = ("torch.hub.", "torch.jit.", "torch.load", "torch.compile", "torch.fx.", "torch.nn.utils.", "copy.", "functools.", "pickle.")
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
            return Fact(Sort.MODULE, History.CUT, (use,), opaque=True) if use else UNKNOWN
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
    return _made_by_torch(project.canonical(name), value, module, project) or _made_by_class(name, project)


def _made_by_torch(name: str, call: ast.Call, module: Module, project: Project) -> Fact | None:
    flags = {keyword.arg or "**": _truth(keyword.value) for keyword in call.keywords}
    return instance(name, call.lineno, [_given(value, module, project) for value in call.args], flags)


def _given(value: ast.expr, module: Module, project: Project) -> Fact:
    """What a constructor of torch is given at a place: the layers of a container, one by one or in a list."""
    if isinstance(value, ast.List | ast.Tuple):
        return container(_given(element, module, project) for element in value.elts)
    if isinstance(value, ast.ListComp | ast.GeneratorExp):
        return container((_given(value.elt, module, project),))
    return constructed(value, module, project)


def _truth(value: ast.expr) -> bool | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None


def _made_by_class(name: str, project: Project) -> Fact:
    found = project.find(name)
    return class_fact(found, project) if isinstance(found, ClassEntry) else UNKNOWN


def class_fact(cls: ClassEntry, project: Project) -> Fact:
    """What an instance of a project's class is."""
    evidence = project.module_evidence(cls)
    if evidence is None:
        return replace(UNKNOWN, of_class=cls)
    return Fact(_sort_of_class(cls, project), History.CUT, (f"{cls.name} {evidence}",), of_class=cls)


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


def _sort_of_class(cls: ClassEntry, project: Project) -> Sort:
    """With parameters unless everything it is known to hold has none: a loss, or an operation where it holds tensors or others of those and no loss."""
    if "sort of module" not in cls.memo:
        cls.memo["sort of module"] = Sort.MODULE  # while it is worked out: a class may hold itself
        cls.memo["sort of module"] = _sort_of_held({*_sorts_held(cls, project)})
    known: Sort = cls.memo["sort of module"]
    return known


def _sort_of_held(sorts: set[Sort]) -> Sort:
    if Sort.MODULE in sorts:
        return Sort.MODULE
    return Sort.OPERATION if Sort.OPERATION in sorts and Sort.CRITERION not in sorts else Sort.CRITERION


def _sorts_held(cls: ClassEntry, project: Project) -> Iterator[Sort]:
    """The sorts of the modules that an instance holds; whatever may be one with parameters counts as one."""
    ancestry = project.ancestry(cls)
    unread = [base for base in ancestry.external if not base_owns_none(base)]
    if unread or not (ancestry.complete or ancestry.external):
        yield Sort.MODULE
    for name, stores in project.attribute_stores(cls).items():
        for store in stores:
            if name == "*" or store.kind in ("parameter", "module"):
                yield Sort.MODULE
            elif store.kind == "buffer":
                yield Sort.OPERATION
            elif store.value is not None:
                yield from (_sort_made(call, store.method.module, project) for call in _calls(store.value))


def _calls(value: ast.expr) -> Iterator[ast.Call]:
    """The calls that make a value or parts of it: either side of a choice, the elements of a list."""
    if isinstance(value, ast.Call):
        yield value
    elif isinstance(value, ast.IfExp | ast.BoolOp | ast.List | ast.Tuple | ast.ListComp | ast.Dict | ast.DictComp):
        yield from (call for part in ast.iter_child_nodes(value) if isinstance(part, ast.expr) for call in _calls(part))


def _sort_made(call: ast.Call, module: Module, project: Project) -> Sort:
    """The sort of module that a call makes; OPERATION for a tensor or a plain value, MODULE where nobody knows."""
    sort = constructed(call, module, project).sort
    if sort is not Sort.UNKNOWN:
        return sort
    name = module.qualify(call.func) or ""
    package, _, function = name.rpartition(".")
    if package == "builtins":
        return Sort.OPERATION if function in PLAIN_BUILTINS else Sort.MODULE
    plain = name.split(".")[0] in ("numpy", "scipy") or is_standard_library(name) or (name.startswith("torch.") and _is_plain_of_torch(function))
    return Sort.OPERATION if plain and not name.startswith(_GIVING_MODULES) else Sort.MODULE


def _is_plain_of_torch(name: str) -> bool:
    """Does a function or class of torch of that name give a tensor or a plain object: `zeros`, `Generator`, `LongTensor`?"""
    return name[:1].islower() or name in CUTTING_FUNCTIONS or name.endswith("Tensor")


def owns_none(cls: ClassEntry, project: Project) -> bool:
    """Has a module certainly no parameters: are its attributes plain values and new tensors, in a class whose bases are all known?"""
    stores = (store for found in project.attribute_stores(cls).values() for store in found)
    ancestry = project.ancestry(cls)
    return ancestry.complete and all(map(base_owns_none, ancestry.external)) and all(_is_no_parameter(store, project) for store in stores)


def is_given_plain(value: ast.expr | None, caller: FunctionEntry, project: Project) -> bool:
    """Is what a function writes there a plain value: as `_is_plain` says, or an attribute of self that only such are stored on?"""
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == caller.receiver and caller.owner is not None:
        stores = project.attribute_stores(caller.owner).get(value.attr, ())
        return bool(stores) and all(_is_no_parameter(store, project) for store in stores)
    return _is_plain(value, caller, project)


def _is_no_parameter(store: Store, project: Project) -> bool:
    return store.kind == "buffer" or _is_plain(store.value, store.method, project)


def _is_plain(value: ast.expr | None, method: FunctionEntry, project: Project, depth: int = 3) -> bool:
    """Is it a plain value or a new tensor: written out, made by what makes no parameters, or a parameter that stands for one unless told otherwise?"""
    if isinstance(value, ast.Constant | ast.BinOp | ast.BoolOp | ast.Compare):
        return True
    if isinstance(value, ast.Call):
        return _sort_made(value, method.module, project) is not Sort.MODULE
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
    return not (isinstance(meant, ast.Constant) and meant.value is None) and _is_plain(meant, method, project, depth - 1)
