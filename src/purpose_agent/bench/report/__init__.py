"""What the suites' rows say, and how it looks."""
