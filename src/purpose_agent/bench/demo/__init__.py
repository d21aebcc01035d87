"""The demo: one game is learned from scratch, and held-out tasks prove what memory is worth."""
