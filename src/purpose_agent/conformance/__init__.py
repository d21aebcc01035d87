"""Suites that every implementation of a pluggable part must pass; ours do, and yours can be run through them too."""
