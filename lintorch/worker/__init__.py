"""Runs in the user's interpreter (Python 3.9+, standard library and torch only) and imports nothing of lintorch."""
