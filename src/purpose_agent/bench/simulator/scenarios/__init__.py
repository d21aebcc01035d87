"""Scenarios, one file each. Every module here has a ``SCENARIO``; see `simulator.scenario.Scenario`."""
