"""The built-in rule pack: one pair of files per rule, code and page."""
