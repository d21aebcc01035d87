"""What the exit code of a command means."""

DONE = 0
NOT_ACHIEVED = 1
"""The command did its work, but the task was not achieved."""
BAD_USAGE = 2
BROKEN = 3
"""A dependency, the environment, the model or the store is broken."""
INTERRUPTED = 130
"""Ctrl-C; what was done is kept."""
PIPE_CLOSED = 141
"""Whoever read the output went away."""
