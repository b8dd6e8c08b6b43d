"""The search on small modules of all kinds: each must be built and called, with gradients where there can be some."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lintorch.worker.attempt import TooSlow, Watch, tensors_in
from lintorch.worker.load import Loaded
from lintorch.worker.nesting import tensors
from lintorch.worker.search import materialise, search

Load = Callable[..., Loaded]
BUDGET: Any = {"seconds": 30.0, "bytes": 1 << 30}


def hints(**given: Any) -> Any:
    return {"examples": [], "usages": [], "lines": [], "methods": [], **given}


def find(loaded: Loaded, **given: Any) -> Any:
    return search(loaded, hints(**given), BUDGET)


def outputs(recipe: Any, loaded: Loaded) -> list[torch.Tensor]:
    """The tensors that the recipe's calls give."""
    target, calls = materialise(recipe, loaded, 0)
    results = [(target if method == "__call__" else getattr(target, method))(*args, **kwargs) for method, args, kwargs in calls]
    return [tensor for _, tensor in tensors(results, "")]


HEAD = "import torch\nimport math\nfrom typing import Optional, List, Tuple, Dict\nfrom torch import nn, Tensor\nimport torch.nn.functional as F\n\n"

MODULES = {
    "linear": """
class Net(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.fc = nn.Linear(in_features, out_features)
    def forward(self, x):
        return self.fc(x)
""",
    "convolution with a fixed flattened size": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc = nn.Linear(16 * 4 * 4, 10)
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.fc(x.view(-1, 256))
""",
    "view to a size only measuring finds": """
class Net(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.c = nn.Sequential(nn.Conv2d(1, 8, 4, 2), nn.Conv2d(8, 16, 4, 2))
        self.fc = nn.Linear(16 * 5 * 5, latent)
    def forward(self, img):
        return self.fc(self.c(img).view(img.shape[0], 400))
""",
    "bottleneck with expansion": """
class Net(nn.Module):
    expansion = 4
    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.c1 = nn.Conv2d(inplanes, planes, 1)
        self.c2 = nn.Conv2d(planes, planes * 4, 1, stride=stride)
        self.bn = nn.BatchNorm2d(planes * 4)
        self.downsample = downsample
    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        return self.bn(self.c2(self.c1(x))) + identity
""",
    "attention with heads": """
class Net(nn.Module):
    def __init__(self, dim, num_heads, qkv_bias=False):
        super().__init__()
        assert dim % num_heads == 0
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
    def forward(self, x, mask=None):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4)
        attn = q @ k.transpose(-2, -1)
        if mask is not None:
            attn = attn.masked_fill(mask == 0, -1e9)
        return (attn.softmax(-1) @ v).transpose(1, 2).reshape(B, N, C)
""",
    "window attention with a square sequence": """
class Net(nn.Module):
    def __init__(self, dim, window_size):
        super().__init__()
        self.ws, self.fc = window_size, nn.Linear(dim, dim)
    def forward(self, x, H, W):
        B, L, C = x.shape
        assert L == H * W, "input feature has wrong size"
        x = x.view(B, H // self.ws, self.ws, W // self.ws, self.ws, C)
        return self.fc(x)
""",
    "embedding and lstm": """
class Net(nn.Module):
    def __init__(self, vocab_size, embedding_dim, hidden_dim):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
    def forward(self, sentence):
        out, _ = self.lstm(self.embedding(sentence))
        return out[:, -1]
""",
    "packed sequence": """
class Net(nn.Module):
    def __init__(self, input_dim, hidden):
        super().__init__()
        self.gru = nn.GRU(input_dim, hidden, batch_first=True)
    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        out, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return out
""",
    "cell with state": """
class Net(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.cell = nn.LSTMCell(n_in, n_hidden)
    def forward(self, x, state):
        h, c = state
        return self.cell(x, (h, c))
""",
    "loss of logits and labels": """
class Net(nn.Module):
    def __init__(self, weight=None):
        super().__init__()
        self.weight = weight
    def forward(self, logits, labels):
        return F.cross_entropy(logits, labels, weight=self.weight)
""",
    "loss of two like tensors": """
class Net(nn.Module):
    def forward(self, pred, target):
        return F.binary_cross_entropy(pred, target) + (pred * target).sum()
""",
    "list of feature maps": """
class Net(nn.Module):
    def __init__(self, in_channels_list, out_channels):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, out_channels, 1) for c in in_channels_list)
    def forward(self, feats):
        return sum(layer(f) for layer, f in zip(self.laterals, feats))
""",
    "dict of tensors": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.a, self.b = nn.Linear(dim, dim), nn.Linear(dim, dim)
    def forward(self, batch):
        return self.a(batch["left"]) + self.b(batch["right"])
""",
    "object with attributes": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, samples):
        return self.fc(samples.tensors) * samples.mask.float().mean()
