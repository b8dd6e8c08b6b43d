"""Usages of a class in the text around it."""

from __future__ import annotations

from pathlib import Path

from lintorch.verify.mine import mine

NET = '''from torch import nn


class Block(nn.Module):
    """A block.

    >>> block = Block(8, kind="wide")
    >>> block(torch.randn(2, 8))
    """

    def __init__(self, dim, kind="narrow"):
        super().__init__()

    def forward(self, x):
        return x
'''


def usages(tmp_path: Path, files: dict[str, str], text: str = NET) -> list[tuple[object, object]]:
    (tmp_path / "pyproject.toml").write_text("")
    for name, content in {"net.py": text, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return [(usage["build"], usage["call"]) for usage in mine(tmp_path / "net.py", text, "Block")]


def numbers(build: object) -> list[object]:
    """The plain values among folded arguments."""
    return [value.get("value") if isinstance(value, dict) else value for _, value in build]  # type: ignore[attr-defined]


def test_a_docstring_builds_and_calls_it(tmp_path: Path) -> None:
    build, call = usages(tmp_path, {})[0]
    assert numbers(build) == [8, "wide"]
    assert call is not None


def test_the_module_that_builds_it_is_read(tmp_path: Path) -> None:
    parent = "from net import Block\nfrom torch import nn\n\nWIDTH = 3 * 4\n\nclass Net(nn.Module):\n    def __init__(self, kind='deep'):\n"
    parent += "        super().__init__()\n        self.block = Block(WIDTH, kind)\n"
    found = [numbers(build) for build, _ in usages(tmp_path, {"parent.py": parent}, NET.replace(">>>", "..."))]
    assert [12, "deep"] in found


def test_a_subclass_hands_arguments_to_super(tmp_path: Path) -> None:
    child = "from net import Block\n\nclass Child(Block):\n    def __init__(self):\n        super().__init__(6, 'thin')\n"
    found = [numbers(build) for build, _ in usages(tmp_path, {"child.py": child}, NET.replace(">>>", "..."))]
    assert [6, "thin"] in found


def test_tests_are_read_too_and_complete_usages_come_first(tmp_path: Path) -> None:
    test = "import torch\nfrom net import Block\n\ndef test_block():\n    block = Block(5)\n    block(torch.ones(2, 5))\n"
    other = "from net import Block\n\ndef make(width):\n    return Block(width, 'x')\n"
    found = usages(tmp_path, {"tests/test_net.py": test, "other.py": other}, NET.replace(">>>", "..."))
    assert numbers(found[0][0]) == [5]
    assert found[0][1] is not None


def test_another_class_of_the_name_and_computed_arguments_say_nothing(tmp_path: Path) -> None:
    other = "class Block:\n    pass\n\nBlock(1)\n"
    computed = "from net import Block\n\nmade = Block(read_width())\n"
    assert usages(tmp_path, {"other.py": other, "computed.py": computed}, NET.replace(">>>", "...")) == []


def test_bad_files_are_passed_over(tmp_path: Path) -> None:
    found = usages(tmp_path, {"broken.py": "Block(1\n", "README.md": "```python\nBlock(\n```\n"})
    assert len(found) == 1


def test_the_shape_of_a_tensor_is_known(tmp_path: Path) -> None:
    text = NET.replace(">>> block = Block(8", ">>> x = torch.randn(2, 8)\n    >>> block = Block(x.shape")
    build, _ = usages(tmp_path, {}, text)[0]
    assert isinstance(build, list) and build[0][1] == {"is": "code", "text": "torch.randn(2, 8).shape"}
