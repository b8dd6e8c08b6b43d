"""What the code around a file says: imports, classes and their bases across files, functions, callers. Syntax only."""
