"""The seeds of rules about training code, from one walk over a function's own nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from lintorch.flow.seed import Seed
from lintorch.project.module import FunctionEntry, FunctionNode
from lintorch.project.nodes import nodes_outside, nodes_under, nodes_until

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOP_KINDS, _NESTED_KINDS = frozenset(_LOOPS), frozenset(_NESTED)
_SOWING = frozenset({ast.Call, ast.AugAssign, ast.Assign, ast.ExceptHandler, ast.Expr, ast.If})
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
_DRIVING_WORDS = _KEYWORDS.union(method for method, seed in _METHODS.items() if seed in _DRIVING)
_STORES = frozenset({Seed.SELF_STORE, Seed.CONTEXT, Seed.ACCUMULATION})
_GROWTH = frozenset({Seed.ACCUMULATION, Seed.COLLECTION})
_EXTREMES = frozenset({"min", "max", "minimum", "maximum", "fmin", "fmax"})
_STEPS = frozenset({"training_step", "validation_step", "test_step", "predict_step"})


def drives(entry: FunctionEntry) -> bool:
    """Does a module's method do more than compute its forward?"""
    if entry.name in _STEPS:
        return True
    return not _DRIVING_WORDS.isdisjoint(entry.words) and not _DRIVING.isdisjoint(training_seeds(entry))


def training_seeds(entry: FunctionEntry) -> frozenset[Seed]:
    """The seeds of a function's own nodes, remembered with it; nested functions are functions of their own."""
    if "training seeds" not in entry.memo:
        entry.memo["training seeds"] = frozenset(_sown(entry))
    seeds: frozenset[Seed] = entry.memo["training seeds"]
    return seeds


def _sown(entry: FunctionEntry) -> set[Seed]:
    function = entry.node
    plain, looped = own_nodes(entry)
    found = {seed for node in looped if node.__class__ in _SOWING for seed in _of_node(node, True)}
    found |= _outside_loops(function, plain, looped)
    # A constructor runs once: what it stores is where attributes begin, not where they grow.
    found -= _STORES if function.name == "__init__" else set()
    found |= {Seed.DECORATED} if function.decorator_list else set()
    return found | ({Seed.RECURRENCE} if looped and _has_recurrence(plain) else set())


def _outside_loops(function: FunctionNode, plain: list[ast.AST], looped: list[ast.AST]) -> set[Seed]:
    """The seeds of the nodes outside loops; what is put there into something that each call makes anew is put there once."""
    found: set[Seed] = set()
    grown: list[tuple[str, Seed]] = []
    for node in plain:
        if node.__class__ in _SOWING:
            for seed in _of_node(node, False):
                name = _place(node) if seed in _GROWTH and not _gathers(node) else ""
                found |= set() if name else {seed}
                grown += [(name, seed)] if name else []
    made_here = _made_in(function, plain, looped) if grown else frozenset()
    return found | {seed for name, seed in grown if name not in made_here}


def has_recurrence(entry: FunctionEntry) -> bool:
    """Is there a loop in whose turns a call is handed what it returned?"""
    return Seed.RECURRENCE in training_seeds(entry)


def _has_recurrence(plain: list[ast.AST]) -> bool:
    return any(node.__class__ in _LOOP_KINDS and _recurs(node) for node in plain)


def _gathers(node: ast.AST) -> bool:
    """A comprehension is the loop itself."""
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.ListComp)


@lru_cache(maxsize=4)  # a function is asked about many times in a row
def own_nodes(entry: FunctionEntry) -> tuple[list[ast.AST], list[ast.AST]]:
    """The nodes of a function outside loops and in them; nested functions are functions of their own."""
    plain = nodes_outside(entry.node, _LOOP_KINDS | _NESTED_KINDS)
    loops = [node for node in plain if node.__class__ in _LOOP_KINDS]
    return plain, [node for loop in loops for node in nodes_outside(loop, _NESTED_KINDS)]