""",
    "config discovered by use": """
class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.drop = nn.Dropout(config.hidden_dropout_prob)
        self.layers = nn.ModuleList(nn.Linear(config.hidden_size, config.hidden_size) for _ in range(config.num_hidden_layers))
        self.act = {"gelu": F.gelu, "relu": F.relu}[config.hidden_act]
        if getattr(config, "not_there", None) is not None:
            raise RuntimeError("invented an attribute nobody reads plainly")
        self.head = nn.Linear(config.encoder.width, 2) if config.use_head else None
    def forward(self, input_ids):
        x = self.drop(self.embed(input_ids))
        for layer in self.layers:
            x = self.act(layer(x))
        return x
""",
    "config class of the file": """
class NetConfig:
    def __init__(self, hidden_size=768, num_heads=12, kinds=("a", "b")):
        self.hidden_size, self.num_heads, self.kinds = hidden_size, num_heads, kinds

class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        assert config.kinds == ("a", "b") and config.hidden_size % config.num_heads == 0
        self.fc = nn.Linear(config.hidden_size, config.hidden_size)
    def forward(self, hidden_states):
        return self.fc(hidden_states)
""",
    "submodules and factories": """
class Block(nn.Module):
    def __init__(self, dim, scale):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, x):
        return self.fc(x)

class Net(nn.Module):
    def __init__(self, backbone, dim, block: Block, norm_layer=nn.LayerNorm, act_layer=nn.GELU):
        super().__init__()
        self.backbone, self.block = backbone, block
        self.norm, self.act = norm_layer(dim), act_layer()
    def forward(self, x):
        return self.act(self.norm(self.block(self.backbone(x))))
""",
    "block class with an attribute": """
class Basic(nn.Module):
    expansion = 1
    def __init__(self, inplanes, planes):
        super().__init__()
        self.conv = nn.Conv2d(inplanes, planes, 3, padding=1)
    def forward(self, x):
        return self.conv(x)

class Net(nn.Module):
    def __init__(self, block, layers, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.layer1 = nn.Sequential(*[block(16 * block.expansion, 16) for _ in range(layers[0])])
        self.layer2 = nn.Sequential(*[block(16 * block.expansion, 16) for _ in range(layers[3])])
        self.fc = nn.Linear(16, num_classes)
    def forward(self, x):
        return self.fc(self.layer2(self.layer1(self.stem(x))).mean((2, 3)))
""",
    "string choices": """
class Net(nn.Module):
    def __init__(self, dim, kind, fusion):
        super().__init__()
        if kind == "conv":
            self.op = nn.Conv1d(dim, dim, 1)
        elif kind == "pool":
            self.op = nn.AvgPool1d(1)
        else:
            raise ValueError(f"unknown kind {kind}")
        if fusion not in ("sum", "product"):
            raise ValueError("bad fusion")
    def forward(self, x):
        return self.op(x)
""",
    "annotations": """
class Net(nn.Module):
    def __init__(self, sizes: List[int], window: Tuple[int, int], dropout: float, causal: bool, names: Dict[str, int], scale: Optional[float] = None):
        super().__init__()
        self.layers = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])
        self.drop, self.window = nn.Dropout(dropout), window[0] * window[1]
        assert isinstance(names, dict) and causal is False
    def forward(self, x: Tensor, mask: Optional[Tensor] = None, heads: Optional[List[Tensor]] = None) -> Tensor:
        return self.drop(self.layers(x))
