"""Modules whose inputs are told by a base class, by what a dict is handed on to, by a docstring elsewhere, or by a bound that was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lintorch.worker.load import Loaded
from lintorch.worker.search import materialise, search

Load = Callable[..., Loaded]
BUDGET: Any = {"seconds": 10.0, "bytes": 1 << 30}
NO_HINTS: Any = {"examples": [], "usages": [], "lines": [], "methods": []}
HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n"

SPECIES = '''
class Species(tuple):
    """What a node holds.

    >>> Species("3x0+1x1")
    3x0+1x1
    """
    def __new__(cls, text):
        if isinstance(text, Species):
            return text
        pairs = [part.split("x") for part in text.split("+")]
        return super().__new__(cls, ((int(count), int(degree)) for count, degree in pairs))
    def __len__(self):
        raise NotImplementedError
    def __str__(self):
        return "+".join(f"{count}x{degree}" for count, degree in self)
    @property
    def dim(self):
        return sum(count * (2 * degree + 1) for count, degree in self)
'''

MODULES = {
    "what a base class cannot do without": """
class Block(nn.Module):
    expansion = 2
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim * self.expansion)
    def forward(self, x):
        return self.fc(x)
class Trunk(nn.Module):
    def __init__(self, block, layers, width):
        super().__init__()
        self.stem = nn.Linear(width, 8)
        self.body = nn.ModuleList(block(8) for _ in range(layers[0] + layers[2]))
        self.head = nn.Linear(8 * block.expansion, 3)
    def forward(self, x):
        return sum(self.head(part(self.stem(x))) for part in self.body)
