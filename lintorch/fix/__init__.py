"""From operations to candidate text: composed edits, rewrites, and the checks every candidate passes."""