""",
    "diffusion step": """
class Net(nn.Module):
    def __init__(self, channels, time_emb_dim):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_emb_dim, channels * 2))
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(8, channels)
    def forward(self, x, time_emb):
        scale, shift = self.mlp(time_emb)[:, :, None, None].chunk(2, dim=1)
        return self.norm(self.conv(x)) * (scale + 1) + shift
""",
    "pixel shuffle": """
class Net(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.shuffle = nn.PixelShuffle(4)
    def forward(self, x):
        return self.shuffle(x)
""",
    "graph convolution": """
class Net(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(in_features, out_features))
    def forward(self, x, adj):
        return torch.mm(adj, torch.mm(x, self.weight))
""",
    "message passing": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(2 * dim, dim)
    def forward(self, x, edge_index):
        source, target = edge_index
        messages = self.fc(torch.cat([x[source], x[target]], dim=-1))
        return torch.zeros_like(x).index_add(0, target, messages)
""",
    "waveform": """
class Net(nn.Module):
    def __init__(self, n_fft=64):
        super().__init__()
        self.n_fft = n_fft
        self.conv = nn.Conv1d(1, 4, 400, stride=160)
    def forward(self, wav):
        return self.conv(wav.unsqueeze(1))
""",
    "three dimensional": """
class Net(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv3d(in_ch, out_ch, 3, padding=1), nn.BatchNorm3d(out_ch), nn.MaxPool3d(2))
    def forward(self, volume):
        return self.conv(volume)
""",
    "encoder and decoder with skip": """
class Net(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    def forward(self, x1, x2):
        x1 = self.up(x1)
        return self.conv(torch.cat([x2, x1], dim=1))
""",
    "moving statistics in place": """
class Net(nn.Module):
    def __init__(self, num_features):
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.weight = nn.Parameter(torch.ones(num_features))
    def forward(self, x):
        x += 1
        self.mean.mul_(0.9).add_(0.1 * x.detach().mean((0, 2, 3)))
        return x * self.weight[None, :, None, None]
""",
    "variadic": """
class Net(nn.Module):
    def __init__(self, dim, *args, **kwargs):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, *inputs, **kwargs):
        return self.fc(inputs[0])
""",
    "complex values": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim, dtype=torch.cfloat))
    def forward(self, x):
        return torch.fft.irfft(torch.fft.rfft(x, dim=-1)[..., :1] * self.weight, n=8)
""",
    "time in cosine embedding": """
class Net(nn.Module):
    def __init__(self, dim, max_period=10000):
        super().__init__()
        self.dim, self.mlp = dim, nn.Linear(dim, dim)
    def forward(self, timesteps):
        half = self.dim // 2
        freqs = torch.exp(-math.log(10000) * torch.arange(half) / half)
        args = timesteps[:, None].float() * freqs[None]
        return self.mlp(torch.cat([args.cos(), args.sin()], dim=-1))
""",
    "errors that describe shapes": """
class Net(nn.Module):
    def forward(self, frames):
        if frames.dim() != 5 or frames.size(1) != 3:
            raise ValueError(f"frames must have a shape of (B, 3, T, H, W), got {tuple(frames.shape)}")
        if frames.min() < 0:
            raise ValueError("frames must be in range [0, 1]")
        return frames * 2
""",
    "a list of what is taken apart": """
class Net(nn.Module):
    def __init__(self, layers):
        super().__init__()
        convs, before = [], 1
        for number, layer in enumerate(layers):
            (width, kernel, stride) = layer
            convs.append(nn.Conv1d(before, width, kernel, stride=stride))
            before = width
        self.convs = nn.ModuleList(convs)
    def forward(self, x):
        for conv in self.convs:
            x = conv(x)
        return x
""",
    "arguments passed on": """
