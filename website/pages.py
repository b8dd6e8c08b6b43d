"""What mkdocs calls while it builds the site: pages that are copies of nothing are made here, from the rules, the README and the documents at the root."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from lintorch.catalogue import RegisteredRule, load_catalogue
from lintorch.cli.tell import facts

ROOT = Path(__file__).parents[1]
AT_ROOT = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
KINDS = {"bad": "Reported", "fixed": "Fixed", "good": "Silent", "inputs": "Run with", "witness": "Measured with"}
REPOSITORY = "https://github.com/lintorch/lintorch/blob/main/"

_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_FENCE = re.compile(r"^(`{3,})python (\w+)$", re.MULTILINE)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made, and those of folders which only some releases have to the navigation."""
    for place, text in pages():
        files.append(File.generated(config, place, content=text))
    rules = [{"All": "rules/index.md"}, *({f"{rule.code} {rule.name}": _place(rule)} for rule in load_catalogue().rules)]
    editors = [file.src_uri for file in files.documentation_pages() if file.src_uri.startswith("editors/")]
    for section in config.nav:
        for children in section.values():
            if isinstance(children, list):
                children[:] = [{"Rules": rules} if child == {"Rules": "rules/index.md"} else child for child in children]
        if "Use" in section and editors:
            section["Use"].append({"In editors": sorted(editors)})
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Documents are written for readers of the repository: links that leave its `docs` lead to where the site has that page."""
    source = "" if page.file.src_uri in AT_ROOT.values() else f"docs/{page.file.src_uri}".rpartition("/")[0]
    return _LINK.sub(lambda link: f"]({_on_site(link[1], source, page.file.src_uri)}", markdown)


def pages() -> Iterator[tuple[str, str]]:
    """The made pages: where each goes, and its text."""
    for name, place in AT_ROOT.items():
        yield place, (ROOT / name).read_text(encoding="utf-8")
    catalogue = load_catalogue()
    yield "rules/index.md", _index(catalogue.rules)
    for rule in catalogue.rules:
        yield _place(rule), rule_page(rule)


def rule_page(rule: RegisteredRule) -> str:
    """The page of a rule as the site shows it: what its code says below the title, its examples labelled."""
    title, _, rest = rule.page.text.partition("\n")
    labelled = _FENCE.sub(lambda fence: f'{fence[1]}python title="{KINDS[fence[2]]}"', rest)
    return f"{title}\n\n*{', '.join(facts(rule))}*\n{labelled}"


def _index(rules: tuple[RegisteredRule, ...]) -> str:
    rows = (
        f"| [{rule.code}]({rule.name}.md) | {rule.name} | {'on' if rule.rule.default else 'off'} | {'yes' if rule.fixable else 'no'} | {rule.page.sentence} |"
        for rule in rules
    )
    head = (
        "# Rules\n\nEvery example on these pages is a test of the rule.\n\n| code | name | by default | fix | what it says |\n| --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def _place(rule: RegisteredRule) -> str:
    return f"rules/{rule.name}.md"


def _on_site(link: str, folder: str, page: str) -> str:
    """A link between files of the repository as a link between pages of the site."""
    target = Path(*_resolved(folder, link)).as_posix()
    if not (ROOT / target).exists():
        return link
    place = AT_ROOT.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
    return REPOSITORY + target if place is None else "../" * page.count("/") + place


def _resolved(folder: str, link: str) -> list[str]:
    parts: list[str] = []
    for part in f"{folder}/{link}".split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts
