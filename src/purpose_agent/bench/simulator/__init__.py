"""Synthetic worlds and scripted actors in which the ground truth about memory is known."""
