"""Configuration files: which one counts, what each key may hold, and where the line length comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.config import CHOICES, Configuration
from lintorch.settings import Settings, UsageError


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def settings(folder: Path, place: str = "pkg/a.py") -> Settings:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    return Configuration().settings_for(folder / place)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


KEYS = [
    pytest.param('select = ["LT1"]', {"select": ("LT1",)}, id="list"),
    pytest.param('select = "LT1"', {"select": ("LT1",)}, id="one string"),
    pytest.param('extend-select = ["LT102"]\nignore = []', {"extend_select": ("LT102",), "ignore": ()}, id="kebab case"),
    pytest.param("line-length = 100", {"line_length": 100}, id="number"),
    pytest.param("time-limit = 5", {"time_limit": 5}, id="whole number for a number"),
    pytest.param("include-generated = true", {"include_generated": True}, id="truth"),
    pytest.param('python = "py"', {"python": "py"}, id="optional string"),
    pytest.param('[tool.lintorch.per-file-ignores]\n"tests/*" = ["LT1"]', {"per_file_ignores": {"tests/*": ("LT1",)}}, id="table"),
    pytest.param('[tool.lintorch.examples]\nNet = "Net(), torch.ones(1)"', {"examples": {"Net": ("Net(), torch.ones(1)",)}}, id="examples"),
    pytest.param('allow = "close"\nfail-on = "info"\nsingle-use-style = "rebind"', {"allow": "close", "fail_on": "info"}, id="choices"),
]


@pytest.mark.parametrize(("text", "expected"), KEYS)
def test_keys(repository: Path, text: str, expected: dict[str, object]) -> None:
    write(repository, {"pyproject.toml": f"[tool.lintorch]\n{text}\n"})
    found = settings(repository)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.root == repository


WRONG = [
    pytest.param('selct = ["LT1"]', "unknown key [tool.lintorch] selct; did you mean select?", id="mistyped"),
    pytest.param('root = "x"', "unknown key [tool.lintorch] root", id="not a key"),
    pytest.param("select = 3", "[tool.lintorch] select must be a list of strings, not 3", id="number for list"),
    pytest.param("select = [3]", "select must be a list of strings, not [3]", id="list of numbers"),
    pytest.param('line-length = "wide"', "line-length must be a whole number, not 'wide'", id="string for number"),
    pytest.param("line-length = true", "line-length must be a whole number, not True", id="truth for number"),
    pytest.param("line-length = -1", "line-length must not be negative", id="negative"),
    pytest.param("include-generated = 1", "include-generated must be true or false, not 1", id="number for truth"),
    pytest.param("python = 3", "python must be a string, not 3", id="number for string"),
    pytest.param('allow = "anything"', "allow is one of same-trace, tested, close, undecided, not 'anything'", id="no such choice"),
    pytest.param("per-file-ignores = []", "per-file-ignores must be a table of lists of strings, not []", id="list for table"),
    pytest.param("[tool.lintorch.examples]\nNet = 3", 'examples."Net" must be a list of strings, not 3', id="within a table"),
    pytest.param("select = [", "is not valid TOML", id="not TOML"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_wrong_is_one_line(repository: Path, text: str, message: str) -> None:
    write(repository, {"pyproject.toml": f"[tool.lintorch]\n{text}\n"})
    with pytest.raises(UsageError) as caught:
        settings(repository)
    assert str(caught.value).startswith(str(repository / "pyproject.toml"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tool_table_that_is_no_table(repository: Path) -> None:
    write(repository, {"pyproject.toml": "[tool]\nlintorch = 3\n"})
    with pytest.raises(UsageError, match=r"tool\.lintorch must be a table, not 3"):
        settings(repository)


def test_the_nearest_file_with_a_table_counts(repository: Path) -> None:
    write(
        repository,
        {"pyproject.toml": "[tool.lintorch]\njobs = 1\n", "pkg/pyproject.toml": "[tool.other]\n", "deep/pyproject.toml": "[tool.lintorch]\njobs = 2\n"},
    )
    config = Configuration()
    assert settings(repository).jobs == 1
    assert settings(repository, "deep/er/a.py").jobs == 2
    assert config.settings_for(repository / "pkg") is config.settings_for(repository / "pkg" / "a.py")
    assert len(config.distinct) == 1


def test_without_a_file_patterns_are_relative_to_here(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    assert settings(repository).root == repository


def test_a_named_file_replaces_the_nearest(repository: Path) -> None:
    write(repository, {"pyproject.toml": "[tool.lintorch]\njobs = 1\n", "other.toml": "[tool.lintorch]\njobs = 3\n"})
    assert Configuration(repository / "other.toml").settings_for(repository).jobs == 3
    with pytest.raises(UsageError, match="no such configuration file"):
        Configuration(repository / "missing.toml").settings_for(repository)


def test_an_unreadable_file_is_one_line(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied")

    write(repository, {"pyproject.toml": "[tool.lintorch]\n"})
    monkeypatch.setattr(Path, "read_text", refuse)  # root may read everything, so the mode of a file is no test
    with pytest.raises(UsageError, match=r"pyproject\.toml: cannot be read \(Permission denied\)"):
        settings(repository)


def test_a_changed_file_is_read_again(repository: Path) -> None:
    write(repository, {"pyproject.toml": "[tool.lintorch]\njobs = 1\n"})
    assert settings(repository).jobs == 1
    write(repository, {"pyproject.toml": "[tool.lintorch]\njobs = 12\n"})
    assert settings(repository).jobs == 12


BLACK, RUFF, FLAKE8 = "[tool.black]\nline-length = 100\n", "[tool.ruff]\nline-length = 110\n", "[flake8]\nmax-line-length = 120\n"
LENGTHS = [
    pytest.param({}, 88, id="nothing set"),
    pytest.param({"pyproject.toml": "[tool.lintorch]\nline-length = 90\n" + BLACK + RUFF}, 90, id="own"),
    pytest.param({"pyproject.toml": BLACK + RUFF, "setup.cfg": FLAKE8}, 110, id="ruff before black"),
    pytest.param({"pyproject.toml": BLACK, ".flake8": FLAKE8}, 100, id="black before flake8"),
    pytest.param({"ruff.toml": "line-length = 111\n", "pyproject.toml": RUFF}, 111, id="ruff.toml"),
    pytest.param({".ruff.toml": "line-length = 112\n", "ruff.toml": "line-length = 111\n"}, 112, id=".ruff.toml"),
    pytest.param({"setup.cfg": FLAKE8}, 120, id="setup.cfg"),
    pytest.param({"tox.ini": "[flake8]\nmax_line_length = 121\n"}, 121, id="tox.ini, underscores"),
    pytest.param({"setup.cfg": "[flake8]\nmax-line-length = wide\n"}, 88, id="flake8's nonsense is flake8's to tell"),
    pytest.param({"setup.cfg": "nonsense"}, 88, id="broken ini"),
    pytest.param({"ruff.toml": "line-length = ["}, 88, id="ruff's nonsense is ruff's to tell"),
    pytest.param({"pyproject.toml": "[tool.black]\nline-length = '100'\n"}, 88, id="black's nonsense"),
    pytest.param({"pyproject.toml": BLACK, "pkg/pyproject.toml": "[tool.black]\nline-length = 101\n"}, 101, id="the nearest"),
    pytest.param({"pkg/.git/HEAD": "", "pyproject.toml": BLACK}, 88, id="not beyond the repository"),
]


@pytest.mark.parametrize(("files", "length"), LENGTHS)
def test_line_length(repository: Path, files: dict[str, str], length: int) -> None:
    write(repository, files)
    assert settings(repository).line_length == length


@pytest.mark.parametrize(("files", "length"), [({".flake8": FLAKE8}, 130), ({"pyproject.toml": BLACK, ".flake8": FLAKE8}, 100)])
def test_a_running_flake8_knows_better_than_its_files(repository: Path, files: dict[str, str], length: int) -> None:
    write(repository, files)
    assert Configuration(flake8_length=130).settings_for(repository).line_length == length


def test_choices_hold_the_defaults() -> None:
    defaults = Settings()
    assert all(getattr(defaults, name) in choices for name, choices in CHOICES.items() if name != "severity")
