"""Text that models, environments and files wrote, on its way to a terminal."""

from __future__ import annotations

import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what can move the cursor, recolour, reorder or hide text, and of what no encoding can write."""

_HARMLESS = frozenset("\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")
"""Lines, columns, and what joins letters of some scripts and parts of an emoji."""


def printable(text: str) -> str:
    """The text with every character escaped (``\\x1b``) that could steer a terminal; line breaks and tabs stay."""
    return text.replace("\r\n", "\n").translate(_escapes)


class _Escapes(dict[int, str]):
    """What `str.translate` asks for: each character's replacement, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        steers = unicodedata.category(character) in _STEERING and character not in _HARMLESS
        shown = self[code] = character.encode("unicode_escape").decode("ascii") if steers else character
        return shown


_escapes = _Escapes()