class Net(Trunk):
    def __init__(self, depth=3, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
""",
    "a dict that is handed on as keywords": """
class Model(nn.Module):
    def __init__(self, width, activation: str, count):
        super().__init__()
        if activation not in ("tanh", "sine"):
            raise ValueError(f"no such activation: {activation}")
        self.fc = nn.Linear(width, count)
    def forward(self, x):
        return self.fc(x)
class Net(nn.Module):
    def __init__(self, options: dict):
        super().__init__()
        self.model = Model(count=3, **options)
    def forward(self, x):
        return self.model(x)
""",
    "what a call hands on to a submodule": """
class Model(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, 2)
    def forward(self, values, weights, scale=None):
        batch, length, height, width = weights.shape
        return torch.cat([self.fc(values).flatten(1), weights.flatten(1), scale.flatten(1)], 1)
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.model = Model(width)
    def forward(self, *args, **kwargs):
        return self.model(*args, **kwargs)
""",
    "a text that another class's docstring shows": SPECIES
    + """
class Net(nn.Module):
    def __init__(self, species):
        super().__init__()
        self.species = Species(species)
        self.fc = nn.Linear(self.species.dim, 2)
    def forward(self, x):
        return self.fc(x)
""",
    "keys of a batch that may be None": """
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc, self.extra = nn.Linear(width, 2), None
    def forward(self, batch):
        past, future, static = batch["past"], batch["future"], batch["static"]
        found = self.fc(past)
        for known in (future, static):
            if known is not None:
                found = found + self.extra * known
        return found
""",
    "an attribute that a condition asks for": """
class Net(nn.Module):
    def __init__(self, *models):
        super().__init__()
        self.models = nn.ModuleList(models)
        for model in models:
            if not hasattr(model, "likelihood"):
                raise ValueError("these models have none")
    def forward(self, x):
        return sum(model.likelihood(model(x)) for model in self.models)
""",
    "a size beyond the bound that a condition sets": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 2, 3)
    def forward(self, x):
        assert x.shape[-1] > 130
        return self.conv(x)[..., 127:].mean(-1)
""",
    "a class that is called by another name": """
def unit(width, make=None, act=None):
    found = make
    return nn.Sequential(found(width), act())
class Net(nn.Module):
    def __init__(self, width, alpha=1.0, beta=2.0, count=3, first=1, norm_layer=None, act_layer=None):
        super().__init__()
        self.parts = unit(width, norm_layer, act_layer)
    def forward(self, x):
        return self.parts(x)
""",
    "what a distribution refuses": """
class Net(nn.Module):
    def __init__(self, actor: nn.Module):
        super().__init__()
        self.actor = actor
    def forward(self, x):
        mean, scale = self.actor(x)
        return torch.distributions.Normal(mean, scale).rsample()
""",
    "what the methods of a config give": """
class Net(nn.Module):
    def __init__(self, data, width):
        super().__init__()
        self.count = data.num("item")
        names = data.fields(kind="known")
        self.tables = nn.ModuleList(nn.Embedding(self.count, width) for _ in names)
        self.limit = data.schema().longest
    def forward(self, ids):
        return sum(table(ids) for table in self.tables)[:, : self.limit]
""",
    "lengths of the rows that are packed": """
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.rnn = nn.GRU(width, 4, batch_first=True)
    def forward(self, x, counts):
        packed = nn.utils.rnn.pack_padded_sequence(x, counts.long().cpu(), batch_first=True)
        return self.rnn(packed)[1]
""",
    "rows that are picked by numbers": """
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, 3)
    def forward(self, nodes, sources, weight):
        assert nodes.dim() == 2 and weight.dim() == 2
        return self.fc(nodes)[sources] * weight
""",
    "a length that leaves nothing": """
class Net(nn.Module):
    def __init__(self, shift=40):
        super().__init__()
        self.shift, self.scale = shift, nn.Parameter(torch.ones(1))
    def forward(self, x):
        return self.scale * x.gather(-1, torch.arange(self.shift, x.shape[-1]).expand(*x.shape[:-1], -1))
""",
    "a rate of samples, which is not made small": """
class Net(nn.Module):
    def __init__(self, sample_rate=16000, window=25, bins=201):
        super().__init__()
        self.width = sample_rate // 1000 * window
        self.register_buffer("window", torch.hann_window(self.width))
        self.fc = nn.Linear(bins, 2)
    def forward(self, wavs):
        power = torch.stft(wavs, 400, self.width // 2, self.width, self.window, return_complex=True).abs()
        return self.fc(power.transpose(1, 2))
""",
    "an object that is made where none is given": """
class Mask:
    def __init__(self, rows):
        self.mask = torch.ones(rows, dtype=torch.bool).triu(1)
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)
    def forward(self, x, mask):
        return self.scores(self.fc(x) @ x.transpose(1, 2), mask)
    def scores(self, found, mask):
        if mask is None:
            mask = Mask(found.shape[1:])
        assert isinstance(mask.mask, torch.Tensor) and mask.mask.dtype == torch.bool and mask.mask.shape == found.shape[1:]
        return found.masked_fill(mask.mask, 0.0)
""",
    "sides below the bound, among frames of the same number": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
    def forward(self, frames):
        b, t, c, h, w = frames.shape
        found = torch.stack([self.conv(frame) for frame in frames.unbind(1)])
        assert frames.size(3) >= 64 and frames.size(4) >= 64, "sides too small"
        return found
""",
    "tensors that come together": """
class Net(nn.Module):
    def __init__(self, data, width):
        super().__init__()
        ids, lengths = data.history()
        self.ids, self.lengths = ids.to("cpu"), lengths.to("cpu")
        self.fc = nn.Linear(width, 2)
    def forward(self, x):
        return self.fc(x) * self.ids.float().mean() * self.lengths.float().mean()
""",
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_reached(project: Load, name: str) -> None:
    loaded = project("Net", {"net.py": HEAD + MODULES[name]})
    found: Any = search(loaded, NO_HINTS, BUDGET)
    assert "failure" not in found, found
    target, calls = materialise(found, loaded, 0)
    _, args, kwargs = calls[0]
    result = target(*args, **kwargs)
    assert isinstance(result, torch.Tensor) and result.requires_grad and bool(torch.isfinite(result).all())
    assert search(loaded, NO_HINTS, BUDGET) == found
