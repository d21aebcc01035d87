"""Whether an edit of the library may become active."""