def _made_in(function: FunctionNode, *nodes: list[ast.AST]) -> frozenset[str]:
    """The names whose values each call of the function makes anew: what is put there outside a loop is put there once."""
    every = [node for part in nodes for node in part]
    bound = {node.id for node in every if node.__class__ is ast.Name and node.ctx.__class__ is ast.Store}
    outer = {name for node in every if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    packed = {argument.arg for argument in (function.args.vararg, function.args.kwarg) if argument is not None}
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
    elif isinstance(node, ast.If) and _may_keep_best(node, looped):
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
    if isinstance(node.value, ast.ListComp) or (looped and joins(node)):
        yield Seed.COLLECTION


def joins(node: ast.AST) -> bool:
    """Is a name bound to what it held and something more: `seen = torch.cat([seen, out])`, `losses = losses + [loss]`, `losses = [*losses, loss]`?"""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    value = node.value
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.Add) and isinstance(value.right, (ast.List, ast.Tuple)) and _name(value.left) == node.targets[0].id
    parts = value.args[0] if isinstance(value, ast.Call) and value.args else value
    elements = parts.elts if isinstance(parts, (ast.List, ast.Tuple)) else []
    return any(_name(element.value if isinstance(element, ast.Starred) else element) == node.targets[0].id for element in elements)


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
    inside = nodes_under(loop)
    taken = {name.id for node in inside if isinstance(node, (ast.For, ast.AsyncFor)) for name in nodes_under(node.target) if isinstance(name, ast.Name)}
    assigned = [node for node in inside if isinstance(node, ast.Assign)]
    bound = {name.id for node in assigned for target in node.targets for name in nodes_under(target) if isinstance(name, ast.Name)}
    return any(isinstance(node.value, ast.Call) and _hands_on(node.value, bound, taken) for node in assigned)


def _hands_on(call: ast.Call, bound: set[str], taken: set[str]) -> bool:
    """Is a bound name an argument, not the first one but before what the loop takes, of something that is the same in each turn?"""
    if {name.id for name in nodes_under(call.func) if isinstance(name, ast.Name)} & (bound | taken):
        return False
    for place, value in enumerate(call.args):
        later = {name.id for other in call.args[place + 1 :] for name in nodes_under(other) if isinstance(name, ast.Name)}
        if (place or later & taken) and _handed(value) & bound:
            return True
    return any(_handed(word.value) & bound for word in call.keywords)


def recurrent_calls(entry: FunctionEntry) -> Iterator[ast.Call]:
    """The calls in loops that may be handed what they returned a turn before, of something else than what the innermost loop goes through."""
    plain, looped = own_nodes(entry)
    bound = {node.id for node in looped if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for loop in dict.fromkeys(node for node in (*plain, *looped) if isinstance(node, _LOOPS)):
        targets = {name.id for name in nodes_under(loop.target) if isinstance(name, ast.Name)} if not isinstance(loop, ast.While) else set[str]()
        calls = (node for node in _in_turn(loop) if isinstance(node, ast.Call) and _is_handed(node, bound))
        yield from (call for call in calls if targets.isdisjoint(name.id for name in nodes_under(call.func) if isinstance(name, ast.Name)))


def _is_handed(call: ast.Call, names: set[str]) -> bool:
    return any(_handed(value) & names for value in (*call.args, *(word.value for word in call.keywords)))


def _in_turn(loop: ast.For | ast.AsyncFor | ast.While) -> list[ast.AST]:
    """The nodes that run in each turn of a loop, less those of the turns of loops within."""
    found = nodes_until((*loop.body, *([loop.test] if isinstance(loop, ast.While) else [])), _LOOP_KINDS | _NESTED_KINDS)
    for inner in found:  # which grows meanwhile
        if isinstance(inner, _LOOPS):
            header = [] if isinstance(inner, ast.While) else [inner.iter]
            found += nodes_until((*header, *inner.orelse), _LOOP_KINDS | _NESTED_KINDS)
    return found


def _handed(value: ast.expr) -> set[str]:
    elements = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    return {element.id for element in elements if isinstance(element, ast.Name)}


def _may_keep(node: ast.AST, looped: bool) -> bool:
    """Does the node bind what may outlive a turn: a name within a loop, or an attribute?"""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Attribute, ast.Tuple) if looped else ast.Attribute)


def _may_keep_best(branch: ast.If, looped: bool) -> bool:
    """Does the test compare values, itself or by a name where one name is bound to another: `if is_best: best = loss`?"""
    orders = _orders(branch.test)
    if not orders and not isinstance(branch.test, ast.Name):
        return False
    kept = (node for node in nodes_under(branch) if _may_keep(node, looped))
    return any(orders or isinstance(getattr(node, "value", None), ast.Name) for node in kept)


def _is_choice(value: ast.expr) -> bool:
    """Is it the smaller or larger of some values?"""
    if isinstance(value, ast.IfExp):
        return _orders(value.test) or _is_choice(value.body) or _is_choice(value.orelse)
    function = value.func if isinstance(value, ast.Call) else None
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    return name in _EXTREMES


def _orders(test: ast.expr) -> bool:
    compared = (node for node in nodes_under(test) if isinstance(node, ast.Compare))
    return any(isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for node in compared for operator in node.ops)
