"""Expressions in the order Python evaluates them (language reference, section 6.16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from lintorch.flow.builder import GraphBuilder
from lintorch.flow.event import Binding, Kind, RegionKind


class ExpressionLowering(GraphBuilder):
    """Turns expressions into events. One method per kind of node; a kind without a method evaluates nothing (literals)."""

    def evaluate(self, node: cst.CSTNode) -> None:
        """Emit the events of an expression and note its extent."""
        first = len(self.events)
        method = _METHODS.get(type(node))
        if method is not None:
            method(self, node)
        self.extents[node] = (first, len(self.events))

    def _name(self, node: cst.Name) -> None:
        self.emit(Kind.LOAD, node, self.resolve(node.value))

    def _attribute(self, node: cst.Attribute) -> None:
        self.evaluate(node.value)
        self.emit(Kind.GET_ATTRIBUTE, node, node.attr.value)

    def _subscript(self, node: cst.Subscript) -> None:
        self.evaluate(node.value)
        self._index(node)
        self.emit(Kind.GET_ITEM, node)

    def _index(self, node: cst.Subscript) -> None:
        for element in node.slice:
            part = element.slice
            bounds = (part.value,) if isinstance(part, cst.Index) else (part.lower, part.upper, part.step) if isinstance(part, cst.Slice) else ()
            for bound in bounds:
                if bound is not None:
                    self.evaluate(bound)

    def _call(self, node: cst.Call) -> None:
        self.evaluate(node.func)
        # `f(key=a(), *rest())` evaluates rest first: positional arguments are gathered before keywords.
        for arg in sorted(node.args, key=lambda arg: arg.keyword is not None or arg.star == "**"):
            self.evaluate(arg.value)
            if arg.star:
                self.emit(Kind.ITERATE, arg)
        self.emit(Kind.CALL, node)

    def _binary(self, node: cst.BinaryOperation) -> None:
        self.evaluate(node.left)
        self.evaluate(node.right)
        self.emit(Kind.OPERATE, node)

    def _unary(self, node: cst.UnaryOperation) -> None:
        self.evaluate(node.expression)
        self.emit(Kind.OPERATE, node)

    def _boolean(self, node: cst.BooleanOperation) -> None:
        self.evaluate(node.left)
        self.emit(Kind.TEST, node)
        self._on_condition(node, node.right)

    def _comparison(self, node: cst.Comparison) -> None:
        self.evaluate(node.left)
        self.evaluate(node.comparisons[0].comparator)
        self.emit(Kind.OPERATE, node.comparisons[0])
        if len(node.comparisons) > 1:
            self.emit(Kind.TEST, node)
        for target in node.comparisons[1:]:
            self._on_condition(node, target.comparator, target)

    def _on_condition(self, node: cst.CSTNode, value: cst.BaseExpression, operation: cst.CSTNode | None = None) -> None:
        before = self.block
        with self.inside(RegionKind.CHOICE, node):
            self.begin(before)
            self.evaluate(value)
            if operation is not None:
                self.emit(Kind.OPERATE, operation)
        self.begin(before, self.block)

    def _conditional(self, node: cst.IfExp) -> None:
        self.evaluate(node.test)
        self.emit(Kind.TEST, node)
        before, ends = self.block, []
        for branch in (node.body, node.orelse):
            with self.inside(RegionKind.CHOICE, node):
                self.begin(before)
                self.evaluate(branch)
                ends.append(self.block)
        self.begin(*ends)

    def _lambda(self, node: cst.Lambda) -> None:
        self.parameter_defaults(node.params)
        self.emit(Kind.CAPTURE, node)

    def parameter_defaults(self, parameters: cst.Parameters) -> None:
        """Defaults are evaluated where the function is made."""
        for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params):
            if parameter.default is not None:
                self.evaluate(parameter.default)

    def _elements(self, node: cst.Tuple | cst.List | cst.Set) -> None:
        for element in node.elements:
            self.evaluate(element.value)
            if isinstance(element, cst.StarredElement):
                self.emit(Kind.ITERATE, element)
        self.emit(Kind.BUILD, node)

    def _dict(self, node: cst.Dict) -> None:
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                self.evaluate(element.key)
            self.evaluate(element.value)
            if isinstance(element, cst.StarredDictElement):
                self.emit(Kind.ITERATE, element)
        self.emit(Kind.BUILD, node)

    def _walrus(self, node: cst.NamedExpr) -> None:
        self.evaluate(node.value)
        if isinstance(node.target, cst.Name):
            outer, self.names = self.names, []  # binds in the function even inside a comprehension
            self.define(node.target.value, node.target, Binding.WALRUS, node.value)
            self.names = outer

    def _await(self, node: cst.Await) -> None:
        self.evaluate(node.expression)
        self.emit(Kind.AWAIT, node)

    def _yield(self, node: cst.Yield) -> None:
        value = node.value.item if isinstance(node.value, cst.From) else node.value
        if value is not None:
            self.evaluate(value)
        self.emit(Kind.AWAIT, node)

    def _formatted(self, node: cst.FormattedString) -> None:
        for part in node.parts:
            if isinstance(part, cst.FormattedStringExpression):
                self.evaluate(part.expression)
                if part.format_spec is not None:
                    for inner in part.format_spec:
                        if isinstance(inner, cst.FormattedStringExpression):
                            self.evaluate(inner.expression)
                self.emit(Kind.FORMAT, part)

    def _templated(self, node: Any) -> None:
        for part in node.parts:
            expression = getattr(part, "expression", None)
            if expression is not None:
                self.evaluate(expression)
        self.emit(Kind.BUILD, node)

    def _concatenated(self, node: cst.ConcatenatedString) -> None:
        self.evaluate(node.left)
        self.evaluate(node.right)

    def _comprehension(self, node: cst.BaseSimpleComp) -> None:
        self._comp_for(node, node.for_in, (node.elt,))

    def _dict_comprehension(self, node: cst.DictComp) -> None:
        self._comp_for(node, node.for_in, (node.key, node.value))

    def _comp_for(self, node: cst.BaseComp, clause: cst.CompFor, results: Sequence[cst.BaseExpression], depth: int = 0) -> None:
        self.evaluate(clause.iter)  # the first iterable belongs to the function itself, the rest to the comprehension
        before = self.block
        with self.inside(RegionKind.COMPREHENSION, node):
            head = self.begin(before)
            self.names.append({name: f"{name}@{len(self.events)}" for name in _target_names(clause.target)})
            self.emit(Kind.ITERATE, clause)
            self.bind(clause.target, Binding.LOOP)
            self._comp_tests(clause, head)
            if clause.inner_for_in is not None:
                self._comp_for(node, clause.inner_for_in, results, depth + 1)
            else:
                for result in results:
                    self.evaluate(result)
            self.edge(self.block, head)
            self.names.pop()
        self.begin(before, head, self.block)
        if not depth:
            self.emit(Kind.BUILD, node)

    def _comp_tests(self, clause: cst.CompFor, head: int) -> None:
        for test in clause.ifs:
            self.evaluate(test.test)
            self.emit(Kind.TEST, test)
            self.edge(self.block, head)
            self.begin(self.block)

    def bind(self, target: cst.CSTNode, binding: Binding, value: cst.BaseExpression | None = None, statement: cst.CSTNode | None = None) -> None:
        """Emit what an assignment to `target` does, after its value was evaluated."""
        if isinstance(target, cst.Name):
            self.define(target.value, target, binding, value, statement)
        elif isinstance(target, cst.Attribute):
            self.evaluate(target.value)
            self.emit(Kind.SET_ATTRIBUTE, target, target.attr.value)
        elif isinstance(target, cst.Subscript):
            self.evaluate(target.value)
            self._index(target)
            self.emit(Kind.SET_ITEM, target)
        elif isinstance(target, cst.Tuple | cst.List):
            self.emit(Kind.ITERATE, target)
            for element in target.elements:
                self.bind(element.value, Binding.UNPACKED if binding is Binding.ASSIGNED else binding, None, statement)


def _target_names(target: cst.CSTNode) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, cst.Tuple | cst.List):
        return [name for element in target.elements for name in _target_names(element.value)]
    return []


_METHODS: dict[type[cst.CSTNode], Callable[[ExpressionLowering, Any], None]] = {
    cst.Name: ExpressionLowering._name,
    cst.Attribute: ExpressionLowering._attribute,
    cst.Subscript: ExpressionLowering._subscript,
    cst.Call: ExpressionLowering._call,
    cst.BinaryOperation: ExpressionLowering._binary,
    cst.UnaryOperation: ExpressionLowering._unary,
    cst.BooleanOperation: ExpressionLowering._boolean,
    cst.Comparison: ExpressionLowering._comparison,
    cst.IfExp: ExpressionLowering._conditional,
    cst.Lambda: ExpressionLowering._lambda,
    cst.Tuple: ExpressionLowering._elements,
    cst.List: ExpressionLowering._elements,
    cst.Set: ExpressionLowering._elements,
    cst.Dict: ExpressionLowering._dict,
    cst.NamedExpr: ExpressionLowering._walrus,
    cst.Await: ExpressionLowering._await,
    cst.Yield: ExpressionLowering._yield,
    cst.FormattedString: ExpressionLowering._formatted,
    cst.ConcatenatedString: ExpressionLowering._concatenated,
    cst.ListComp: ExpressionLowering._comprehension,
    cst.SetComp: ExpressionLowering._comprehension,
    cst.GeneratorExp: ExpressionLowering._comprehension,
    cst.DictComp: ExpressionLowering._dict_comprehension,
}
# Template strings (Python 3.14) came with libcst 1.8.
if hasattr(cst, "TemplatedString"):
    _METHODS[cst.TemplatedString] = ExpressionLowering._templated
