"""The report card: suites of worlds, arms that share what they can, statistics, and a page of what came out."""
