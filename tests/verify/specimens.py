"""Small modules of many kinds, each with an example that builds and calls it. Mutations and rewrites are applied to their text."""

from __future__ import annotations

import ast
from dataclasses import dataclass

HEADER = """\
import dataclasses
import random
import warnings
import numpy
import torch
import torch.nn.functional as F
from torch import nn

"""


@dataclass(frozen=True)
class Specimen:
    """A class (or function) in a file of its own. `text` is in the form that ast.unparse gives, so that a mutation changes nothing else."""

    name: str
    body: str
    examples: tuple[str, ...]

    @property
    def text(self) -> str:
        return ast.unparse(ast.parse(HEADER + self.body)) + "\n"


SPECIMENS = (
    Specimen(
        "Mlp",
        """
class Mlp(nn.Module):
    def __init__(self, n, hidden, m):
        super().__init__()
        self.fc1 = nn.Linear(n, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, m)
        self.drop = nn.Dropout(0.3)
    def forward(self, x):
        h = torch.tanh(self.fc1(x))
        h = self.drop(torch.sigmoid(self.fc2(h)))
        out = self.fc3(h) * 0.7 - h.mean()
        return out
""",
        ("Mlp(6, 8, 3), torch.randn(4, 6)",),
    ),
    Specimen(
        "Conv",
        """
class Conv(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 5)
    def forward(self, x):
        y = torch.relu(self.bn(self.conv(x)))
        pooled = y.mean(dim=(2, 3))
        logits = self.head(pooled - y.amax(dim=(2, 3)))
        return logits, pooled
""",
        ("Conv(3), torch.randn(2, 3, 6, 6)",),
    ),
    Specimen(
        "Attention",
        """
class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.drop = nn.Dropout(0.1)
    def forward(self, x, mask=None):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) / 2.5
        if mask is not None:
            scores = scores.masked_fill(mask, -1000.0)
        weights = self.drop(torch.softmax(scores, dim=-1))
        out = (weights @ v).transpose(1, 2).reshape(b, n, d)
        return self.proj(out)
""",
        ("Attention(8, 2), torch.randn(2, 3, 8)", "Attention(8, 2), torch.randn(2, 3, 8), torch.rand(2, 2, 3, 3) > 0.6"),
    ),
    Specimen(
        "Recurrent",
        """
class Recurrent(nn.Module):
    def __init__(self, vocabulary, dim):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, vocabulary)
        self.skip = nn.Linear(dim, vocabulary)
    def forward(self, tokens):
        e = self.embed(tokens)
        states, last = self.rnn(e)
        logits = self.out(torch.tanh(states)) + self.skip(e)
        return {'logits': logits, 'last': last}
""",
        ("Recurrent(11, 4), torch.randint(0, 11, (2, 5))",),
    ),
    Specimen(
        "Sampler",
        """
class Sampler(nn.Module):
    def __init__(self, n, k):
        super().__init__()
        self.mu = nn.Linear(n, k)
        self.logvar = nn.Linear(n, k)
        self.register_buffer('average', torch.zeros(k))
        self.calls = 0
    def forward(self, x):
        mu = self.mu(x)
        std = torch.exp(0.5 * self.logvar(x))
        z = mu + std * torch.randn_like(std)
        if self.training:
            self.average.mul_(0.9).add_(0.1 * z.detach().mean(0))
        self.calls += 1
        return z - self.average
""",
        ("Sampler(5, 3), torch.randn(4, 5)",),
    ),
    Specimen(
        "Loss",
        """
class Loss(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight
    def forward(self, prediction, target):
        error = (prediction - target) ** 2
        positive = error[target > 0]
        return error.mean() + self.weight * positive.sum()
""",
        ("Loss(0.25), torch.randn(3, 4), torch.randn(3, 4)",),
    ),
    Specimen(
        "Tied",
        """
@dataclasses.dataclass
class Tied_Output:
    loss: torch.Tensor
    hidden: list

class Tied(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.a = nn.Linear(n, n, bias=False)
        self.b = nn.Linear(n, n, bias=False)
        self.b.weight = self.a.weight
        self.scale = nn.Parameter(torch.ones(n))
        self.norm = nn.LayerNorm(n)
    def forward(self, x):
        first = self.norm(self.a(x)) * self.scale
        second = self.b(first / 3.0)
        return Tied_Output(loss=second.square().mean(), hidden=[first, second])
""",
        ("Tied(4), torch.randn(3, 4)",),
    ),
    Specimen(
        "Spectral",
        """
class Spectral(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.filter = nn.Parameter(torch.randn(n // 2 + 1, dtype=torch.cfloat))
        self.gate = nn.Linear(n, n)
    def forward(self, x):
        f = torch.fft.rfft(x) * self.filter
        y = torch.fft.irfft(f, n=x.shape[-1])
        return y * torch.sigmoid(self.gate(x)), f
""",
        ("Spectral(8), torch.randn(2, 8)",),
    ),
    Specimen(
        "contrast",
        """
def contrast(a, b, temperature=0.2):
    a = F.normalize(a, dim=-1)
    b = F.normalize(b, dim=-1)
    logits = a @ b.T / temperature
    labels = torch.arange(a.shape[0])
    return F.cross_entropy(logits, labels) - logits.diagonal().mean()
""",
        ("contrast, torch.randn(4, 6), torch.randn(4, 6)",),
    ),
)
