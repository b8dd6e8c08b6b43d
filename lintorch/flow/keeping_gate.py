"""By syntax: may a function keep a graph beyond the turn of a loop at all? Asked before it is parsed by libcst, which most functions then never are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintorch.flow.fate import KEEPING
from lintorch.flow.gradients import Gradients, GradMode
from lintorch.flow.loop_source import PARAMETER_METHODS
from lintorch.flow.operation import REDUCTIONS
from lintorch.flow.possible_binding import loop_names
from lintorch.flow.possible_graph import PossibleGraphs
from lintorch.flow.possible_part import may_show_part
from lintorch.flow.possible_store import makes_container, stores_in
from lintorch.flow.possible_update import PossibleUpdate, alike, possible_updates
from lintorch.flow.possible_upstream import PossibleUpstream
from lintorch.flow.training_gate import joins, own_nodes, recurrent_calls
from lintorch.project.module import FunctionEntry
from lintorch.project.project import Project

_INSERTING = frozenset({"append", "appendleft", "add", "extend", "insert"})


class KeepingGate:
    """Answers for one function; yes wherever flow could find something."""

    def __init__(self, entry: FunctionEntry, project: Project) -> None:
        self.entry, self.project = entry, project
        self.possible = PossibleGraphs.of(entry, project)

    @property
    def totals(self) -> bool:
        """May a value with a graph be added to what outlives a turn?"""
        return self._any(self._added()) or self._hands_on()

    @property
    def collections(self) -> bool:
        """May a value with a graph be put into a container?"""
        return self._any(self._put()) or self._hands_on()

    @property
    def bests(self) -> bool:
        """May a value with a graph take the place of another?"""
        return self._any(self._replacing()) or self.collections

    @property
    def insertions(self) -> bool:
        """May a value with a graph be put into a container, or handed to anything that may do so?"""
        given = (value for node, _ in self._nodes() if isinstance(node, ast.Call) for value in _arguments(node))
        return self._any(self._put()) or self._any(given)

    @property
    def runs(self) -> bool:
        """May a loop run backward, or hand a module what it returned, with gradients on?"""
        return self.possible.may_differentiate or (any(self.possible.is_module(call.func) for call in recurrent_calls(self.entry)) and self._records())

    @property
    def loop_values(self) -> bool:
        """May a loop bind a name to what has a graph, or to the result of something that is handed in?"""
        values = (node.value for node, looped in self._nodes() if looped and isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)))
        return any(value is not None and (self._is_given(value) or self.possible.has_graph(value)) for value in values) and self._records()

    @property
    def views(self) -> bool:
        """May a part be stored of what has no graph: something detached, or made where gradients are off?"""
        cut = "detach" in self.entry.words or self._has_managers or self.project.decorated_grad_mode(self.entry) == "off"
        return cut and any(may_show_part(value, self.possible.bound_to) for value in self._put())

    @property
    def module_stores(self) -> bool:
        """May a value with a graph be put into a container made at module level?"""
        made = {name for name, value in self.entry.module.constants.items() if name in self.entry.words and makes_container(value)}
        values = [value for node in self.possible.own for name, value in stores_in(node) if name in made - self.possible.local_names] if made else []
        return any(map(PossibleUpstream.of(self.entry, self.project).has_graph, values)) and self._records()

    @property
    def evaluations(self) -> bool:
        """May something be put into evaluation mode?"""
        return any(isinstance(node, ast.Call) and _switches_off(node) for node, _ in self._nodes())

    @property
    def averages(self) -> bool:
        """May what is stored be updated with parameters of a module, which are gone through here or handed in by another method of a module?"""
        updates = [update for update in possible_updates(self.possible.own) if self._may_be_average(update)]
        loops = bool(updates) and any(isinstance(node, ast.Attribute) and node.attr in PARAMETER_METHODS for node in self.possible.own)
        given = bool(updates) and (loops or (self._is_of_module and self._are_parameters_handed_in()))
        return given and any(map(self._is_upstream, updates)) and self._records()

    def _may_be_average(self, update: PossibleUpdate) -> bool:
        """`self.average[name] = 0.9 * self.average[name] + p`, or an element of what a loop goes through, changed in place."""
        if isinstance(update.place, ast.Name):
            return update.in_place and update.place.id in loop_names(self.possible.own)
        return isinstance(update.place, ast.Subscript) and self._reads_itself(update)

    def _reads_itself(self, update: PossibleUpdate) -> bool:
        return update.in_place or any(alike(part, update.place) for value in update.values for part in self.possible.ingredients(value))

    def _is_upstream(self, update: PossibleUpdate) -> bool:
        return any(map(PossibleUpstream.of(self.entry, self.project).has_graph, update.values))

    def _are_parameters_handed_in(self) -> bool:
        """Does one of the functions of the file by which this one is reached go through parameters?"""
        text, known, pending = self.entry.module.source.text, {self.entry}, [self.entry]
        while pending and any(word in text for word in PARAMETER_METHODS):
            found = {call.caller for call in self.project.callers(pending.pop()) if call.caller is not None} - known
            if any(not PARAMETER_METHODS.isdisjoint(caller.words) for caller in found):
                return True
            known |= found
            pending += found
        return False

    @property
    def statistics(self) -> bool:
        """May a module update an attribute of its own, from itself and something reduced?"""
        named = any(name in REDUCTIONS or name.endswith("_loss") for name in self.entry.words)
        if not named and not any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) for node in self.possible.own):
            return False
        updates = any(map(self._may_be_statistic, possible_updates(self.possible.own)))
        return updates and self._is_of_module and self._records()

    def _may_be_statistic(self, update: PossibleUpdate) -> bool:
        """`self.mean = 0.9 * self.mean + x.mean()`, `self.mean += x.mean()`, `self.mean.mul_(0.9).add_(x.mean())`."""
        if not self._is_own(update.place) or not self._reads_itself(update):
            return False
        return any(_reduces(node) for value in update.values for node in self.possible.ingredients(value)) and self._is_upstream(update)

    def _is_own(self, node: ast.AST) -> bool:
        """Is it an attribute of self?"""
        return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.entry.receiver

    @property
    def _is_of_module(self) -> bool:
        return self.entry.owner is not None and self.project.module_evidence(self.entry.owner) is not None

    @property
    def renews(self) -> bool:
        """May an attribute of self be computed from itself and something with a graph?"""
        return any(isinstance(node, ast.Assign) and self._may_renew(node) for node in self.possible.own)

    def _may_renew(self, node: ast.Assign) -> bool:
        targets = [part for target in node.targets for part in (target.elts if isinstance(target, ast.Tuple) else (target,))]
        names = {part.attr for part in targets if isinstance(part, ast.Attribute) and self._is_own(part)}
        made_of = self.possible.ingredients(node.value) if names else []
        read = any(isinstance(part, ast.Attribute) and self._is_own(part) and part.attr in names for part in made_of)
        return read and any(isinstance(part, ast.Call) and self.possible.has_graph(part) for part in made_of)

    @property
    def _has_managers(self) -> bool:
        return "with" in self.entry.words and any(isinstance(node, (ast.With, ast.AsyncWith)) for node in self.possible.own)

    def _is_given(self, value: ast.expr) -> bool:
        func = value.func if isinstance(value, ast.Call) else None
        if isinstance(func, ast.Attribute):
            return isinstance(func.value, ast.Name) and func.value.id == self.entry.receiver
        return isinstance(func, ast.Name) and func.id in self.possible.local_names

    def _any(self, values: Iterator[ast.expr]) -> bool:
        return any(map(self.possible.has_graph, values)) and self._records()

    def _records(self) -> bool:
        """May autograd certainly be recording somewhere in the function?"""
        if self.possible.may_differentiate or self._has_managers:
            return True
        return GradMode(self.entry, self.project, lambda _: None, trains=False).of_function is Gradients.ON

    def _nodes(self) -> Iterator[tuple[ast.AST, bool]]:
        plain, looped = own_nodes(self.entry)
        yield from ((node, False) for node in plain)
        yield from ((node, True) for node in looped)

    def _added(self) -> Iterator[ast.expr]:
        for node, looped in self._nodes():
            if isinstance(node, (ast.AugAssign, ast.Assign)) and (looped or _is_placed(node)):
                yield from [node.value] if isinstance(node, ast.AugAssign) or isinstance(node.value, (ast.BinOp, ast.IfExp)) else []
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_":
                yield from node.args

    def _put(self) -> Iterator[ast.expr]:
        for node, _ in self._nodes():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _INSERTING:
                yield from node.args[-1:]
            elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None and (_collects(node) or joins(node)):
                yield node.value

    def _replacing(self) -> Iterator[ast.expr]:
        return (node.value for node, looped in self._nodes() if isinstance(node, ast.Assign) and (looped or _is_placed(node)))

    # Functions of the project

    def _hands_on(self) -> bool:
        """May a function of the project be handed a graph that it keeps?"""
        calls = (node for node, _ in self._nodes() if isinstance(node, ast.Call) and (node.args or node.keywords))
        return self._any(value for call in calls if self._may_keep(call.func) for value in _arguments(call))

    def _may_keep(self, func: ast.expr) -> bool:
        name = self.possible.qualify(func)
        found = self.project.find(name) if name is not None and not name.startswith(("builtins.", "torch.")) else None
        if isinstance(found, FunctionEntry):
            return may_keep(found)
        methods = self.possible.methods(func) if isinstance(func, ast.Attribute) else []
        return methods is None or any(map(may_keep, methods))


def may_keep(entry: FunctionEntry) -> bool:
    """Does the function store to an attribute or item, add to something, or put into containers?"""
    if "may keep" not in entry.memo:
        stores = (isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store) for node in entry.nodes)
        entry.memo["may keep"] = not KEEPING.isdisjoint(entry.mentions) or any(stores) or any(isinstance(node, ast.AugAssign) for node in entry.nodes)
    return bool(entry.memo["may keep"])


def _switches_off(call: ast.Call) -> bool:
    """`model.eval()` or `model.train(False)`?"""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return method == "eval" or (method == "train" and any(isinstance(value, ast.Constant) and value.value is False for value in call.args))


def _reduces(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.MatMult)
    func = node.func if isinstance(node, ast.Call) else None
    called = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return called in REDUCTIONS or called.endswith("_loss")


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (word.value for word in call.keywords)


def _collects(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
    """`outputs[step] = loss`, `history += [loss]`, or a comprehension that is bound to a name."""
    if isinstance(node, ast.AugAssign):
        return isinstance(node.value, (ast.List, ast.Tuple))
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return isinstance(node.value, ast.ListComp) or any(isinstance(target, ast.Subscript) for target in targets)


def _is_placed(node: ast.Assign | ast.AugAssign) -> bool:
    """Is something other than a name bound?"""
    return not isinstance(node.targets[0] if isinstance(node, ast.Assign) else node.target, ast.Name)
