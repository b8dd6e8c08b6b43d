"""Files as lintorch sees them: lossless text, positions, suppressions, discovery and atomic writing."""