class Net(nn.BatchNorm2d):
    def __init__(self, *args, sync=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.sync = sync
    def forward(self, x):
        return super().forward(x) * 2
""",
    "a dict of settings read by key": """
class Block(nn.Module):
    def __init__(self, width, kernel, dilation):
        super().__init__()
        self.one = nn.Conv1d(width, width, kernel, dilation=dilation[0], padding="same")
        self.two = nn.Conv1d(width, width, kernel, dilation=dilation[1], padding="same")
    def forward(self, x):
        return self.two(F.relu(self.one(x)))
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.count = len(cfg["kernel_sizes"])
        self.blocks = nn.ModuleList(Block(cfg["width"], k, d) for k, d in zip(cfg["kernel_sizes"], cfg["dilation_sizes"]))
        self.rates = [rate * 2 for rate in cfg["upsample_rates"]]
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x.repeat_interleave(self.rates[0], -1)
""",
    "a device without annotation": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("freqs", torch.arange(dim) / dim)
    def forward(self, count, device):
        grid = torch.arange(16, dtype=torch.float32, device=device)
        return torch.outer(grid, self.freqs.to(dtype=torch.float32, device=device)).sin() * count
""",
    "one of two inputs": """
class Net(nn.Module):
    def __init__(self, vocab_size=50000, dim=32):
        super().__init__()
        self.embed, self.fc = nn.Embedding(vocab_size, dim), nn.Linear(dim, dim)
    def forward(self, input_ids=None, inputs_embeds=None, labels=None):
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        return self.fc(self.embed(input_ids) if inputs_embeds is None else inputs_embeds)
""",
    "channels of blocks": """
class Net(nn.Module):
    def __init__(self, block_out_channels=(320, 640), norm_num_groups=32):
        super().__init__()
        first, second = block_out_channels
        self.a, self.b = nn.Conv2d(4, first, 3), nn.Conv2d(first, second, 3)
        self.norms = nn.ModuleList(nn.GroupNorm(norm_num_groups, width) for width in block_out_channels)
    def forward(self, x):
        return self.norms[1](self.b(self.norms[0](self.a(x))))
""",
    "sides beside a sequence": """
class Net(nn.Module):
    def __init__(self, dim, window=2):
        super().__init__()
        self.window, self.fc = window, nn.Linear(dim, dim)
    def forward(self, x, x_size):
        h, w = x_size
        b, _, c = x.shape
        x = x.view(b, h // self.window, self.window, w // self.window, self.window, c)
        return self.fc(x.permute(0, 1, 3, 2, 4, 5).reshape(-1, self.window**2, c))
""",
    "the shape of an observation": """
class Net(nn.Module):
    def __init__(self, observation_shape, feature_size=16):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(observation_shape[0], 8, 3, stride=2), nn.ReLU(), nn.Flatten())
        with torch.no_grad():
            size = self.convs(torch.zeros((1, *observation_shape))).shape[1]
        self.fc = nn.Linear(size, feature_size)
    def forward(self, x):
        return self.fc(self.convs(x))
""",
    "a distribution in an answer": """
class Answer:
    def __init__(self, inner):
        self.inner = inner
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, x):
        return Answer(torch.distributions.Beta(self.fc(x).exp(), 1.0))
""",
    "numbers among the inputs": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, x, total, sides):
        if total > 1:
            x = x * 2
        for _ in range(sides[0]):
            x = self.fc(x)
        return x.repeat(1, sides[1], 1)
""",
    "features side by side": """
class Net(nn.Module):
    def __init__(self, emb_size, dec_size, out_size):
        super().__init__()
        self.gate = nn.Linear(emb_size + dec_size, out_size)
    def forward(self, emb, dec):
        return torch.sigmoid(self.gate(torch.cat((emb, dec), dim=1)))
""",
    "a rank that a message asks for": """
class Net(nn.Module):
    def __init__(self, dim, loss):
        super().__init__()
        self.fc, self.loss = nn.Linear(dim, dim), loss
    def forward(self, embeddings, labels):
        if embeddings.ndim != 2:
            raise ValueError("embeddings must be a 2D tensor of shape (batch_size, embedding_size)")
        return self.loss(self.fc(embeddings)) * self.loss.scale + labels.float().mean()
