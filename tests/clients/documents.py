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
# The actions offered at the finding in NET, strongest first, without what follows the colon.
TITLES = ["Verify and apply LT101", "Apply LT101", "Ignore LT101 here", "Fix all in this file that verifies (lintorch)"]
