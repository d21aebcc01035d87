"""Comparisons: arms on the same tasks, with intervals and a report."""
