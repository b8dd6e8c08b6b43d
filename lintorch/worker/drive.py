"""Calls a function, method, nested function or piece of a script again and again, with unknowns for all that it asks for."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import types
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import torch

from .nesting import tensors
from .outline import DEFINITIONS, Purity, end
from .pliable import Pliable, unknown, world

Run = Callable[[], Any]
_TAKEN = 64  # elements of a generator


class NotDriven(Exception):
    """The function cannot be called here; str() is why."""


class Target:
    """What is run: a dotted name of the file, cut down to the loop around the wanted lines where `sliced`."""

    def __init__(self, module: types.ModuleType, tree: ast.Module, path: str, wanted: Set[int], sliced: bool) -> None:
        self.module, self.tree, self.path, self.wanted, self.sliced = module, tree, path, wanted, sliced
        self.names: Dict[str, Any] = vars(module)

    def runner(self, qualname: str) -> Run:
        """A function that runs the target once; raises NotDriven."""
        if qualname == "<module>":
            return self._script()
        nodes = chain(self.tree, qualname)
        owner = self._owner(nodes)
        if owner is not None and issubclass(owner, torch.autograd.Function):
            return lambda: _apply(owner)
        function = self._function(nodes, owner)
        if owner is None or isinstance(inspect.getattr_static(owner, nodes[-1].name, None), staticmethod):
            return lambda: called(function)
        instance = owner if isinstance(inspect.getattr_static(owner, nodes[-1].name, None), classmethod) else self._instance(owner)
        is_module = isinstance(instance, torch.nn.Module)
        return lambda: _backward_of(called(function, instance)) if is_module else called(function, instance)

    def _script(self) -> Run:
        defined = {
            id(node) for node in self.tree.body if isinstance(node, (ast.Try, *DEFINITIONS)) and not self.wanted & set(range(node.lineno, end(node) + 1))
        }
        body = [node for node in Purity(self.tree).sliced(self.tree.body, self.wanted) if id(node) not in defined]
        code = compile(ast.Module(body, []), self.path, "exec", dont_inherit=True)
        return lambda: exec(code, self.names)

    def _owner(self, nodes: Sequence[Any]) -> Optional[type]:
        """The class whose method the target is, where all that is around it are classes."""
        if len(nodes) < 2 or not all(isinstance(node, ast.ClassDef) for node in nodes[:-1]):
            return None
        found: Any = self.module
        for node in nodes[:-1]:
            found = getattr(found, node.name)
        if not isinstance(found, type):
            raise NotDriven(f"{nodes[-2].name} is no class here")
        return found

    def _function(self, nodes: Sequence[Any], owner: Optional[type]) -> Any:
        node = nodes[-1]
        if self.sliced or (owner is None and len(nodes) > 1):
            return self._made(node, nodes[:-1])
        found = inspect.getattr_static(owner, node.name) if owner is not None else getattr(self.module, node.name)
        return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found

    def _made(self, node: Any, around: Sequence[Any]) -> Any:
        """The function compiled anew, its free names unknown; its body a slice where asked for."""
        made = ast.FunctionDef(**{**vars(node), "decorator_list": []})
        made.args = ast.arguments(**{**vars(node.args), "defaults": [], "kw_defaults": [None] * len(node.args.kwonlyargs)})
        if self.sliced:
            made.decorator_list = [part for part in node.decorator_list if Purity(self.tree).is_pure(part)]
            made.body = Purity(self.tree).sliced(node.body, self.wanted) or [ast.copy_location(ast.Pass(), node)]
        plain = self._plain_names(around, node)
        missing = {**plain, **{name: unknown(name) for outer in around for name in _locals(outer) if name not in self.names and name not in plain}}
        code = compile(ast.fix_missing_locations(ast.Module([made], [])), self.path, "exec", dont_inherit=True)
        space = self.names
        for name, value in missing.items():
            space.setdefault(name, value)
        local: Dict[str, Any] = {}
        exec(code, space, local)
        return local[node.name]

    def _plain_names(self, around: Sequence[Any], target: Any) -> Dict[str, Any]:
        """What the functions around the target bind to plain values and define beside it."""
        found: Dict[str, Any] = {}
        purity = Purity(self.tree)
        for outer in around:
            for statement in getattr(outer, "body", []) if not isinstance(outer, ast.ClassDef) else []:
                if statement is not target and target not in ast.walk(statement) and purity.outlined(statement) == [statement]:
                    with contextlib.suppress(Exception):
                        exec(compile(ast.Module([statement], []), self.path, "exec", dont_inherit=True), self.names, found)
        return found

    def _instance(self, owner: type) -> Any:
        """An object of the class that no constructor has seen: attributes come when they are asked for."""
        values = dict(self._initial(owner))
        names = self.names

        def attribute(self: Any, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            made = _evaluated(values[name], names, name) if name in values else unknown(f"self.{name}")
            setattr(self, name, made)
            return made

        kind = type(owner.__name__, (owner,), {"__getattr__": attribute, "__module__": owner.__module__})
        for name in self._unwritten(owner):
            setattr(kind, name, property(functools.partial(_unknown_attribute, name)))
        kind.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
        made: Any = object.__new__(kind)
        if isinstance(made, torch.nn.Module):
            torch.nn.Module.__init__(made)
        return made

    def _unwritten(self, owner: type) -> Iterator[str]:
        """The methods that only subclasses write."""
        written = {name: kind.__name__ for kind in reversed(owner.__mro__) for name in vars(kind)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                names = [part.name for part in node.body if isinstance(part, ast.FunctionDef) and _is_unwritten(part)]
                yield from (name for name in names if written.get(name) == node.name)

    def _initial(self, owner: type) -> Iterator[Tuple[str, ast.expr]]:
        """The attributes that the constructors of the file's classes set to plain values."""
        purity = Purity(self.tree)
        for name in [kind.__name__ for kind in reversed(owner.__mro__)]:
            node = next((part for part in ast.walk(self.tree) if isinstance(part, ast.ClassDef) and part.name == name), None)
            for part in ast.walk(node) if node is not None else ():
                if isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__post_init__", "setup"):
                    yield from _assigned(part, purity)


