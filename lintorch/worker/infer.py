"""What kind of value a parameter wants, by what the code does with it, followed into the functions it is passed on to."""

from __future__ import annotations

import ast
import inspect
import math
from dataclasses import dataclass, replace
from typing import Any, Iterator, List, Optional, Tuple

import torch

from .annotations import UNKNOWN, Sort, annotated, sort_of
from .tree import Function, function_tree, plain, signature
from .uses import Key, Uses, attribute_uses, result_uses, uses_of

_DEPTH = 5
_TEXT_METHODS = frozenset({"lower", "upper", "startswith", "endswith", "split", "format", "strip", "casefold"})
_TABLE_METHODS = frozenset({"items", "keys", "values", "get", "setdefault"})
_LIST_METHODS = frozenset({"append", "extend", "insert"})
_MODULE_METHODS = frozenset(
    {
        "parameters",
        "named_parameters",
        "children",
        "named_children",
        "modules",
        "state_dict",
        "load_state_dict",
        "eval",
        "train",
        "requires_grad_",
        "apply",
        "forward",
    }
)
_SHARED_WITH_MODULES = frozenset({"to", "device", "dtype", "float", "half", "cuda", "cpu", "type", "requires_grad_", "apply", "weight", "bias"})
_MAKES_SIZES = frozenset({"zeros", "ones", "empty", "rand", "randn", "arange", "linspace", "full", "eye", "tril", "triu", "Size"})


@dataclass(frozen=True)
class Place:
    """A function and what is known about the `self` it runs on: the class, and the live object once it is built.

    `building` says that the code runs while something is constructed, where numbers are likelier than tensors.
    """

    function: Any
    owner: Optional[type] = None
    instance: Any = None
    building: bool = False


def methods(owner: type) -> Iterator[Function]:
    """The syntax trees of a class's methods, inherited ones of the project included."""
    for kind in owner.__mro__:
        if kind.__module__.partition(".")[0] in ("torch", "builtins", "abc"):
            continue
        for member in vars(kind).values():
            tree = function_tree(member) if callable(member) or isinstance(member, (staticmethod, classmethod)) else None
            if tree is not None:
                yield tree


def parameter_uses(place: Place, name: str) -> Uses:
    """The uses of a parameter in its function and, where self keeps it, in the other methods of the class."""
    tree = function_tree(place.function)
    found = uses_of(tree, name) if tree is not None else Uses()
    if place.owner is not None and place.building and getattr(place.function, "__name__", "") == "__init__":
        for attribute in found.stored:
            for method in methods(place.owner):
                attribute_uses(method, attribute, found)
    return found


def expression_uses(place: Place, attribute: str) -> Uses:
    """The uses, in a function, of what is read as `<anything>.<attribute>`, and of the attributes of self that keep it."""
    tree = function_tree(place.function)
    found = Uses()
    if tree is not None:
        attribute_uses(tree, attribute, found, anything=True)
        for kept in list(found.stored) if place.owner is not None else []:
            for method in methods(place.owner):  # type: ignore[arg-type]
                attribute_uses(method, kept, found)
    return found


def answer_uses(place: Place, attribute: str) -> Uses:
    """The uses of what a function gets by calling `<anything>.<attribute>(...)`, in other methods too where self keeps it."""
    tree = function_tree(place.function)
    found = Uses()
    if tree is not None:
        result_uses(tree, attribute, found)
        for kept in list(found.stored) if place.owner is not None else []:
            for method in methods(place.owner):  # type: ignore[arg-type]
                attribute_uses(method, kept, found)
    return found


def infer(place: Place, name: str, depth: int = _DEPTH) -> Sort:
    """The sort of a parameter by its uses."""
    return sort_by_uses(parameter_uses(place, name), place, depth)


def sort_by_uses(uses: Uses, place: Place, depth: int = _DEPTH) -> Sort:
    """The sort of a value by what is done with it."""
    if uses.tensor and not place.building:
        return Sort("tensor")
    for rule in (_by_types, _by_attributes, _by_calls, _by_constants, _by_container):
        sort = rule(uses, place)
        if sort is not UNKNOWN:
            return sort
    passed = _by_passing(uses, place, depth) if depth else UNKNOWN
    if passed is not UNKNOWN and not (uses.arithmetic and place.building and passed.kind not in ("int", "float", "number")):
        return passed
    return _by_operators(uses, place)


def _by_types(uses: Uses, place: Place) -> Sort:
    sorts = [sort_of(found) for found in (lookup(kind, place) for kind in uses.types) if isinstance(found, type)]
    known = [sort for sort in sorts if sort.kind in ("int", "float", "str", "tensor", "module", "bool")]
    if known or not sorts:
        return known[0] if known else UNKNOWN
    if any(sort.kind == "sequence" for sort in sorts):  # asked because it may be one thing as well: the simpler case
        return Sort("number" if place.building else "tensor")
    return sorts[0]


