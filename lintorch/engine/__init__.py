"""One file's way through the parts, and many files through an executor."""
