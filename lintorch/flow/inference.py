"""Tensor facts: what each expression of a function is known to be, from how it was made and from what is done with it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from lintorch.flow.differentiable import gives_indices, is_differentiable_function, is_differentiable_method, is_torch_function, is_whole_number_type
from lintorch.flow.event import Binding, Definition, Event, Kind
from lintorch.flow.fact import DATA, LOADED, PLAIN, UNKNOWN, Fact, History, Sort, combined, container, either
from lintorch.flow.instance import instance
from lintorch.flow.torch_names import (
    CUTTING_ATTRIBUTES,
    CUTTING_FUNCTIONS,
    CUTTING_METHODS,
    DISTRIBUTION_ATTRIBUTES,
    DISTRIBUTION_METHODS,
    MODULE_METHODS,
    MODULE_WRAPPERS,
    PLAIN_BUILTINS,
    SAME_ATTRIBUTES,
    SAME_ITERATORS,
    SAME_MODULE_METHODS,
    is_distribution_class,
)
from lintorch.flow.unpacking import place_of, written_for

if TYPE_CHECKING:
    from lintorch.project.module import ClassEntry


@dataclass
class Surroundings:
    """What inference asks of the function and the project around it."""

    qualify: Callable[[cst.BaseExpression], str | None]
    reaching: Mapping[int, tuple[Definition, ...]]
    loads: Mapping[cst.CSTNode, Event]
    anchored: Mapping[Definition, str]  # definitions that backward is run on, with the evidence
    loss_parts: Mapping[Definition, str]  # definitions that are terms of a sum backward is run on, with the evidence
    line: Callable[[cst.CSTNode], int]
    gradients_on: Callable[[cst.CSTNode], bool]
    attribute: Callable[[str], Fact]  # of self
    made_by: Callable[[str], Fact]  # calling the class or function of that absolute name
    method: Callable[[str], Fact]  # calling that method of self
    method_of: Callable[[ClassEntry, str], Fact]  # calling that method of an instance
    own_call: Callable[[ClassEntry], Fact | None]  # calling an instance whose class in the project defines __call__
    parameter: Callable[[str], Fact]
    global_name: Callable[[str], Fact]  # of a module-level name
    runs_backward_on: Callable[[cst.Attribute], bool]  # that very attribute
    evidence_of_loss: Callable[[cst.Call], str | None]  # of what the call gives
    taken_from: Callable[[Definition], cst.BaseExpression | None]  # the iterable that a loop takes the name's values from
    put_into: Callable[[Definition], tuple[cst.BaseExpression, ...]]  # what is appended to the list that a definition makes
    no_tensor: Callable[[cst.Name], bool]  # where that name is read, by the conditions round it
    module_uses: Mapping[str, str]  # names that something only modules have is asked of, with the evidence


_OF_NUMBERS = ("torch.Tensor", "torch.FloatTensor", "torch.DoubleTensor", "torch.cuda.FloatTensor")


@dataclass
class Inference:
    """Facts of one function, remembered by node. A value defined by itself, round a loop, is unknown while it is being asked for."""

    around: Surroundings
    known: dict[Any, Fact] = field(default_factory=dict)

    def fact(self, node: cst.CSTNode | None) -> Fact:
        """What is known of the value of an expression where it stands."""
        if node is None:
            return UNKNOWN
        if node not in self.known:
            self.known[node] = UNKNOWN
            self.known[node] = self._expression(node)
        return self.known[node]

    def definition(self, definition: Definition) -> Fact:
        """What is known of the value a definition binds."""
        if definition not in self.known:
            self.known[definition] = UNKNOWN
            fact = self._definition(definition)
            proof = self.around.anchored.get(definition)
            self.known[definition] = Fact(Sort.TENSOR, History.LIVE, (*fact.evidence, proof)) if proof else self._as_loss_part(definition, fact)
        return self.known[definition]

    def _as_loss_part(self, definition: Definition, fact: Fact) -> Fact:
        """The fact of what is added to a loss, where all that is known of it allows a graph."""
        proof = self.around.loss_parts.get(definition)
        if proof is not None and fact.sort is Sort.CONTAINER:
            return container([self._because(proof, element)]) if (element := fact.element) is not None else fact
        return self._because(proof, fact) if proof is not None else fact

    def _because(self, proof: str, fact: Fact) -> Fact:
        possible = not fact.is_cut and fact.sort in (Sort.UNKNOWN, Sort.TENSOR) and fact.of_class is None
        return Fact(Sort.TENSOR, History.LIVE, (*fact.evidence, proof)) if possible else fact

    def _definition(self, definition: Definition) -> Fact:
        fact = self.around.parameter(definition.name) if definition.binding is Binding.PARAMETER else self._bound(definition)
        use = self.around.module_uses.get(definition.name)
        is_open = fact.sort is Sort.UNKNOWN and fact.of_class is None
        return Fact(Sort.MODULE, History.CUT, (use,), opaque=True) if is_open and use is not None else fact

    def _bound(self, definition: Definition) -> Fact:
        if definition.binding is Binding.LOOP:
            return self._taken(self.fact(self.around.taken_from(definition)))
        if isinstance(definition.value, cst.List) and not definition.value.elements:
            return container(map(self.fact, self.around.put_into(definition)))
        if definition.binding in (Binding.ASSIGNED, Binding.ANNOTATED, Binding.CHAINED, Binding.WALRUS):
            return self.fact(definition.value)
        if definition.binding is Binding.UNPACKED and (written := written_for(definition.statement, definition.event.node)) is not None:
            return self.fact(written)
        if definition.binding is Binding.UNPACKED and isinstance(definition.statement, cst.Assign):
            return self.part(definition.statement.value, place_of(definition.statement, definition.event.node))
        if definition.binding is Binding.AUGMENTED and isinstance(definition.statement, cst.AugAssign):
            return combined((self.fact(definition.statement.target), self.fact(definition.statement.value)))
        return UNKNOWN

    def _taken(self, iterable: Fact) -> Fact:
        """What a loop takes from something: an element, a slice of a tensor, a layer of a list of modules."""
        if iterable.element is not None:
            return iterable.element
        return iterable if iterable.sort is Sort.TENSOR or (iterable.sort is Sort.MODULE and iterable.of_class is None) else UNKNOWN

    def part(self, value: cst.BaseExpression, place: int | None) -> Fact:
        """What is known of what stands at a place of an expression's value."""
        return self._part(self.fact(value), place)

    def _part(self, fact: Fact, place: int | None) -> Fact:
        """What stands at a place of a value that is unpacked or indexed."""
        if fact.opaque:
            return replace(fact, opaque=False) if place == 0 else UNKNOWN
        return fact.parts[place] if place is not None and -len(fact.parts) <= place < len(fact.parts) else self._element(fact)

    def _element(self, fact: Fact) -> Fact:
        """One of the parts a value is unpacked into or indexed for."""
        if fact.element is not None:
            return fact.element
        return fact if fact.sort in (Sort.TENSOR, Sort.NUMBER) or fact == LOADED else UNKNOWN

    def _expression(self, node: cst.CSTNode) -> Fact:
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        return PLAIN if isinstance(node, cst.BaseNumber | cst.BaseString | cst.Comparison | cst.Ellipsis) else UNKNOWN

    def _name(self, node: cst.Name) -> Fact:
        event = self.around.loads.get(node)
        definitions = self.around.reaching.get(event.at, ()) if event is not None else ()
        if definitions:
            fact = either([self.definition(definition) for definition in self._summed(definitions)])
            return UNKNOWN if fact.is_live and self.around.no_tensor(node) else fact
        if node.value in ("True", "False", "None"):
            return PLAIN
        return self.around.global_name(node.value)

    def _summed(self, definitions: tuple[Definition, ...]) -> tuple[Definition, ...]:
        """Without the numbers that sums among them begin with: a loop that adds to a sum has turns."""
        begun = {start for grown in definitions for start in self._grown_from(grown) if start is not grown}
        return tuple(one for one in definitions if one not in begun or not isinstance(one.value, cst.BaseNumber)) or definitions

    def _grown_from(self, definition: Definition) -> tuple[Definition, ...]:
        """What a sum adds to: `total` before `total += loss` and `total = total + loss`."""
        statement = definition.statement
        if isinstance(statement, cst.AugAssign):
            return self._seen(statement.target)
        sides = (definition.value.left, definition.value.right) if isinstance(definition.value, cst.BinaryOperation) else ()
        return next((self._seen(side) for side in sides if isinstance(side, cst.Name) and side.value == definition.name), ())

    def _attribute(self, node: cst.Attribute) -> Fact:
        name = node.attr.value
        if name in CUTTING_ATTRIBUTES:
            return DATA if name in ("data", "grad") else PLAIN
        if self.around.runs_backward_on(node):
            return Fact(Sort.TENSOR, History.LIVE, (f"backward() runs on `.{name}`",))
        if isinstance(node.value, cst.Name) and node.value.value == "self":
            return self.around.attribute(name)
        owner = self.fact(node.value)
        if name in SAME_ATTRIBUTES:
            return owner
        if owner.sort is Sort.DISTRIBUTION:
            return Fact(Sort.TENSOR, owner.history, owner.evidence) if name in DISTRIBUTION_ATTRIBUTES else UNKNOWN
        if owner.sort is Sort.TENSOR and owner.parts and name in _PAIR:
            return owner.parts[_PAIR.index(name)]
        if owner.sort is Sort.TENSOR and any(made in self.around.anchored for made in self._seen(node.value)):
            return UNKNOWN  # backward runs on it where it is a tensor; here it is read as something else
        if owner.sort is Sort.TENSOR:
            return UNKNOWN if owner.opaque and name not in _OUTPUTS else replace(owner, opaque=False)
        return Fact(Sort.MODULE, History.CUT, owner.evidence) if owner.sort is Sort.MODULE and name == "module" else UNKNOWN

    def _subscript(self, node: cst.Subscript) -> Fact:
        owner = self.fact(node.value)
        place = whole_number(node)
        if place is not None and (owner.parts or (owner.opaque and owner.sort is Sort.TENSOR)):
            return self._part(owner, place)
        return owner.element or (owner if owner.sort in (Sort.TENSOR, Sort.MODULE, Sort.NUMBER) or owner == LOADED else UNKNOWN)

    def _operation(self, node: cst.BinaryOperation) -> Fact:
        return combined((self.fact(node.left), self.fact(node.right)))

    def _unary(self, node: cst.UnaryOperation) -> Fact:
        return PLAIN if isinstance(node.operator, cst.Not) else self.fact(node.expression)

    def _boolean(self, node: cst.BooleanOperation) -> Fact:
        return either((self.fact(node.left), self.fact(node.right)))

    def _conditional(self, node: cst.IfExp) -> Fact:
        return either((self.fact(node.body), self.fact(node.orelse)))

    def _display(self, node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Fact:
        ordered = isinstance(node, cst.Tuple) and not any(isinstance(element, cst.StarredElement) for element in node.elements)
        return container((self.fact(element.value) for element in node.elements), ordered)

    def _comprehension(self, node: cst.BaseSimpleComp) -> Fact:
        return container((self.fact(node.elt),))

    def _dict_comprehension(self, node: cst.DictComp) -> Fact:
        return container((self.fact(node.value),))

    def _await(self, node: cst.Await) -> Fact:
        return self.fact(node.expression)

    def _call(self, node: cst.Call) -> Fact:
        name = self.around.qualify(node.func)
        if name is not None and not self._is_value(node.func):
            return self._named_call(name, node)
        if isinstance(node.func, cst.Attribute):
            return self._method_call(node.func, node)
        return self._called(self.fact(node.func), node)

    def _is_value(self, callee: cst.BaseExpression) -> bool:
        """Is the callee something known by its value, such as a module-level `model`?"""
        return self.fact(callee).sort.is_module if isinstance(callee, cst.Name) else False

    def _named_call(self, name: str, node: cst.Call) -> Fact:
        package, _, function = name.rpartition(".")
        arguments = [self.fact(arg.value) for arg in node.args]
        if package == "builtins" and function in PLAIN_BUILTINS:
            return PLAIN
        if name in ("builtins.sum", "builtins.min", "builtins.max"):
            return combined([fact.element or fact for fact in arguments])
        if name in SAME_ITERATORS or name in MODULE_WRAPPERS:
            return arguments[0] if arguments else UNKNOWN
        if name.split(".")[0] in ("numpy", "math", "random", "time"):
            return PLAIN
        if name == "torch.load":
            return LOADED
        if package in ("torch", "torch.nn.functional") and function in CUTTING_FUNCTIONS:
            return self._created(node)
        if name in _OF_NUMBERS and node.args and isinstance(node.args[0].value, cst.List | cst.Tuple):
            return DATA  # a new tensor of the numbers that stand there
        if is_torch_function(name):
            return self._computed(name, [part for arg in node.args for part in self._within(arg.value)], node)
        if is_distribution_class(name):
            return self._distribution(node)
        return self._constructed(name, node) or self._recorded(self.around.made_by(name), node)

    def _within(self, value: cst.BaseExpression) -> list[Fact]:
        """The facts of the tensors that an operation is given: one by one where a list of them is written out."""
        if isinstance(value, cst.List | cst.Tuple) and value.elements:
            return [self.fact(element.value) for element in value.elements]
        fact = self.fact(value)
        return [fact.element or fact]

    def _operated(self, owner: Fact, method: str, node: cst.Call) -> Fact:
        """What a tensor's method gives: whole numbers have no graph."""
        if method in ("to", "type") and (not node.args or any(is_whole_number_type(self.around.qualify(arg.value) or "") for arg in node.args)):
            return DATA
        if method in _OF_RESULTS:
            return owner
        return self._computed(method, [owner, *(self.fact(arg.value) for arg in node.args)], node)

    def _computed(self, operation: str, facts: list[Fact], node: cst.Call) -> Fact:
        """What an operation of torch gives, a function by its dotted name or a method: nothing certain where nobody knows that it hands on graphs."""
        fact, name = combined(facts), operation.rpartition(".")[2]
        differentiable = is_differentiable_function(operation) if name != operation else is_differentiable_method(name)
        if fact.is_live and not differentiable:
            return UNKNOWN
        asked = any(arg.keyword is not None and arg.keyword.value == "return_indices" for arg in node.args)
        dimension = len(facts) > 1 and all(one.sort is not Sort.TENSOR for one in facts[1:])
        return replace(fact, parts=(fact, DATA)) if fact.sort is Sort.TENSOR and (asked or gives_indices(name, dimension)) else fact

    def _created(self, node: cst.Call) -> Fact:
        asked = any(arg.keyword is not None and arg.keyword.value == "requires_grad" for arg in node.args)
        return Fact(Sort.TENSOR, History.MAYBE) if asked else DATA

    def _distribution(self, node: cst.Call) -> Fact:
        """A distribution has the graph of its parameters; they come out of a network where a parameter of the function is called for them."""
        fact = combined([self.fact(arg.value) for arg in node.args])
        called = next((name for arg in node.args if (name := self._called_parameter(arg.value)) is not None), None)
        if fact.sort is Sort.UNKNOWN and called is not None and self.around.gradients_on(node):
            return Fact(Sort.DISTRIBUTION, History.LIVE, (f"distribution of what `{called}(...)` gives, made on line {self.around.line(node)}",))
        return Fact(Sort.DISTRIBUTION, fact.history, fact.evidence)

    def _called_parameter(self, value: cst.BaseExpression) -> str | None:
        """The parameter whose call gives the value, directly or by way of a name and `.exp()` or the like."""
        for _ in range(8):
            made = self._seen(value) if isinstance(value, cst.Name) else ()
            if len(made) == 1 and made[0].binding in (Binding.ASSIGNED, Binding.UNPACKED):
                value = getattr(made[0].statement, "value", None) or value
            elif isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value not in CUTTING_METHODS:
                value = value.func.value
        makers = self._seen(value.func) if isinstance(value, cst.Call) else ()
        parameters = bool(makers) and all(made.binding is Binding.PARAMETER for made in makers)
        return makers[0].name if parameters else None

    def _seen(self, node: cst.BaseExpression) -> tuple[Definition, ...]:
        event = self.around.loads.get(node)
        return self.around.reaching.get(event.at, ()) if event is not None else ()

    def _constructed(self, name: str, node: cst.Call) -> Fact | None:
        given = [UNKNOWN if arg.star else self.fact(arg.value) for arg in node.args if arg.keyword is None]
        flags = {arg.keyword.value: _TRUTHS.get(getattr(arg.value, "value", "")) for arg in node.args if arg.keyword is not None}
        return instance(name, self.around.line(node), given, flags)

    def _method_call(self, callee: cst.Attribute, node: cst.Call) -> Fact:
        name = callee.attr.value
        if isinstance(callee.value, cst.Name) and callee.value.value == "self":
            held = self.around.attribute(name)
            known = self._called(held, node) if held.sort.is_module else self._recorded(self.around.method(name), node)
            return known if known != UNKNOWN or held != UNKNOWN else self._called(held, node)
        owner = self.fact(callee.value)
        if owner.sort is Sort.DISTRIBUTION:
            return combined([Fact(Sort.TENSOR, owner.history, owner.evidence), *map(self.fact, _values(node))]) if name in DISTRIBUTION_METHODS else DATA
        if owner.sort.is_module:
            return self._module_method(owner, name, node)
        if owner.of_class is not None:
            return self._recorded(self.around.method_of(owner.of_class, name), node)
        if name in CUTTING_METHODS:
            return PLAIN if name in ("item", "tolist", "numpy", "size", "dim", "numel") else DATA
        if owner.sort in (Sort.TENSOR, Sort.NUMBER):
            return self._operated(owner, name, node) if owner.sort is Sort.TENSOR else PLAIN
        if name in ("values", "items", "get", "pop", "copy") and owner.sort is Sort.CONTAINER:
            return owner.element or UNKNOWN if name in ("get", "pop") else owner
        return UNKNOWN

    def _module_method(self, owner: Fact, name: str, node: cst.Call) -> Fact:
        if name in SAME_MODULE_METHODS:
            return owner
        if name == "forward":
            return self._called(owner, node)
        if name in MODULE_METHODS or owner.of_class is None:
            return PLAIN if name in MODULE_METHODS else UNKNOWN
        return self._recorded(self.around.method_of(owner.of_class, name), node)

    def _recorded(self, fact: Fact, node: cst.Call) -> Fact:
        """What a call of the project gives here: a graph only where gradients are on."""
        if fact.history is not History.LIVE or self.around.gradients_on(node):
            return fact
        return UNKNOWN if fact.sort is Sort.CONTAINER else Fact(fact.sort, History.MAYBE)

    def _called(self, callee: Fact, node: cst.Call) -> Fact:
        """What calling a value returns: a module with parameters gives a graph wherever gradients are on."""
        if callee.sort.owns_none:
            return combined([self.fact(arg.value) for arg in node.args])
        own = self.around.own_call(callee.of_class) if callee.of_class is not None else None
        if own is not None:
            return self._recorded(own, node)
        if callee.sort is Sort.MODULE:
            evidence = (*callee.evidence, f"calling it on line {self.around.line(node)} records a graph")
            live = Fact(Sort.TENSOR, History.LIVE, evidence, opaque=callee.opaque)
            return replace(live, parts=self._returned_parts(callee, live)) if self.around.gradients_on(node) else DATA
        given = combined([self.fact(arg.value) for arg in node.args]) if callee == UNKNOWN else UNKNOWN
        proof = self.around.evidence_of_loss(node) if given.is_live else None
        return given.because(proof) if proof is not None else UNKNOWN

    def _returned_parts(self, module: Fact, live: Fact) -> tuple[Fact, ...]:
        """What a module's forward returns at each place of a tuple: plain values stay what they are."""
        parts = self.around.method_of(module.of_class, "forward").parts if module.of_class is not None else ()
        return tuple(part if part.is_cut else live for part in parts) if any(part.is_cut for part in parts) else ()


def _values(call: cst.Call) -> list[cst.BaseExpression]:
    return [arg.value for arg in call.args]


def whole_number(node: cst.Subscript) -> int | None:
    """The index of a subscript, where it is one whole number written out, possibly negative."""
    part = node.slice[0].slice if len(node.slice) == 1 else None
    index = part.value if isinstance(part, cst.Index) else None
    negative = isinstance(index, cst.UnaryOperation) and isinstance(index.operator, cst.Minus)
    digits = index.expression if isinstance(index, cst.UnaryOperation) and negative else index
    return (-1 if negative else 1) * digits.evaluated_value if isinstance(digits, cst.Integer) else None


def annotated(annotation: ast.expr | None, qualify: Callable[[ast.expr], str | None]) -> Fact:
    """What a parameter's annotation says of it."""
    dotted = qualify(annotation) if annotation is not None else None
    if dotted is None:
        return UNKNOWN
    if dotted in ("builtins.float", "builtins.int", "builtins.bool", "builtins.str"):
        return PLAIN
    if dotted in ("torch.Tensor", "torch.FloatTensor"):
        return Fact(Sort.TENSOR, History.MAYBE)
    made = instance(dotted, 0, (), {}, "annotated") or UNKNOWN
    return replace(made, opaque=True) if dotted == "torch.nn.Module" else made


def module_uses(events: tuple[Event, ...], line: Callable[[cst.CSTNode], int]) -> dict[str, str]:
    """Names that something is asked of which only modules have: `net.parameters()`, `net.eval()`."""
    found: dict[str, str] = {}
    for event in events:
        node = event.node
        if event.kind is Kind.CALL and isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Name):
            method = node.func.attr.value
            if method in MODULE_METHODS - {"zero_grad", "state_dict", "load_state_dict"}:
                found.setdefault(node.func.value.value, f"{node.func.value.value}.{method}() on line {line(node)}")
    return found


