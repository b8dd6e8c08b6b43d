"""Commands that tell about rules."""

from __future__ import annotations

import json
import sys

from lintorch.catalogue import RegisteredRule, load_catalogue
from lintorch.cli.arguments import Arguments
from lintorch.engine.comments import UNUSED_CODE, UNUSED_NAME

# No rule of a pack: it judges what the rules' findings leave of the comments.
_UNUSED = f"""# {UNUSED_CODE} {UNUSED_NAME}

off by default (--unused-ignores, or `unused-ignores = true` in [tool.lintorch]), reports only

A comment such as `# lintorch: ignore[LT101]` or `# noqa: LT101` silences nothing, or names a code that no rule has.

The file is judged without its comments for that. Nothing is said of codes whose rules are off in the run, or whose findings need a measurement,
and nothing of codes of other tools.
"""


def explain(arguments: Arguments) -> int:
    """Print a rule's page, with what its code says about it below the title."""
    if arguments.paths[0].upper() == UNUSED_CODE or arguments.paths[0].lower() == UNUSED_NAME:
        sys.stdout.write(_UNUSED)
        return 0
    registered = load_catalogue().find(arguments.paths[0])
    title, _, rest = registered.page.text.partition("\n")
    sys.stdout.write(f"{title}\n\n{', '.join(facts(registered))}\n{rest.rstrip()}\n")
    return 0


def facts(registered: RegisteredRule) -> list[str]:
    """What a rule's code says about it, for people."""
    rule = registered.rule
    return [
        "on by default" if rule.default else f"off by default (--extend-select {registered.code})",
        "has a fix" if registered.fixable else "reports only",
        f"judges {rule.scope.value}",
    ]


def rules(arguments: Arguments) -> int:
    """Print the rules there are, one a line or as JSON."""
    registered = load_catalogue().rules
    if arguments.format == "json":
        text = json.dumps([_plain(one) for one in registered], indent=2) + "\n"
    else:
        width = max(len(one.name) for one in registered)
        text = "".join(f"{one.code}  {one.name:<{width}} {'on ' if one.rule.default else 'off'}  {one.page.sentence}\n" for one in registered)
    sys.stdout.write(text)
    return 0


def _plain(registered: RegisteredRule) -> dict[str, object]:
    return {
        "code": registered.code,
        "name": registered.name,
        "default": registered.rule.default,
        "fixable": registered.fixable,
        "scope": registered.rule.scope.value,
        "needs": registered.rule.needs.value,
        "summary": registered.page.sentence,
    }
