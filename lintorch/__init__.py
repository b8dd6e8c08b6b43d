"""lintorch: a linter, fixer and verifier for PyTorch code."""

__version__ = "0.1.0"
