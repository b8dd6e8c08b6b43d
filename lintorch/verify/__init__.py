"""Jobs and verdicts: what a changed class is run with, and what the two runs say."""
