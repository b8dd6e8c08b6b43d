"""What the tests of editors write and open."""

from __future__ import annotations

import sys

NET = (
    "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.layer = nn.Linear(4, 4)\n\n    def forward(self, x):\n        y = self.layer(x)\n        return y\n"
)
FIXED = NET.replace("        y = self.layer(x)\n        return y\n", "        return self.layer(x)\n")
SERVER = [sys.executable, "-m", "lintorch", "lsp"]
TRAIN = (
    "import torch\n\n\ndef train(model, loader, criterion):\n    total = 0\n    for x, y in loader:\n        loss = criterion(model(x), y)\n"
    "        loss.backward()\n        total += loss\n    return total\n"
)
