"""Loading one version of a file: the real package, light parents, slices, stand-ins."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lintorch.worker.importing import runs_training
from lintorch.worker.load import Loaded
from lintorch.worker.protocol import CannotLoad
from lintorch.worker.standin import LEDGER

Load = Callable[..., Loaded]

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        self.fc = nn.Linear(size, size)

    def forward(self, x):
        return self.fc(x)
"""


def test_the_given_text_is_served_not_the_file(project: Load) -> None:
    loaded = project("Net", {"net.py": NET}, text=NET.replace("size=3", "size=5"))
    assert loaded.object().fc.in_features == 5


def test_lines_and_file_name_are_those_of_the_text(project: Load, tmp_path: Path) -> None:
    text = "# one\n# two\n" + NET
    code = project("Net", {"net.py": NET}, text=text).object.forward.__code__
    assert (code.co_filename, code.co_firstlineno) == (str(tmp_path / "net.py"), 12)


def test_the_source_that_inspect_sees_is_the_given_text(project: Load) -> None:
    loaded = project("Net", {"net.py": NET}, text=NET.replace("self.fc(x)", "self.fc(x + 1)"))
    assert "self.fc(x + 1)" in inspect.getsource(loaded.object.forward)


def test_a_package_is_imported_with_its_relative_imports(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "pkg/models/net.py": "from ..layers import Base\nfrom .extra import SCALE\n\nclass Net(Base):\n    scale = SCALE\n",
            "pkg/models/extra.py": "SCALE = 7\n",
            "pkg/models/__init__.py": "",
            "pkg/layers/__init__.py": "from .base import Base\n",
            "pkg/layers/base.py": "from torch import nn\n\nclass Base(nn.Module):\n    def forward(self, x):\n        return x * self.scale\n",
            "pkg/__init__.py": "",
        },
    )
    assert loaded.way == "import"
    assert loaded.object()(torch.ones(2)).tolist() == [7.0, 7.0]


def test_a_parent_package_executes_only_what_is_asked_of_it(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "pkg/net.py": "import pkg\nfrom pkg import WIDTH\n\nclass Net:\n    width = WIDTH\n    lazy = staticmethod(lambda: pkg.HEIGHT)\n",
            "pkg/__init__.py": "WIDTH = 4\nraise RuntimeError('not needed')\nHEIGHT = 5\n",
        },
    )
    assert (loaded.object.width, loaded.object.lazy()) == (4, 5)


def test_a_name_bound_by_a_package_wins_over_its_submodule_of_the_same_name(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "pkg/net.py": "from .parts.other import helper\nfrom .parts import norm\n\nclass Net:\n    made = norm()\n",
            "pkg/parts/__init__.py": "from .norm import norm\n",
            "pkg/parts/norm.py": "def norm():\n    return 'the function'\n",
            "pkg/parts/other.py": "from .norm import norm as helper\n",
            "pkg/__init__.py": "",
        },
    )
    assert loaded.object.made == "the function"


def test_a_package_read_as_a_namespace_is_complete(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "pkg/net.py": "import pkg.parts as parts\n\nclass Net:\n    known = sorted(name for name in vars(parts) if name[0].isupper())\n",
            "pkg/parts/__init__.py": "from .a import First\nclass Second: ...\n",
            "pkg/parts/a.py": "class First: ...\n",
            "pkg/__init__.py": "",
        },
    )
    assert loaded.object.known == ["First", "Second"]


def test_star_imports_of_a_package_are_followed_to_the_module_that_has_the_name(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "pkg/net.py": "from pkg.parts import Wanted\n\nclass Net:\n    part = Wanted\n",
            "pkg/parts/__init__.py": "from .broken import *\nfrom .good import *\n",
            "pkg/parts/broken.py": "raise RuntimeError('nobody asked')\n",
            "pkg/parts/good.py": "class Wanted: ...\n",
            "pkg/__init__.py": "",
        },
    )
    assert loaded.object.part.__name__ == "Wanted"


SCRIPT = """\
import torch
from torch import nn

WIDTH = 3
DEPTH = WIDTH + 1
model = None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(WIDTH, DEPTH)

    def forward(self, x):
        return activate(self.fc(x))


def activate(x):
    return x.relu()


open({marker!r}, "w").write("top-level code ran")
net = Net()
for step in range(3):
    net(torch.randn(2, WIDTH)).sum().backward()
"""


