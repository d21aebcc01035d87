"""The report card: suites of worlds, arms that share what they can, statistics, and a page that says what came out."""
