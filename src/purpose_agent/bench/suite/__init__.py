"""The suites of the report card: worlds, arms that share what they can, and the work that they take."""