""",
    "what a submodule gives taken apart": """
class Net(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
    def forward(self, x, mask=None):
        weights = []
        for layer in self.layers:
            x, weight = layer(x, mask)
            weights.append(weight)
        return x, weights
""",
    "a dict of submodules": """
class Net(nn.Module):
    def __init__(self, losses):
        super().__init__()
        self.losses = nn.ModuleDict(losses)
    def forward(self, x):
        return sum(loss(x) for loss in self.losses.values())
""",
    "a dataset that is asked for numbers": """
class Net(nn.Module):
    def __init__(self, config, dataset):
        super().__init__()
        self.user_field = config["USER_FIELD"]
        self.users = nn.Embedding(dataset.num(self.user_field), config["embedding_size"])
        self.to(config["device"])
    def forward(self, user_ids):
        return self.users(user_ids)
""",
    "repeated over more dimensions": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, x, y):
        return self.fc(x).repeat(2, 1).sum(0) * y.expand(3, -1).mean()
""",
    "a number of a config for an operation": """
class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.fc = nn.Linear(config.hidden_size, config.num_experts)
    def forward(self, x):
        scores, chosen = torch.topk(self.fc(x).softmax(-1), k=self.config.top_k_experts, dim=-1)
        return scores
""",
    "a function": "\ndef Net(x, weight, bias=None):\n    return F.linear(x, weight, bias).relu()\n",
}


@pytest.mark.parametrize("name", MODULES)
def test_every_kind_of_module_is_reached(project: Load, name: str) -> None:
    loaded = project("Net", {"script.py": HEAD + MODULES[name]})
    recipe = find(loaded)
    assert "failure" not in recipe, recipe
    made = outputs(recipe, loaded)
    assert made
    assert all(bool(torch.isfinite(torch.view_as_real(tensor) if tensor.is_complex() else tensor).all()) for tensor in made if tensor.is_floating_point())


def test_large_defaults_are_made_small(project: Load) -> None:
    loaded = project(
        "Net",
        {
            "script.py": HEAD
            + """
class Net(nn.Module):
    def __init__(self, img_size=224, patch_size=16, embed_dim=768, depth=12, num_heads=12):
        super().__init__()
        self.patch = nn.Conv2d(3, embed_dim, patch_size, patch_size)
        self.pos = nn.Parameter(torch.zeros(1, (img_size // patch_size) ** 2, embed_dim))
        layer = nn.TransformerEncoderLayer(embed_dim, num_heads, embed_dim * 4, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
    def forward(self, x):
        return self.blocks(self.patch(x).flatten(2).transpose(1, 2) + self.pos)
"""
        },
    )
    target, _ = materialise(find(loaded), loaded, 0)
    assert sum(parameter.numel() for parameter in target.parameters()) < 100_000


def test_large_configs_in_a_config_are_made_small(project: Load) -> None:
    text = """
class TextConfig:
    def __init__(self, hidden_size=30000, num_layers=40):
        self.hidden_size, self.num_layers = hidden_size, num_layers
class NetConfig:
    def __init__(self, text_config=None, width=30000):
        self.text_config, self.width = text_config or TextConfig(), width
class Net(nn.Module):
    def __init__(self, config: NetConfig):
        super().__init__()
        inner = config.text_config
        self.layers = nn.ModuleList(nn.Linear(inner.hidden_size, inner.hidden_size) for _ in range(inner.num_layers))
        self.head = nn.Linear(inner.hidden_size, config.width)
    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x)
"""
    loaded = project("Net", {"net.py": HEAD + text})
    target, _ = materialise(find(loaded), loaded, 0)
    assert sum(parameter.numel() for parameter in target.parameters()) < 20_000


def test_a_base_that_does_nothing_is_run_through_its_subclass(project: Load) -> None:
    text = "class Base(nn.Module):\n    def forward(self, x):\n        pass\nclass Twice(Base):\n    def forward(self, x):\n        return x * 2\n"
    assert find(project("Base", {"net.py": HEAD + text}))["symbol"] == "Twice"


