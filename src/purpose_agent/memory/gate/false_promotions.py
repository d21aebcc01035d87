"""How strong the evidence for an item must be, so that few of all promotions are false."""

from __future__ import annotations


def promotion_level(number: int, promoted: int, alpha: float = 0.05) -> float:
    """e-LOND (Xu & Ramdas 2024): the level of the ``number``-th proposal, counted from 1."""
    return alpha * (promoted + 1) / (number * (number + 1))
