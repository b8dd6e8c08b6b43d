"""First guesses: candidate values for the parameters of a constructor and of a call, likeliest first."""

from __future__ import annotations

import inspect
import types
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch

from . import vocabulary
from .annotations import UNKNOWN, Sort, annotated, sort_of
from .classes import ANSWER, THROUGH, choose_factory, choose_module, name_of
from .configs import choose_config
from .documented import documented_shape, documented_texts
from .infer import Place, answer_uses, expression_uses, infer, lookup, parameter_uses, sort_by_uses, target_of
from .tree import signature
from .uses import Uses
from .values import Built, Code, Items, Literal, Named, Record, Table, Tensor, Value

_DEEPEST = 3


def build_candidates(place: Place, parameter: inspect.Parameter, depth: int = 0) -> List[Value]:
    """Values for a constructor's parameter."""
    uses = parameter_uses(place, parameter.name)
    sort = _sort(place, parameter)
    sorts = sorted([sort, *sort.others], key=lambda other: other.kind == "tensor")  # numbers before tensors, where a constructor takes either
    found = [*_told_texts(sort, uses, place), *(value for other in sorts for value in _build_values(other, parameter.name, uses, place, depth))]
    if sort.kind in ("int", "number"):  # 16000 in `if rate == 16000: ... else: raise`
        found.extend(Literal(constant) for constant in uses.compared if type(constant) is int)
    if any(isinstance(value, Items) for value in found) and vocabulary.says(r"shape$", parameter.name):
        found.extend(Items("tuple", tuple(map(Literal, shape))) for shape in ((3, 32, 32), (32,)))
    return list(dict.fromkeys(found)) or [Literal(vocabulary.whole_number(parameter.name))]


def _told_texts(sort: Sort, uses: Uses, place: Place) -> List[Value]:
    """Texts from the docstring of the class that a value is turned into: `Irreps(irreps)`, whose examples say `Irreps("2x0e + 1x1o")`."""
    if sort.kind not in ("unknown", "str", "number", "sequence", "config") or sort.inside:
        return []
    makers: List[Any] = [lookup(expression, place) for expression, key in uses.passed if key == 0]
    if isinstance(sort.object, type):
        makers.append(sort.object)
    return [Literal(text) for maker in dict.fromkeys(maker for maker in makers if isinstance(maker, type)) for text in documented_texts(maker)[:3]]


