"""Programs made from Python's grammar, with no thought of what they mean."""

from __future__ import annotations

import hypothesmith
from hypothesis import strategies as st

_ABOUT_TORCH = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n{body}\n        return x\n"


def programs() -> st.SearchStrategy[str]:
    """Whole modules, and such put into the forward of a torch module, where every rule looks."""
    modules = hypothesmith.from_grammar()
    return st.one_of(modules, modules.map(_as_forward))


def _as_forward(text: str) -> str:
    return _ABOUT_TORCH.format(body="".join(f"        {line}\n" for line in text.split("\n")))