def _by_attributes(uses: Uses, place: Place) -> Sort:
    asked = [*uses.attributes, *uses.methods]
    if not asked:
        return UNKNOWN
    if _TEXT_METHODS & set(uses.methods):
        return Sort("str")
    if place.building and set(asked) == {"values"}:
        return Sort("table")
    if all(hasattr(torch.Tensor, name) for name in asked) and (not place.building or set(asked) - _SHARED_WITH_MODULES):
        return Sort("tensor")
    if _LIST_METHODS & set(uses.methods):
        return Sort("sequence")
    if _MODULE_METHODS & set(uses.methods) or (place.building and _called_later(uses, place)):
        return Sort("module")
    if place.building and (uses.calls or _by_passing(uses, place, 2).kind == "factory"):  # `self._stage(block, ...)`, where it is called
        return Sort("factory")
    if set(asked) <= _TABLE_METHODS:
        return Sort("table")
    return Sort("config")


def _called_later(uses: Uses, place: Place) -> bool:
    """Does another method call what the constructor stored?"""
    own = _own_calls(place)
    return bool(uses.calls) and not any(call in own for call in uses.calls)


def _own_calls(place: Place) -> List[ast.Call]:
    tree = function_tree(place.function)
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree is not None else []


def _by_calls(uses: Uses, place: Place) -> Sort:
    if not uses.calls or uses.maybe_called:
        return Sort("sequence", inside=(Sort("module"),)) if uses.items_called else UNKNOWN
    if place.building:
        return Sort("module") if _called_later(uses, place) else Sort("factory")
    return Sort("function")


def _by_constants(uses: Uses, place: Place) -> Sort:
    texts = [constant for constant in uses.compared if isinstance(constant, str)]
    if texts:
        return Sort("choice", object=list(dict.fromkeys(texts)))
    if any(isinstance(constant, bool) for constant in uses.compared):
        return Sort("bool")
    if any(isinstance(constant, int) for constant in uses.compared) and not uses.keys and not uses.iterated:
        return Sort("int") if place.building else UNKNOWN
    return UNKNOWN


def _by_container(uses: Uses, place: Place) -> Sort:
    if any(isinstance(key, str) for key in uses.keys) or uses.splatted:
        return Sort("table")
    if place.building and (uses.keys or uses.iterated or uses.unpacked or uses.starred or uses.sliced or uses.length):
        return Sort("sequence")
    if uses.unpacked or uses.starred or (uses.iterated and not uses.sliced) or (uses.keys and not uses.sliced and not uses.arithmetic and uses.length):
        return Sort("sequence", inside=(Sort("tensor"),))
    return UNKNOWN


def _by_operators(uses: Uses, place: Place) -> Sort:
    if uses.arithmetic:
        return Sort("number" if place.building else "tensor")
    if uses.fallback is not None:
        return _by_fallback(uses.fallback, place)
    if place.building and uses.truth_test:
        return Sort("bool")
    return UNKNOWN


def _by_fallback(fallback: ast.expr, place: Place) -> Sort:
    if isinstance(fallback, ast.Constant):
        return sort_of(type(fallback.value))
    found = lookup(fallback, place)
    if isinstance(found, type):
        return Sort("factory", object=found)
    return Sort("function") if callable(found) else UNKNOWN


def _by_passing(uses: Uses, place: Place, depth: int) -> Sort:
    for expression, key in uses.passed:
        sort = _of_argument(expression, key, place, depth - 1)
        if sort.kind not in ("unknown", "none"):
            return sort
    return UNKNOWN


def _of_argument(expression: ast.expr, key: Key, place: Place, depth: int) -> Sort:
    callee = lookup(expression, place)
    if callee is None:
        return UNKNOWN
    known = _of_builtin(callee, place)
    if known.kind == "tensor" and place.building and key not in (0, "input"):  # `torch.topk(x, k=config.top_k)`
        return UNKNOWN
    if known is not UNKNOWN:
        return known
    target = target_of(callee, place.building)
    parameter = _parameter(target.function, key) if target is not None else None
    if target is None or parameter is None:
        return UNKNOWN
    sort = annotated(target.function, parameter)
    if place.building and sort.kind == "tensor":  # `lr: Union[float, Tensor]`
        sort = next((other for other in sort.others if other.kind in ("int", "float", "number")), sort)
    if sort.kind in ("unknown", "config") or (sort.kind == "module" and sort.object is torch.nn.Module):
        inferred = infer(target, parameter.name, depth) if depth > 0 else UNKNOWN
        sort = inferred if inferred is not UNKNOWN else sort
    return _named(sort, parameter, target)


def _named(sort: Sort, parameter: inspect.Parameter, target: Place) -> Sort:
    """Keep the name that the value has where it is used: `in_features` says more than `d`."""
    if sort.kind in ("int", "number") and target.owner is not None and target.owner.__module__.startswith("torch."):
        return replace(sort, kind="int", object=sort.object or parameter.name)
    return sort


