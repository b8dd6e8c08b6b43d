"""The seeds of rules about training code, from one walk over a function's own nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintorch.flow.seed import Seed

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_METHODS = {
    "append": Seed.COLLECTION,
    "appendleft": Seed.COLLECTION,
    "add": Seed.COLLECTION,
    "insert": Seed.COLLECTION,
    "extend": Seed.COLLECTION,
    "put": Seed.COLLECTION,
    "update": Seed.COLLECTION,
    "backward": Seed.BACKWARD,
    "manual_backward": Seed.BACKWARD,
    "eval": Seed.EVALUATION,
    "train": Seed.EVALUATION,
    "register_hook": Seed.HOOK,
    "register_forward_hook": Seed.HOOK,
    "register_forward_pre_hook": Seed.HOOK,
    "register_full_backward_hook": Seed.HOOK,
    "register_post_accumulate_grad_hook": Seed.HOOK,
}
_KEYWORDS = frozenset({"create_graph", "retain_graph", "volatile"})


# What a function does only if it trains, evaluates or differentiates itself rather than being run by something that does.
_DRIVING = frozenset({Seed.BACKWARD, Seed.EVALUATION, Seed.KEYWORD, Seed.HOOK})
_STORES = frozenset({Seed.SELF_STORE, Seed.CONTEXT, Seed.ACCUMULATION})
_GROWTH = frozenset({Seed.ACCUMULATION, Seed.COLLECTION})
_EXTREMES = frozenset({"min", "max", "minimum", "maximum", "fmin", "fmax"})
_STEPS = frozenset({"training_step", "validation_step", "test_step", "predict_step"})


def drives(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Does a module's method do more than compute its forward?"""
    return function.name in _STEPS or any(seed in _DRIVING for seed in training_seeds(function))


def training_seeds(function: ast.AST) -> Iterator[Seed]:
    """The seeds, repeated as often as they occur; nested functions are functions of their own."""
    # A constructor runs once: what it stores is where attributes begin, not where they grow.
    once = isinstance(function, _NESTED) and function.name == "__init__"
    if getattr(function, "decorator_list", None):
        yield Seed.DECORATED
    nodes = list(_own_nodes(function))
    made_here = _made_in(function, nodes)
    for node, looped in nodes:
        if looped or _gathers(node) or _place(node) not in made_here:
            yield from (seed for seed in _of_node(node, looped) if not once or seed not in _STORES)
        elif isinstance(node, ast.Call | ast.Assign):
            yield from (seed for seed in _of_node(node, looped) if seed not in _GROWTH)
        if isinstance(node, _LOOPS) and not looped and _recurs(node):
            yield Seed.RECURRENCE


def _gathers(node: ast.AST) -> bool:
    """A comprehension is the loop itself."""
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.ListComp)