def _unknown_attribute(name: str, instance: Any) -> Any:
    return unknown(f"self.{name}")


def _is_unwritten(node: ast.FunctionDef) -> bool:
    body = [part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    return not body or (len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.dump(body[0]))


def _assigned(constructor: ast.FunctionDef, purity: Purity) -> Iterator[Tuple[str, ast.expr]]:
    for node in ast.walk(constructor):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and purity.is_pure(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                    yield target.attr, node.value
        elif isinstance(node, ast.Call) and _registers(node) and purity.is_pure(node.args[1]):
            yield str(node.args[0].value), node.args[1]  # type: ignore[attr-defined]


def _registers(node: ast.Call) -> bool:
    named = isinstance(node.func, ast.Attribute) and node.func.attr == "register_buffer"
    return named and len(node.args) > 1 and isinstance(node.args[0], ast.Constant)


def _evaluated(node: ast.expr, names: Dict[str, Any], name: str) -> Any:
    value = eval(compile(ast.Expression(node), "<attribute>", "eval"), names)
    return unknown(f"self.{name}") if value is None else value


def chain(tree: ast.Module, qualname: str) -> List[Any]:
    """The definitions that a qualified name goes through; raises NotDriven."""
    found: List[Any] = []
    inside: ast.AST = tree
    for name in qualname.split("."):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        fitting = [node for node in ast.walk(inside) if isinstance(node, kinds) and node.name == name and node is not inside]
        if not fitting:
            raise NotDriven(f"{qualname} is not defined by a statement")
        inside = fitting[0]
        found.append(inside)
    return found


def _locals(node: ast.AST) -> Set[str]:
    """The names of parameters and variables of a function."""
    named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    functions = {part.name for part in ast.walk(node) if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    return named | functions | {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}


def called(function: Any, *first: Any) -> Any:
    """What a call with unknowns gives; a generator is run through."""
    positional, keywords = _arguments(function, len(first))
    result = function(*first, *positional, **keywords)
    if inspect.iscoroutine(result):
        raise NotDriven("it is a coroutine")
    return [item for _, item in zip(range(_TAKEN), result)] if inspect.isgenerator(result) else result


def _arguments(function: Any, skip: int) -> Tuple[List[Any], Dict[str, Any]]:
    try:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):
        raise NotDriven("its parameters cannot be read") from None
    positional: List[Any] = []
    keywords: Dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.default is not parameter.empty:
            continue
        value = _argument(parameter)
        if parameter.kind is parameter.KEYWORD_ONLY:
            keywords[parameter.name] = value
        else:
            positional.append(value)
    return positional, keywords


def _argument(parameter: inspect.Parameter) -> Any:
    wanted = parameter.annotation
    plain: Dict[Any, Any] = {bool: False, "bool": False, str: "text", "str": "text", int: world().number, "int": world().number, float: 0.1, "float": 0.1}
    return plain[wanted] if isinstance(wanted, (str, type)) and wanted in plain else unknown(parameter.name)


def _apply(kind: Any) -> Any:
    """One forward and backward of an autograd function."""
    inputs, _ = _arguments(kind.forward, 1)
    leaves = [(value * 1.5).detach().requires_grad_() if isinstance(value, Pliable) else value for value in inputs]
    given = [leaf * 0.5 if isinstance(leaf, Pliable) else leaf for leaf in leaves]  # what only the function itself may hold
    result = kind.apply(*given)
    _backward_of(result)
    return [result, [leaf.grad for leaf in leaves if isinstance(leaf, torch.Tensor)]]


def _backward_of(result: Any) -> Any:
    """Backward from what a method of a module gave, as its caller would."""
    ends = [tensor for _, tensor in tensors(result, "") if tensor.requires_grad and tensor.is_floating_point()]
    if ends:
        torch.autograd.backward([end.as_subclass(torch.Tensor).float().mean() for end in ends])
    return result