# Attributes of outputs that libraries of models document to be tensors: transformers' ModelOutput, the outputs of diffusers.
_OUTPUTS = frozenset({"loss", "logits", "last_hidden_state", "pooler_output", "hidden_states", "attentions", "sample", "grad_fn"})
# What a module returns may be a dictionary of tensors.
_OF_RESULTS = frozenset({"items", "values", "get", "pop", "to_tuple"})
_PAIR = ("values", "indices")
_TRUTHS = {"True": True, "False": False}
_METHODS: dict[type[cst.CSTNode], Callable[[Inference, Any], Fact]] = {
    cst.Name: Inference._name,
    cst.Attribute: Inference._attribute,
    cst.Subscript: Inference._subscript,
    cst.BinaryOperation: Inference._operation,
    cst.UnaryOperation: Inference._unary,
    cst.BooleanOperation: Inference._boolean,
    cst.IfExp: Inference._conditional,
    cst.Tuple: Inference._display,
    cst.List: Inference._display,
    cst.Set: Inference._display,
    cst.Dict: Inference._display,
    cst.ListComp: Inference._comprehension,
    cst.SetComp: Inference._comprehension,
    cst.GeneratorExp: Inference._comprehension,
    cst.DictComp: Inference._dict_comprehension,
    cst.Await: Inference._await,
    cst.Call: Inference._call,
}