def built(found: type, depth: int = 0) -> Optional[Built]:
    """An instance of a class by the first guess for each parameter without a default; None where its signature cannot be read or it goes too deep."""
    named, shape = name_of(found), signature(found)
    if named is None or shape is None or depth >= _DEEPEST:
        return None
    place = Place(found.__init__, found, building=True)  # type: ignore[misc]
    wanted = [
        parameter
        for parameter in shape.parameters.values()
        if parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    given = tuple(
        (f"={parameter.name}" if parameter.kind is parameter.KEYWORD_ONLY else parameter.name, build_candidates(place, parameter, depth + 1)[0])
        for parameter in wanted
    )
    return Built(named, given)


def holds_modules(name: str) -> bool:
    """Do arguments of this name, taken as `*name`, sound like submodules?"""
    return vocabulary.says(r"(modules?|layers?|blocks?|nets?|models?|losses|metrics|transforms|branches|encoders|stages|heads|experts)$", name)


def two_modules() -> Items:
    """Two submodules that pass their input on."""
    return Items("tuple", (Built(THROUGH), Built(THROUGH)))


def _sort(place: Place, parameter: inspect.Parameter) -> Sort:
    """Annotation, then uses, then the default's type, then what the name sounds like."""
    sort = annotated(place.function, parameter)
    if sort.kind in ("unknown", "none") or (sort.kind == "sequence" and not sort.inside) or (sort.kind in ("module", "table") and not sort.inside):
        inferred = infer(place, parameter.name)
        sort = inferred if sort.kind in ("unknown", "none") or inferred.kind == sort.kind else sort
    if sort.kind == "module" and place.building and infer(place, parameter.name).kind == "factory":
        sort = replace(sort, kind="factory")  # annotated as the instance, used as the class
    if sort.kind == "unknown" and parameter.default is not None and parameter.default is not parameter.empty:
        sort = sort_of(type(parameter.default))
    return sort


def _number(name: str, sort: Sort) -> Value:
    if sort.kind == "float" or (sort.kind != "int" and vocabulary.sounds_real(name)):
        return Literal(vocabulary.real_number(name))
    inner = sort.object if isinstance(sort.object, str) else None
    known = vocabulary.known_number(name)
    return Literal(known if known is not None else vocabulary.whole_number(inner or name))


def _build_values(sort: Sort, name: str, uses: Uses, place: Place, depth: int = 0) -> Iterator[Value]:
    kind = sort.kind
    if kind in ("int", "float", "number"):
        yield _number(name, sort)
    elif kind == "bool":
        yield Literal(False)
    elif kind == "choice":
        yield from (Literal(choice) for choice in sort.object)
    elif kind == "str":
        yield from (Literal(text) for text in dict.fromkeys(uses.compared) if isinstance(text, str))
        yield Literal(vocabulary.text(name) or "relu")
    elif kind == "enum":
        yield from (Named(f"{sort.object.__module__}:{sort.object.__qualname__}.{member}") for member in sort.object.__members__)
    elif kind == "tensor":
        yield Tensor(vocabulary.shapes(name)[0], vocabulary.role(name).fill, _dtype(vocabulary.role(name).fill))
    elif kind == "sequence":
        yield _numbers(name, sort, uses, place, depth)
    elif kind == "table":
        yield _settings(sort, uses, place, depth)
    elif kind == "device":
        yield Literal("cpu")
    elif kind == "dtype":
        yield Code("torch.float32")
    else:
        yield from _objects(sort, name, uses, place, depth)


def _objects(sort: Sort, name: str, uses: Uses, place: Place, depth: int) -> Iterator[Value]:
    """Submodules, factories, functions, configs; for what is unknown what the name sounds like."""
    if sort.kind == "module":
        yield from choose_module(sort.object, uses, lambda found: built(found, depth))
    elif sort.kind in ("factory", "function"):
        yield from choose_factory(sort, name, uses, place)
    elif sort.kind == "config":
        yield from choose_config(sort.object, uses, place, lambda found: built(found, depth))
    elif vocabulary.sounds_flag(name):
        yield Literal(False)
        yield Literal(vocabulary.whole_number(name))
    elif vocabulary.sounds_plural(name):
        yield Items("list", (Literal(vocabulary.whole_number(name)),) * 2)
    elif vocabulary.sounds_real(name):
        yield Literal(vocabulary.real_number(name))
    elif vocabulary.known_number(name) is None and vocabulary.text(name):
        yield Literal(vocabulary.text(name))
    elif name in ("config", "cfg", "args", "opt", "hparams", "params", "configs", "conf", "options", "hp", "model_args"):
        yield Record()
    else:
        yield Literal(vocabulary.whole_number(name))


def _settings(sort: Sort, uses: Uses, place: Place, depth: int = 0) -> Table:
    """A dict for a constructor: the keys that are read, and what a call that gets it as keywords cannot do without; where it is annotated with what it
    holds and no key is known, two items numbered as list items are.
    """
    known = {key: read_value(place, key) for key in _text_keys(uses)}
    known = {**dict(_keywords(uses, place, depth)), **known}
    if known or not sort.inside:
        return Table(tuple(known.items()))
    inside: Value = Literal("item0") if sort.inside[-1].kind == "str" else Literal(1)
    return Table(tuple((f"item{number}", Literal(number) if sort.inside[-1].kind in ("int", "float") else inside) for number in range(2)))


def _keywords(uses: Uses, place: Place, depth: int) -> Iterator[Tuple[str, Value]]:
    """What is required of a dict that becomes keywords: `Model(size, **options)`."""
    for call in uses.splatted if depth < _DEEPEST else ():
        target = target_of(lookup(call.func, place), building=place.building)
        shape = signature(target.function) if target is not None else None
        named = [parameter for parameter in (shape.parameters.values() if shape is not None else ()) if parameter.name not in ("self", "cls")]
        given = {keyword.arg for keyword in call.keywords}
        for parameter in named[len(call.args) :]:
            is_named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if is_named and parameter.default is parameter.empty and parameter.name not in given and target is not None:
                yield parameter.name, build_candidates(target, parameter, depth + 1)[0]


def _length(sort: Sort, uses: Uses, place: Optional[Place] = None) -> int:
    if sort.object == "fixed" and sort.inside:
        return len(sort.inside)
    numbers = [key for key in uses.keys if isinstance(key, int)]
    return uses.unpacked or max([_sibling_length(place), *(key + 1 for key in numbers)])


def _sibling_length(place: Optional[Place]) -> int:
    """The length of the lists that other parameters have as defaults: lists of one constructor mostly go together."""
    shape = signature(place.function) if place is not None else None
    lengths = [len(parameter.default) for parameter in shape.parameters.values() if isinstance(parameter.default, (list, tuple))] if shape is not None else []
    return max([2, *lengths]) if lengths else 2


def _numbers(name: str, sort: Sort, uses: Uses, place: Place, depth: int) -> Value:
    length = _length(sort, uses, place)
    inside = sort.inside or (Sort("number"),)
    if inside[0].kind in ("module", "config", "factory", "function") or (inside[0].kind == "sequence"):
        items = [next(_build_values(inside[0], name, Uses(), place, depth)) for _ in range(length)]
    elif uses.item_names and not sort.inside:
        items = [Items("tuple", tuple(_number(part, Sort("number")) for part in uses.item_names))] * length
    elif inside[0].kind == "str":
        items = [Literal(vocabulary.text(name) or f"item{number}") for number in range(length)]
    else:
        items = [_number(_singular(name), inside[0])] * length
    return Items("tuple" if sort.container == "tuple" and sort.object == "fixed" else "list", tuple(items))


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _text_keys(uses: Uses) -> List[str]:
    return list(dict.fromkeys(key for key in uses.keys if isinstance(key, str)))


def _dtype(fill: str) -> str:
    return {"ids": "int64", "offsets": "int64", "bools": "bool", "mask": "bool"}.get(fill, "float32")


_WHOLE = frozenset(
    {
        "h",
        "w",
        "height",
        "width",
        "t",
        "n",
        "num_frames",
        "num_heads",
        "batch_size",
        "seq_len",
        "seq_length",
        "length",
        "size",
        "hw",
        "nh",
        "nw",
        "step",
        "layer_idx",
        "epoch",
        "k",
        "max_len",
    }
)


def call_candidates(place: Place, parameter: inspect.Parameter) -> List[Value]:
    """Values for a parameter of forward (or another method that is called)."""
    uses = parameter_uses(place, parameter.name)
    sort = _sort(place, parameter)
    found = [value for other in (sort, *sort.others) for value in _call_values(other, parameter.name, uses, place)]
    if sort.kind == "sequence" and uses.unpacked and annotated(place.function, parameter).kind == "unknown":
        found.insert(0 if vocabulary.shapes(parameter.name)[0][0] == uses.unpacked else 1, _rows(parameter.name, uses.unpacked))
    items = {key for key in uses.keys if type(key) is int and key >= 0}
    if sort.kind in ("unknown", "tensor") and annotated(place.function, parameter).kind == "unknown" and items == set(range(len(items))) and len(items) > 1:
        listed = Items("list", (_tensor(_singular(parameter.name), UNKNOWN),) * len(items))  # `inputs[0], inputs[1], inputs[2]`
        found.insert(0 if len(items) > 2 else 1, listed)
    if annotated(place.function, parameter).kind == "unknown" and _counts(parameter.name, uses):
        found.insert(0, Literal(4))  # `forward(x, H, W)`: arithmetic alone does not make a tensor of it
    if sort.kind == "sequence" and not sort.object and vocabulary.says(_EXTENT, parameter.name):
        found.insert(0, Items("tuple", (Literal(4),) * (uses.unpacked or 2)))  # `h, w = x_size`: the sides whose product is the length
    if sort.kind in ("unknown", "tensor") and parameter.name in _SETTINGS and annotated(place.function, parameter).kind == "unknown":
        found.insert(0, _SETTINGS[parameter.name])
    if uses.none_test or sort.optional:
        found.append(Literal(None))
    return list(dict.fromkeys(found))


_EXTENT = r"(sizes?|resolutions?|shape|hw|dims|dimensions?)$"
_SETTINGS: Dict[str, Value] = {"device": Literal("cpu"), "dtype": Code("torch.float32")}


def _rows(name: str, count: int) -> Tensor:
    """A tensor that is taken apart by its first dimension: `row, col = edge_index`."""
    first = named_tensor(name)
    return first if first.shape[:1] == (count,) else replace(first, shape=(count, *first.shape[:2]))


def _is_flat(place: Place) -> bool:
    shape = signature(place.function)
    return shape is not None and vocabulary.lays_out(shape.parameters)


def _counts(name: str, uses: Uses) -> bool:
    """Does a name that mostly stands for a whole number get used as one?"""
    spoken = vocabulary.words(name)
    return spoken in _WHOLE and spoken not in ("t", "n", "k") and not (uses.attributes or uses.methods or uses.keys or uses.tensor)


def _call_values(sort: Sort, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    kind = sort.kind
    if kind in ("int", "float", "number"):
        yield _call_number(name, sort)
    elif kind == "sequence":
        yield _tensors(name, sort, uses, _is_flat(place))
    elif kind == "table":
        keys = _text_keys(uses) or (["item0", "item1"] if sort.inside and sort.inside[-1].kind == "tensor" else [])
        yield Table(tuple((key, _tensor(key, UNKNOWN)) for key in keys))
    elif kind == "config" and (uses.attributes or uses.methods or sort.object is not None):
        yield from _call_object(sort, name, uses, place)
    elif kind in ("bool", "choice", "str", "enum", "device", "dtype", "module", "factory", "function"):
        yield from _build_values(sort, name, uses, place)
    else:
        yield from _call_tensors(sort, name, uses, place)


def _call_object(sort: Sort, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    if sort.object is not None:
        yield from choose_config(sort.object, uses, place, built)
    asked = [attribute for attribute in dict.fromkeys([*uses.attributes]) if not hasattr(torch.Tensor, attribute) or attribute in ("x", "y", "batch", "mask")]
    yield Record(tuple((attribute, _tensor(attribute, UNKNOWN)) for attribute in asked))


def _call_number(name: str, sort: Sort) -> Value:
    if sort.kind == "float" or vocabulary.sounds_real(name):
        return Literal(vocabulary.real_number(name))
    return Literal(4 if vocabulary.words(name) in _WHOLE else vocabulary.whole_number(name))


def _tensors(name: str, sort: Sort, uses: Uses, flat: bool) -> Value:
    inside = sort.inside or (Sort("tensor"),)
    length = _length(sort, uses)
    each = [inside[min(number, len(inside) - 1)] for number in range(length)]
    return Items("tuple" if sort.container == "tuple" else "list", tuple(_item(name, part, flat) for part in each))


def _item(name: str, part: Sort, flat: bool) -> Value:
    """One item of a list that a call takes: a number, a list of numbers, else a tensor."""
    if part.kind in ("int", "float"):
        return _call_number(name, part)
    if part.kind == "sequence" and part.inside and all(inner.kind in ("int", "float") for inner in part.inside):
        length = len(part.inside) if part.object == "fixed" else 2
        return Items("tuple" if part.container == "tuple" else "list", (_call_number(name, part.inside[0]),) * length)
    return _tensor(_singular(name), part, flat)


_HIGH = {"ids": vocabulary.BATCH, "offsets": vocabulary.LENGTH}


def _tensor(name: str, sort: Sort, flat: bool = False) -> Tensor:
    role = vocabulary.role(name)
    fill = sort.fill if sort.fill and role.fill != "offsets" else role.fill
    return Tensor(vocabulary.shapes(name, flat)[0], fill, _dtype(fill), _HIGH.get(fill, 2))


_NESTED = r"model|data|train|net|network|encoder|decoder|config|cfg|backbone|params|\w+_(config|cfg|args)|optim|opt"


def attribute_of_config(name: str, reader: types.FrameType) -> Value:
    """A first guess at what a config holds under a name, by what the reading function does with it, else by the name."""
    function = types.FunctionType(reader.f_code, reader.f_globals, closure=tuple(types.CellType() for _ in reader.f_code.co_freevars))
    owner = reader.f_locals.get("self")
    place = Place(function, type(owner) if isinstance(owner, torch.nn.Module) else None, building=True)
    return read_value(place, name)


def read_value(place: Place, name: str) -> Value:
    """A first guess at what a function reads under a name, as an attribute or by a key, of a config or a dict."""
    uses = expression_uses(place, name)
    sort = sort_by_uses(uses, place)
    if sort.kind == "config" or (sort.kind == "unknown" and vocabulary.says(f"^({_NESTED})$", name)):
        return Record()
    answer = _answer(place, name) if sort.kind in ("factory", "function") and uses.calls else None
    return answer or next(_build_values(sort, name, uses, place), Literal(vocabulary.whole_number(name)))


_ANSWERS = ("int", "float", "number", "bool", "str", "choice", "sequence", "table", "config")


def _answer(place: Place, name: str) -> Optional[Value]:
    """A function that gives what is done with its results: `dataset.num("item")` where a size is wanted. None where that tells nothing."""
    uses = answer_uses(place, name)
    sort = sort_by_uses(uses, place)
    value = next(_build_values(sort, name, uses, place), None) if sort.kind in _ANSWERS else None
    value = Record() if sort.kind == "config" else value  # whatever the file knows that has such attributes, this is asked of another object
    return Built(ANSWER, (), (("value", value),)) if value is not None else None


def attribute_value(name: str) -> Value:
    """The first guess at a config's attribute."""
    return attribute_values(name)[0]


def attribute_values(name: str) -> List[Value]:
    """Guesses at a config's attribute by its name."""
    spoken_name = vocabulary.words(name)
    if spoken_name in ("model", "data", "train", "net", "network", "encoder", "decoder", "config", "cfg", "backbone", "params") or spoken_name.endswith(
        ("_config", "_cfg", "_args")
    ):
        return [Record(), Literal(32)]
    if vocabulary.sounds_real(name):
        return [Literal(vocabulary.real_number(name))]
    if vocabulary.known_number(name) is not None and not vocabulary.sounds_plural(name):
        return [Literal(vocabulary.whole_number(name))]
    if vocabulary.sounds_flag(name):
        return [Literal(False), Literal(32)]
    if vocabulary.sounds_plural(name) and vocabulary.known_number(name) is None:
        return [Items("list", (Literal(32), Literal(32))), Literal(32)]
    text = vocabulary.text(name)
    return [Literal(text), Literal(32)] if text is not None else [Literal(vocabulary.whole_number(name))]


def optional_candidates(place: Place, key: str) -> List[Value]:
    """Values for what a constructor may be given through `**options` and asks for by a key."""
    if vocabulary.says(r"(layer|cls|class|fn|factory)$", key):
        return list(choose_factory(Sort("factory"), key, Uses(), place))
    return [read_value(place, key)]


def attribute_of_call(name: str) -> Value:
    """A first guess at what an input object holds under a name."""
    return named_tensor(name)


def named_tensor(name: str) -> Tensor:
    """A tensor by the name of what holds it alone."""
    return _tensor(name, UNKNOWN)


def _call_tensors(sort: Sort, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    flat = _is_flat(place)
    first = _tensor(name, sort, flat)
    shapes = vocabulary.shapes(name, flat)
    told = documented_shape(place.function, place.owner, name)
    if told is not None and uses.rank in (None, len(told)):
        shapes = [told, *(shape for shape in shapes if len(shape) != len(told)), *shapes]
    if uses.rank is not None:
        shapes = sorted(shapes, key=lambda shape: len(shape) != uses.rank)
        if len(shapes[0]) != uses.rank:
            shapes = [vocabulary.sizes({1: "b", 2: "bd", 3: "bsd", 4: "bchw", 5: "bcthw"}.get(uses.rank, "b" + "2" * (uses.rank - 1)))]
    for shape in shapes:
        yield replace(first, shape=shape)