def test_the_same_file_gets_the_same_recipe_whatever_the_hash_seed() -> None:
    code = f"""
import json, sys, tempfile, pathlib
from lintorch.worker.load import load
from lintorch.worker.search import search
path = pathlib.Path(tempfile.mkdtemp(), "script.py")
path.write_text({HEAD + MODULES["config discovered by use"]!r})
loaded = load(dict(path=str(path), text=path.read_text(), symbol="Net", module="script", roots=[str(path.parent)]))
print(json.dumps(search(loaded, dict(examples=[], usages=[], lines=[], methods=[]), dict(seconds=30.0, bytes=1 << 30)), sort_keys=True))
"""
    root = Path(__file__).resolve().parents[2]
    found = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert '"constructor"' in found.pop()


def test_seeds_change_values_and_nothing_else(project: Load) -> None:
    loaded = project("Net", {"script.py": HEAD + MODULES["packed sequence"]})
    recipe = find(loaded)
    first, again, other = (list(tensors_in([call[1] for call in materialise(recipe, loaded, seed)[1]])) for seed in (1, 1, 2))
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert [(tensor.shape, tensor.dtype) for tensor in first] == [(tensor.shape, tensor.dtype) for tensor in other]


BRANCHES = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, dim, use_norm=False, mode="sum", depth=0):
        super().__init__()
        self.fc, self.norm = nn.Linear(dim, dim), nn.LayerNorm(dim)
        self.use_norm, self.mode, self.depth = use_norm, mode, depth

    def forward(self, x, mask=None):
        y = self.fc(x)
        if mask is not None:
            y = y.masked_fill(mask == 0, 0.0)  # line: mask
        if self.use_norm:
            y = self.norm(y)  # line: flag
        if self.mode == "max":
            y = y * 2  # line: text
        if self.depth > 3:
            y = y - 1  # line: number
        return y

    def encode(self, tokens, scale):
        return self.fc(tokens) * scale  # line: method
"""
)


@pytest.mark.parametrize("mark", ["mask", "flag", "text", "number", "method"])
def test_the_wanted_line_runs_in_some_call(project: Load, mark: str) -> None:
    line = next(number for number, text in enumerate(BRANCHES.splitlines(), 1) if text.endswith(f"# line: {mark}"))
    loaded = project("Net", {"script.py": BRANCHES})
    recipe = find(loaded, lines=[line])
    target, calls = materialise(recipe, loaded, 0)
    assert _runs(target, calls, loaded.path, line)


def _runs(target: Any, calls: Any, path: str, line: int) -> bool:
    seen: set[int] = set()

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename == path:
            seen.add(frame.f_lineno)
            return trace
        return None

    sys.settrace(trace)
    try:
        for method, args, kwargs in calls:
            (target if method == "__call__" else getattr(target, method))(*args, **kwargs)
    finally:
        sys.settrace(None)
    return line in seen


def test_an_abstract_base_is_run_through_its_subclass(project: Load) -> None:
    text = (
        HEAD
        + """
class Base(nn.Module):
    def forward(self, x):
        return self.step(x)
    def step(self, x):
        raise NotImplementedError

class Net(Base):
    def step(self, x):
        return x * 2
