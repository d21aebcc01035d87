"""What came of like actions in like situations: values learned from the agent's own episodes."""