def _own_nodes(function: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes of a function and whether they stand in a loop of it; nested functions are functions of their own."""
    pending = [(node, False) for node in ast.iter_child_nodes(function)]
    while pending:
        node, looped = pending.pop()
        yield node, looped
        if not isinstance(node, _NESTED):
            looped = looped or isinstance(node, _LOOPS)
            pending.extend((child, looped) for child in ast.iter_child_nodes(node))


def _made_in(function: ast.AST, nodes: list[tuple[ast.AST, bool]]) -> frozenset[str]:
    """The names whose values each call of the function makes anew: what is put there outside a loop is put there once."""
    bound = {node.id for node, _ in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    outer = {name for node, _ in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    arguments = function.args if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else None
    packed = {argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument is not None} if arguments is not None else set()
    return frozenset(bound - outer | packed)


def _place(node: ast.AST) -> str:
    """The plain name that a statement or method adds something to, or into; empty where it is something else."""
    if isinstance(node, ast.AugAssign):
        return _name(node.target)
    if isinstance(node, ast.Assign):
        return _name(node.targets[0])
    return _name(node.func.value) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _name(place: ast.expr) -> str:
    while isinstance(place, ast.Subscript):
        place = place.value
    return place.id if isinstance(place, ast.Name) else ""


def _of_node(node: ast.AST, looped: bool) -> Iterator[Seed]:
    if isinstance(node, ast.Call):
        yield from _of_call(node)
        if looped and (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else "") == "grad":
            yield Seed.GRADIENT
    elif isinstance(node, ast.AugAssign) and not isinstance(node.value, ast.Constant):
        yield Seed.ACCUMULATION
    elif isinstance(node, ast.Assign):
        yield from _of_assignment(node, looped)
    elif isinstance(node, ast.ExceptHandler):
        yield Seed.EXCEPT
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from _of_call_statement(node.value, looped)
    elif isinstance(node, ast.If) and any(_may_keep(inner, looped) and _may_choose(node.test, inner) for inner in ast.walk(node)):
        yield Seed.KEPT_BEST


def _of_call(node: ast.Call) -> Iterator[Seed]:
    if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
        yield _METHODS[node.func.attr]
    if isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_") and not node.func.attr.endswith("__"):
        yield Seed.IN_PLACE
    if any(keyword.arg in _KEYWORDS for keyword in node.keywords):
        yield Seed.KEYWORD


def _of_assignment(node: ast.Assign, looped: bool) -> Iterator[Seed]:
    target = node.targets[0]
    if isinstance(target, ast.Attribute) or (isinstance(target, ast.Tuple) and any(isinstance(element, ast.Attribute) for element in target.elts)):
        yield Seed.CONTEXT
        yield Seed.SELF_STORE
    if isinstance(target, ast.Subscript):
        yield Seed.COLLECTION
    if _may_keep(node, looped) and _is_choice(node.value):
        yield Seed.KEPT_BEST
    if isinstance(node.value, ast.BinOp | ast.IfExp) and (looped or not isinstance(target, ast.Name)):
        yield Seed.ACCUMULATION
    if isinstance(node.value, ast.ListComp):
        yield Seed.COLLECTION


def _of_call_statement(node: ast.Call, looped: bool) -> Iterator[Seed]:
    """A call for what it does rather than for its result: it may keep its arguments."""
    if looped and isinstance(node.func, ast.Name) and node.func.id != "print":
        yield Seed.COLLECTION
    if isinstance(node.func, ast.Attribute) and is_record(node):
        yield Seed.HANDED_OVER


def is_record(node: ast.Call) -> bool:
    """Are several values handed over, or one display of values?"""
    if any(isinstance(value, ast.Constant) and isinstance(value.value, str) for value in node.args[:1]):
        return False
    return len(node.args) + len(node.keywords) > 1 or any(isinstance(value, ast.Tuple | ast.Dict) for value in node.args)


def _recurs(loop: ast.AST) -> bool:
    """Is a name that the loop binds handed, beside something else, to a call whose result the loop binds: `out, hidden = model(x, hidden)`?"""
    inside = list(ast.walk(loop))
    taken = {name.id for node in inside if isinstance(node, (ast.For, ast.AsyncFor)) for name in ast.walk(node.target) if isinstance(name, ast.Name)}
    assigned = [node for node in inside if isinstance(node, ast.Assign)]
    bound = {name.id for node in assigned for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return any(isinstance(node.value, ast.Call) and _hands_on(node.value, bound, taken) for node in assigned)


def _hands_on(call: ast.Call, bound: set[str], taken: set[str]) -> bool:
    """Is a bound name an argument, not the first one but before what the loop takes, of something that is the same in each turn?"""
    if {name.id for name in ast.walk(call.func) if isinstance(name, ast.Name)} & (bound | taken):
        return False
    for place, value in enumerate(call.args):
        later = {name.id for other in call.args[place + 1 :] for name in ast.walk(other) if isinstance(name, ast.Name)}
        if (place or later & taken) and _handed(value) & bound:
            return True
    return any(_handed(word.value) & bound for word in call.keywords)


def _handed(value: ast.expr) -> set[str]:
    elements = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    return {element.id for element in elements if isinstance(element, ast.Name)}


def _may_keep(node: ast.AST, looped: bool) -> bool:
    """Does the node bind what may outlive a turn: a name within a loop, or an attribute?"""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Attribute, ast.Tuple) if looped else ast.Attribute)


def _may_choose(test: ast.expr, bound: ast.AST) -> bool:
    """Does the test compare values, itself or by a name where one name is bound to another: `if is_best: best = loss`?"""
    return _orders(test) or (isinstance(test, ast.Name) and isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Name))


def _is_choice(value: ast.expr) -> bool:
    """Is it the smaller or larger of some values?"""
    if isinstance(value, ast.IfExp):
        return _orders(value.test) or _is_choice(value.body) or _is_choice(value.orelse)
    function = value.func if isinstance(value, ast.Call) else None
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    return name in _EXTREMES


def _orders(test: ast.expr) -> bool:
    compared = (node for node in ast.walk(test) if isinstance(node, ast.Compare))
    return any(isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for node in compared for operator in node.ops)