def _of_builtin(callee: Any, place: Place) -> Sort:
    if callee in (int, abs, round, range, math.sqrt, math.log, math.ceil, math.floor, math.log2, math.prod, math.gcd):
        return Sort("number")
    if callee in (float, math.exp):
        return Sort("float")
    if callee is bool:
        return Sort("bool")
    if callee in (torch.cat, torch.stack, torch.broadcast_tensors):
        return Sort("sequence", inside=(Sort("tensor"),))
    if callee in (torch.tensor, torch.as_tensor, torch.from_numpy):
        return UNKNOWN
    name, module = getattr(callee, "__name__", ""), getattr(callee, "__module__", "") or ""
    if name in _MAKES_SIZES and callee is getattr(torch, name, None):
        return Sort("int") if place.building else UNKNOWN
    is_torch = module.startswith("torch.nn.functional") or callee is getattr(torch, name, self_marker)
    return Sort("tensor") if is_torch and not isinstance(callee, type) else UNKNOWN


self_marker = object()


def target_of(callee: Any, building: bool) -> Optional[Place]:
    """The function that really receives the arguments when `callee` is called, with `self` bound."""
    if isinstance(callee, type):
        return Place(callee.__init__, callee, building=True) if plain(callee.__init__) is not None else None  # type: ignore[misc]
    if isinstance(callee, torch.nn.Module):
        return Place(type(callee).forward, type(callee), callee)
    return Place(callee, building=building) if plain(callee) is not None else None


def _parameter(function: Any, key: Key) -> Optional[inspect.Parameter]:
    shape = signature(function)
    if shape is None:
        return None
    named = list(shape.parameters.values())
    if named and named[0].name in ("self", "cls") and not inspect.ismethod(function):
        named = named[1:]
    if isinstance(key, str):
        return next((parameter for parameter in named if parameter.name == key), None)
    plain_ones = [parameter for parameter in named if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)]
    return plain_ones[key] if key < len(plain_ones) else None


def lookup(expression: ast.expr, place: Place) -> Any:
    """The object a dotted expression stands for, None where that takes running code."""
    if isinstance(expression, ast.Attribute):
        base = lookup(expression.value, place)
        return None if base is None else _attribute(base, expression.attr)
    if isinstance(expression, ast.Call):
        return _super_or_none(expression, place)
    if not isinstance(expression, ast.Name):
        return None
    if expression.id == "self":
        return place.instance if place.instance is not None else place.owner
    return _global(place.function, expression.id)


def _attribute(base: Any, name: str) -> Any:
    if isinstance(base, torch.nn.Module):
        for table in ("_modules", "_parameters", "_buffers"):
            if name in base.__dict__.get(table, {}):
                return base.__dict__[table][name]
    try:
        return inspect.getattr_static(base, name) if isinstance(base, torch.nn.Module) else getattr(base, name, None)
    except AttributeError:
        return None


def _super_or_none(call: ast.Call, place: Place) -> Any:
    if isinstance(call.func, ast.Name) and call.func.id == "super" and place.owner is not None:
        defining = getattr(plain(place.function), "__qualname__", "").split(".")[-2:-1]
        order = list(place.owner.__mro__)
        position = next((number for number, kind in enumerate(order) if [kind.__name__] == defining), 0)
        return order[position + 1] if position + 1 < len(order) else None
    return None


def _global(function: Any, name: str) -> Any:
    code = plain(function)
    if code is None:
        return None
    if name in code.__code__.co_freevars and code.__closure__:
        try:
            return code.__closure__[code.__code__.co_freevars.index(name)].cell_contents
        except ValueError:
            return None
    builtins_ = code.__globals__.get("__builtins__", {})
    table = builtins_ if isinstance(builtins_, dict) else vars(builtins_)
    return code.__globals__.get(name, table.get(name))


def passed_on(place: Place) -> Iterator[Tuple[Place, inspect.Parameter]]:
    """The parameters of the next constructor up, which `**options` of this one reach; each with the place where it is used."""
    kinds = [kind for kind in (place.owner.__mro__ if place.owner is not None else ()) if "__init__" in vars(kind)]
    above = kinds[1] if len(kinds) > 1 else object
    shape = signature(above.__init__) if above.__module__.partition(".")[0] not in ("torch", "builtins") else None  # type: ignore[misc]
    for parameter in list(shape.parameters.values())[1:] if shape is not None else ():
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            yield Place(above.__init__, place.owner, building=True), parameter  # type: ignore[misc]


def sort_for(place: Place, parameter: inspect.Parameter) -> Sort:
    """Annotation first; uses where it says nothing or little."""
    sort = annotated(place.function, parameter)
    if sort.kind == "unknown" or (sort.kind == "sequence" and not sort.inside):
        inferred = infer(place, parameter.name)
        return inferred if inferred.kind != "unknown" or sort.kind == "unknown" else sort
    return sort
