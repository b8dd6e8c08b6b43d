"""How fast lintorch is beside its peers, how that grows, and what it costs to run it again."""
