"""The texts of games, made plain."""

from __future__ import annotations


def tidy(text: str) -> str:
    """The text without empty lines and repeated blanks."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def carried(inventory: str) -> list[str]:
    """The things in an inventory text, whose first line is its title."""
    things = tidy(inventory).split("\n")[1:]
    return [thing for thing in things if thing != "Your inventory is currently empty."]
