"""Rule pages: what is read from one, and the one line about each way to get it wrong."""

from __future__ import annotations

import pytest

from lintorch.page import Mark, PageError, parse_page

PAGE = '''\
# ACM101 named-thing

A name is bound
and nothing else.

## Why it matters

Because. See

```text
anything
```

## Examples

```python bad
class Net:
    def forward(self, x):
        y = x  # error: [ACM101]
        z = y  # error: [ACM101, LT103] "is bound"
        # error in the data is not a mark
        return z
```

Prose between.

```python fixed
class Net:
    pass
```

```python inputs
Net(), torch.randn(2)
```

## Must stay silent

```python good
class Net:
    """# a comment, not a heading"""
```

## Fix safety

None.
'''


def test_a_page_is_read_whole() -> None:
    page = parse_page(PAGE.replace("        # error in the data is not a mark\n", ""))
    assert (page.code, page.name, page.title) == ("ACM101", "named-thing", "ACM101 named-thing")
    assert page.sentence == "A name is bound and nothing else."
    assert list(page.sections) == ["Why it matters", "Examples", "Must stay silent", "Fix safety"]
    assert page.sections["Fix safety"] == "None."
    assert [(block.kind, block.section) for block in page.blocks] == [
        ("bad", "Examples"), ("fixed", "Examples"), ("inputs", "Examples"), ("good", "Must stay silent"),
    ]  # fmt: skip


def test_marks_are_read_and_taken_out_of_the_code() -> None:
    bad = parse_page(PAGE.replace("        # error in the data is not a mark\n", "")).blocks[0]
    assert bad.marks == (Mark(3, ("ACM101",)), Mark(4, ("ACM101", "LT103"), "is bound"))
    assert bad.text == "class Net:\n    def forward(self, x):\n        y = x\n        z = y\n        return z\n"
    assert bad.line == 16


BROKEN = [
    pytest.param("# ACM101 named-thing", "# named-thing", 1, "begins with its code and name", id="no code"),
    pytest.param("and nothing else.", "and nothing else", 2, "full stop", id="no sentence"),
    pytest.param("## Fix safety\n", "", 6, "Fix safety, in this order", id="section missing"),
    pytest.param("## Must stay silent", "## Silent", 6, "found Why it matters, Examples, Silent, Fix safety", id="section renamed"),
    pytest.param("```python fixed", "```python fixd", 26, "did you mean fixed?", id="kind mistyped"),
    pytest.param("```python good", "```py good", 37, "labelled python", id="language"),
    pytest.param("# error: [ACM101]\n", "# error: ACM101\n", 19, "a mark is written", id="mark without brackets"),
    pytest.param("# error: [ACM101]\n", "# error: [ACM]\n", 19, "codes such as", id="mark without number"),
    pytest.param("        y = x  # error: [ACM101]", "        # error: [ACM101]", 19, "stands behind the code", id="mark on its own line"),
    pytest.param('  # error: [ACM101, LT103] "is bound"', "", 0, "", id="fewer marks are fine"),
    pytest.param('    """# a comment', '    y = 1  # error: [ACM101]\n    """# a comment', 37, "no other block has", id="mark in a good block"),
    pytest.param("```python good", "```python", 1, "Must stay silent needs", id="no silent example"),
    pytest.param("Prose between.", "```python good\npass\n```", 28, "follows its bad block", id="fixed after good"),
    pytest.param('comment, not a heading"""\n```', 'comment, not a heading"""', 37, "never closed", id="fence left open"),
]


@pytest.mark.parametrize(("old", "new", "line", "reason"), BROKEN)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: int, reason: str) -> None:
    text = PAGE.replace("        # error in the data is not a mark\n", "")
    assert old in text
    text = text.replace(old, new)
    if not line:
        parse_page(text)
        return
    with pytest.raises(PageError) as caught:
        parse_page(text)
    assert reason in str(caught.value)
    assert caught.value.line == line


def test_a_comment_that_looks_like_a_mark_is_refused() -> None:
    with pytest.raises(PageError, match="line 21: a mark is written"):
        parse_page(PAGE)