"""
    )
    loaded = project("Base", {"script.py": text})
    recipe = find(loaded)
    assert recipe["symbol"] == "Net"
    assert any("subclass" in note for note in recipe["notes"])
    assert outputs(recipe, loaded)


def test_an_example_decides(project: Load) -> None:
    loaded = project("Net", {"script.py": HEAD + MODULES["linear"]})
    recipe = find(loaded, examples=["Net(10, 20), torch.randn(4, 10)", "Net(10, 20), torch.randn(10)"])
    assert [tuple(tensor.shape) for tensor in outputs(recipe, loaded)] == [(4, 20), (20,)]


def test_an_example_that_does_not_run_is_told_and_the_search_goes_on(project: Load) -> None:
    loaded = project("Net", {"script.py": HEAD + MODULES["linear"]})
    recipe = find(loaded, examples=["Net(10, 20), torch.randn(4, 11)", "Net(10,"])
    assert [note.partition(" ")[0] for note in recipe["notes"]] == ["the", "the"]
    assert outputs(recipe, loaded)


def test_mined_usages_come_first(project: Load) -> None:
    loaded = project("Net", {"script.py": HEAD + MODULES["linear"]})
    usage = {
        "build": [["0", {"is": "literal", "value": 6}], ["=out_features", None]],
        "call": [["0", {"is": "code", "text": "torch.randn(5, 6)"}]],
        "where": "README.md:1",
    }
    assert outputs(find(loaded, usages=[usage]), loaded)[0].shape[0] == 5


def test_a_failure_has_a_reason_the_nearest_attempt_and_a_line_to_complete(project: Load) -> None:
    text = (
        HEAD
        + """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, x):
        self.fc(x)
        raise RuntimeError("the moon is not full")
"""
    )
    found = find(project("Net", {"script.py": text}))
    assert found["failure"] == "forward: RuntimeError: the moon is not full"
    assert found["nearest"].startswith("Net(32), torch.randn(")
    assert found["hint"].startswith("Net(")


def test_a_stand_in_that_forward_uses_leaves_a_doubt(project: Load) -> None:
    text = (
        HEAD
        + "import missing_package\n"
        + """
class Net(nn.Module):
    def forward(self, x):
        missing_package.log(x)
        return x * 2
"""
    )
    assert "missing_package.log is not installed" in find(project("Net", {"script.py": text}))["doubt"]


def test_a_search_ends_with_its_time(project: Load) -> None:
    text = HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        while True:\n            x = x + 1\n"
    loaded = project("Net", {"script.py": text})
    found: Any = search(loaded, hints(), {"seconds": 1.0, "bytes": 1 << 30})
    assert "ran for more than" in found["failure"]


def test_a_limit_that_strikes_while_a_watch_leaves_leaves_nothing_behind(project: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(self: Watch, *error: object) -> None:
        raise TooSlow("struck before the mode was taken off")

    monkeypatch.setattr(Watch, "__exit__", struck)
    loaded = project("Net", {"script.py": HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        return x * 2\n"})
    assert "struck before the mode" in str(search(loaded, hints(), {"seconds": 1.0, "bytes": 1 << 30}))
    assert torch._C._len_torch_function_stack() == 0


def test_looking_for_subclasses_runs_no_training(project: Load, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    text = (
        HEAD
        + f"""
class Base(nn.Module):
    def forward(self, x):
        return self.step(x)
    def step(self, x):
        raise NotImplementedError

class Net(Base):
    def step(self, x):
        return x * 2

history = open({str(marker)!r}, "w").write("top-level code ran")
"""
    )
    assert find(project("Base", {"script.py": text}))["symbol"] == "Net"
    assert not marker.exists()


def test_spaces_of_observations_have_shapes(project: Load) -> None:
    spaces = """
class Space:
    shape = None
class Box(Space):
    def __init__(self, low, high, shape=None, dtype="float32"):
        self.low, self.high, self.shape = low, high, shape or ()
class Discrete(Space):
    def __init__(self, n):
        self.n, self.shape = n, ()
"""
    text = """
from gym import spaces
class Net(nn.Module):
    def __init__(self, observation_space: spaces.Space, action_space: spaces.Discrete):
        super().__init__()
        assert isinstance(observation_space, spaces.Box) and len(observation_space.shape) == 3
        self.conv = nn.Conv2d(observation_space.shape[0], 4, 3)
        self.fc = nn.Linear(4, action_space.n)
    def forward(self, obs):
        return self.fc(self.conv(obs).mean((2, 3)))
"""
    loaded = project("Net", {"net.py": HEAD + text, "gym/__init__.py": "", "gym/spaces.py": spaces})
    assert "failure" not in find(loaded)
