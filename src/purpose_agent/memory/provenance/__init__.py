"""Whose words a memory item is made of, what follows from that, and how all that came from a source is taken back."""
