"""Places that a tensor cannot reach, since a condition round them asks what the value is: `value if isinstance(value, float) else value.item()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_TENSORS = frozenset({"torch.Tensor", "torch.nn.Parameter", "torch.autograd.Variable"})


def excludes_tensor(training: TrainingFlow, read: cst.Name) -> bool:
    """Does a condition round the read say that what the name holds there is no tensor?"""
    node: cst.CSTNode = read
    around = training.parents.get(node)
    while around is not None and not isinstance(around, cst.FunctionDef):
        test, truth = _condition(around, node)
        if test is not None and _Guard(training, read).excludes(test, truth):
            return True
        node, around = around, training.parents.get(around)
    return False


def _condition(around: cst.CSTNode, part: cst.CSTNode) -> tuple[cst.BaseExpression | None, bool]:
    """The test on which a part of a statement or expression is reached, and how it came out then."""
    if isinstance(around, cst.IfExp | cst.If) and part is not around.test:
        return around.test, part is around.body
    if isinstance(around, cst.BooleanOperation) and part is around.right:
        return around.left, isinstance(around.operator, cst.And)
    return None, False


class _Guard:
    def __init__(self, training: TrainingFlow, read: cst.Name) -> None:
        self.training, self.read = training, read

    def excludes(self, test: cst.BaseExpression, truth: bool) -> bool:
        """Can the value be no tensor where the test comes out as `truth`?"""
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            return self.excludes(test.expression, not truth)
        if isinstance(test, cst.BooleanOperation):
            sides = (self.excludes(side, truth) for side in (test.left, test.right))
            return any(sides) if isinstance(test.operator, cst.And) is truth else all(sides)
        if not isinstance(test, cst.Call) or not test.args or not self._is_same(test.args[0].value):
            return False
        return self._by_call(test, truth)

    def _is_same(self, asked: cst.BaseExpression) -> bool:
        """Is it the name, with the value that the read sees?"""
        same = isinstance(asked, cst.Name) and asked.value == self.read.value
        return same and self.training.seen_by(asked) == self.training.seen_by(self.read)

    def _by_call(self, test: cst.Call, truth: bool) -> bool:
        name = self.training.flow.qualify(test.func) or ""
        if name == "torch.is_tensor":
            return not truth
        second = test.args[1].value if len(test.args) > 1 else None
        if name == "builtins.hasattr":
            return not truth and isinstance(second, cst.SimpleString) and second.evaluated_value in ("item", "detach", "backward", "grad_fn", "requires_grad")
        if name != "builtins.isinstance" or second is None:
            return False
        classes = [element.value for element in second.elements] if isinstance(second, cst.Tuple) else [second]
        named = [self.training.flow.qualify(one) for one in classes]
        if truth:
            return all(one is not None and _is_no_tensor(one) for one in named)
        return any(one in _TENSORS for one in named)


def _is_no_tensor(dotted: str) -> bool:
    return dotted.startswith(("builtins.", "numbers.", "numpy.", "collections.")) and dotted != "builtins.object"
