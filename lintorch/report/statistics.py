"""How often each rule speaks, for programs."""

from __future__ import annotations

import json
from collections import Counter

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Run


def render(run: Run, _catalogue: Catalogue) -> str:
    """A list of codes, most often first, each with how many findings are left and how many of them have a fix."""
    left = list(run.left)
    names = {one.code: one.rule for one in left}
    fixable = Counter(one.code for one in left if one.fix)
    counts = Counter(one.code for one in left).most_common()
    return json.dumps([{"code": code, "rule": names[code], "count": count, "fixable": fixable[code]} for code, count in counts], indent=2) + "\n"
