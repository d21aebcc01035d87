"""What completes a task, learned from verified ends: the experience critic's knowledge."""