def test_the_training_in_a_script_never_runs(project: Load, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    loaded = project("Net", {"train.py": SCRIPT.format(marker=str(marker))})
    assert loaded.way == "slice"
    assert loaded.object()(torch.randn(2, 3)).shape == (2, 4)
    assert not marker.exists()


def test_a_training_script_inside_a_package_is_sliced_too(project: Load, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    loaded = project("Net", {"pkg/train.py": SCRIPT.format(marker=str(marker)), "pkg/__init__.py": ""})
    assert loaded.way == "slice"
    assert not marker.exists()


def test_a_neighbouring_script_gives_its_definitions_without_running(project: Load, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    loaded = project("Other", {"other.py": "from train import Net\n\nclass Other(Net):\n    pass\n", "train.py": SCRIPT.format(marker=str(marker))})
    assert issubclass(loaded.object, torch.nn.Module)
    assert not marker.exists()


def test_an_import_that_fails_falls_back_to_a_slice(project: Load) -> None:
    loaded = project("Net", {"pkg/net.py": NET + "\nraise RuntimeError('no GPU here')\n", "pkg/__init__.py": ""})
    assert (loaded.way, loaded.object().fc.in_features) == ("slice", 3)


def test_a_slice_takes_what_changes_the_names_it_needs(project: Load) -> None:
    text = NET + "\nNet.bonus = 4\nTABLE = {}\nTABLE['net'] = Net\nprint(undefined_name)\n"
    assert project("Net", {"script.py": text}).object.bonus == 4


def test_a_lazy_package_gives_what_it_registers_in_a_try(project: Load) -> None:
    package = """\
import sys, types
TABLE = {}
try:
    import torch
except ImportError:
    pass
else:
    TABLE["extra"] = 3
if False:
    from .parts import extra
else:
    class Lazy(types.ModuleType):
        __path__ = __path__
        def __getattr__(self, name):
            if name not in TABLE:
                raise AttributeError(name)
            return TABLE[name]
        def __setattr__(self, name, value):
            pass
    sys.modules[__name__] = Lazy(__name__)
"""
    imports = "from torch import nn\nfrom . import values as v\nfrom . import extra\n\n"
    text = imports + "class Net(nn.Module):\n    def forward(self, x):\n        return x * extra + v.ONE\n"
    loaded = project("Net", {"pkg/net.py": text, "pkg/__init__.py": package, "pkg/values.py": "ONE = 1\n"})
    assert float(loaded.object()(torch.ones(()))) == 4.0
    assert not LEDGER.made


def test_nested_classes_dataclass_modules_and_scripted_functions_load(project: Load) -> None:
    text = """\
import dataclasses
import torch
from torch import nn


@torch.jit.script
def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@dataclasses.dataclass(eq=False)
class Outer(nn.Module):
    size: int = 3

    class Inner(nn.Module):
        def forward(self, x):
            return double(x)

    def __post_init__(self):
        super().__init__()
"""
    loaded = project("Outer.Inner", {"script.py": text})
    assert loaded.object()(torch.ones(1)).item() == 2


def test_a_forward_in_a_base_class_of_another_file_is_found(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "net.py": "from base import Base\n\nclass Net(Base):\n    def helper(self, x):\n        return x + 1\n",
            "base.py": """\
from torch import nn

class Base(nn.Module):
    def forward(self, x):
        return self.helper(x)
""",
        },
    )
    assert loaded.object()(torch.zeros(1)).item() == 1


def test_a_syntax_error_and_a_missing_symbol_are_told(project: Load) -> None:
    with pytest.raises(CannotLoad, match="line 1 is no Python"):
        project("Net", {"net.py": "class Net(:\n"})
    with pytest.raises(CannotLoad, match="Missing"):
        project("Missing", {"other.py": NET})


class TestStandIns:
    @pytest.fixture(autouse=True)
    def _clean(self, imports_restored: None) -> None:
        LEDGER.armed = False

    def test_at_import_time_they_allow_everything(self, project: Load) -> None:
        text = """\
import missing_package as mp
import missing_package.nested.module
from missing_package.sub import Base, decorate, VALUE
from missing_package.errors import TheirError
from torch import nn

NEWER = mp.__version__ >= "1.0"
CALLED = mp.register(VALUE)[0].name


@decorate
@mp.other(option=1)
class Net(nn.Module, mp.Mixin):
    kind: "Base | None" = None

    def forward(self, x):
        if isinstance(x, Base) or issubclass(type(x), mp.Thing):
            return None
        try:
            return x * 2
        except TheirError:
            return x
"""
        loaded = project("Net", {"pkg/net.py": text, "pkg/__init__.py": ""})
        LEDGER.armed = True
        assert loaded.way == "import"
        assert loaded.object()(torch.ones(1)).item() == 2
        assert loaded.touched == ()

    def test_a_use_while_running_is_remembered(self, project: Load) -> None:
        loaded = project("use", {"pkg/net.py": "from missing_package import ops\n\ndef use(x):\n    return ops.fused(x)\n", "pkg/__init__.py": ""})
        LEDGER.armed = True
        loaded.object(1)
        assert loaded.touched[0] == "missing_package.ops.fused"

    def test_a_function_that_a_missing_decorator_decorates_counts_when_called(self, project: Load) -> None:
        loaded = project("f", {"pkg/net.py": "from missing_package import jit\n\n@jit\ndef f(x):\n    return x\n", "pkg/__init__.py": ""})
        assert loaded.object(1) == 1
        assert loaded.touched == ()
        LEDGER.armed = True
        loaded.object(1)
        assert loaded.touched == ("missing_package.jit",)

    def test_a_guarded_import_keeps_its_own_way_out(self, project: Load) -> None:
        text = "try:\n    import missing_package\nexcept ImportError:\n    missing_package = None\n\ndef fast():\n    return missing_package is not None\n"
        assert project("fast", {"pkg/net.py": text, "pkg/__init__.py": ""}).object() is False

    def test_a_guard_in_the_importing_file_counts_for_the_files_it_imports(self, project: Load) -> None:
        loaded = project(
            "fast",
            {
                "pkg/net.py": "try:\n    from .cuda import kernel\nexcept ImportError:\n    kernel = None\n\ndef fast():\n    return kernel is not None\n",
                "pkg/cuda.py": "import missing_package\nkernel = missing_package.kernel\n",
                "pkg/__init__.py": "",
            },
        )
        assert loaded.object() is False

    def test_questions_about_what_is_installed_keep_their_true_answer(self, project: Load) -> None:
        project("f", {"pkg/net.py": "import missing_package\n\ndef f(): ...\n", "pkg/__init__.py": ""})
        assert importlib.util.find_spec("missing_package") is None

    def test_a_name_that_an_installed_module_lacks_is_replaced(self, project: Load) -> None:
        loaded = project("f", {"pkg/net.py": "from torch.utils import gone_since_2_0\n\ndef f():\n    return 3\n", "pkg/__init__.py": ""})
        assert loaded.object() == 3


@pytest.mark.parametrize(
    ("text", "training"),
    [
        ("class Net:\n    def train_step(self, loss):\n        loss.backward()\n", False),
        ("if __name__ == '__main__':\n    loss.backward()\n", False),
        ("for x in data:\n    model(x).backward()\n", True),
        ("args = parser.parse_args()\n", True),
        ("net = Net().cuda()\n", True),
        ("x = 1\n", False),
    ],
)
def test_training_at_the_top_level_is_told_from_definitions(text: str, training: bool) -> None:
    assert runs_training("file.py", text) is training


def test_a_circle_of_imports_that_light_packages_cause_is_entered_as_python_enters_it(project: Load) -> None:
    files = {
        "pkg/net.py": "from torch import nn\nfrom pkg.marks import mark\nfrom pkg.tools import dense\n\n\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        return dense(x)\n",
        "pkg/__init__.py": "import pkg.tools\n",
        "pkg/tools/__init__.py": "from .dense import dense\n",
        "pkg/tools/dense.py": "from pkg.marks import mark\n\n\n@mark(1)\ndef dense(x):\n    return x * 2\n",
        "pkg/marks.py": "from pkg.tools import *\n\n\ndef mark(number):\n    return lambda function: function\n",
    }
    loaded = project("Net", files)
    assert loaded.way == "import"
    assert float(loaded.object()(torch.ones(()))) == 2.0
    assert not loaded.touched
