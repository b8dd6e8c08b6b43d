"""The kinds of names whose value could stand where they are used. Imports nothing, so that rules can name them cheaply."""

from __future__ import annotations

import enum


class Temporary(enum.Enum):
    """What a name that is used once, in the very next statement, is to its function."""

    RETURNED = "a fresh name that is returned"
    REBOUND = "a name bound anew and returned"
    SINGLE_USE = "a fresh name that the next statement uses within an expression"
