"""Cheap facts about a function's ast, each implied by what some rule looks for. Imports nothing, so that rules can name them cheaply."""

from __future__ import annotations

import enum


class Seed(enum.Enum):
    """Something without which a rule has nothing to say about a function."""

    RETURNED_NAME = "a name is bound and returned by the next statement"
    FRESH_RETURN = "such a name may have had no value before"
    SINGLE_USE = "a computed value is bound to a name that the next statement reads"
    DEAD_STORE = "a name is bound and not read afterwards"
    SELF_ASSIGNMENT = "a name is assigned to itself"
    PAIR = "a call is unpacked into two targets"
    CHAIN = "a computed value is bound to a name that another computed value is bound from"
    ACCUMULATION = "a value is added to what earlier turns of a loop left"
    COLLECTION = "a value is put into a container within a loop"
    HANDED_OVER = "values are handed to a method that is called for what it does with them"
    LOOP_VALUE = "a loop without backward binds the result of a call to a name and reduces something"
    KEPT_BEST = "a name or attribute is bound within a loop or branch to a value compared with it"
    RECURRENCE = "a name that a loop binds is handed to a call whose result the loop binds"
    BACKWARD = "backward is run"
    EVALUATION = "a module is put into evaluation mode"
    CONTEXT = "an attribute is stored on a parameter of a forward without self"
    HOOK = "a hook is registered"
    GRADIENT = "grad is called in a loop"
    KEYWORD = "create_graph, retain_graph or volatile is passed"
    SELF_STORE = "an attribute of self is stored"
    DECORATED = "the function is decorated"
    IN_PLACE = "a method that changes its tensor in place is called"
    EXCEPT = "an exception is handled"
