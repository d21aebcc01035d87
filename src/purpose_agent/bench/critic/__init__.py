"""The critic's report: whether Φ follows true progress, and what a learner gains from it."""
