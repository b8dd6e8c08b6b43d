"""What caches that outlive the step hold."""

from __future__ import annotations

import pytest

from tests.flow.flows import flow_of

MODULE = """
import functools
from functools import lru_cache as remembered
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

"""


def cached(code: str, name: str) -> list[tuple[str, bool]]:
    return [(found.cache, found.is_method) for found in flow_of(code, name).training.cached_tensors]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        pytest.param("    @functools.cache\n    def f(self, x):\n        return self.layer(x)\n", [("Net.f", True)], id="cache"),
        pytest.param("    @functools.lru_cache(8)\n    def f(self, x):\n        return self.layer(x)\n", [("Net.f", True)], id="lru_cache"),
        pytest.param("    @remembered\n    def f(self, x):\n        return self.layer(x)\n", [("Net.f", True)], id="by another name"),
        pytest.param("    @functools.cache\n    def f(self, x):\n        return self.layer(x).detach()\n", [], id="detached"),
        pytest.param("    @functools.cache\n    def f(self):\n        return 4\n", [], id="a number"),
        pytest.param("    @functools.cached_property\n    def f(self):\n        return self.layer.weight * 2\n", [], id="of the instance"),
        pytest.param("    @staticmethod\n    @functools.cache\n    def f(x):\n        return nn.Linear(4, 4)(x)\n", [], id="no method"),
    ],
)
def test_cached_methods(method: str, expected: list[tuple[str, bool]]) -> None:
    assert cached(MODULE + method, "Net.f") == expected


@pytest.mark.parametrize(
    ("store", "rest", "expected"),
    [
        pytest.param("CACHE[key] = net(x)", "", [("CACHE", False)], id="a key"),
        pytest.param("CACHE.setdefault(key, net(x))", "", [("CACHE", False)], id="setdefault"),
        pytest.param("LIST.append(net(x))", "", [("LIST", False)], id="a list"),
        pytest.param("CACHE[key] = net(x).detach()", "", [], id="detached"),
        pytest.param("CACHE = {}\n    CACHE[key] = net(x)", "", [], id="a local name"),
        pytest.param("CACHE[key] = net(x)", "\n\ndef drop():\n    CACHE.clear()\n", [], id="emptied"),
        pytest.param("CACHE[key] = net(x)", "\n\ndef drop(key):\n    del CACHE[key]\n", [], id="forgotten"),
        pytest.param("CACHE[key] = net(x)", "\n\ndef loss():\n    sum(CACHE.values()).backward()\n", [], id="needed"),
        pytest.param("QUEUE.append(net(x))", "", [], id="bounded"),
    ],
)
def test_containers_at_module_level(store: str, rest: str, expected: list[tuple[str, bool]]) -> None:
    head = "from collections import deque\nfrom torch import nn\n\nCACHE = {}\nLIST = []\n"
    code = f"{head}QUEUE = deque(maxlen=3)\n\n\ndef f(net: nn.Module, key, x):\n    {store}\n{rest}"
    assert cached(code, "f") == expected
