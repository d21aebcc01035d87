"""A playbook of counted bullets that only grows by small additions (ACE, Zhang et al. 2025, arXiv 2510.04618)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from purpose_agent.bench.rivals.similarity import says_the_same

Count = Annotated[int, msgspec.Meta(ge=0)]


class Bullet(msgspec.Struct):
    """One piece of advice.

    Attributes:
        id: never changes.
        text: neither does this.
        helpful: how often a reflection found that it helped.
        harmful: how often that it harmed.
        episodes: ids of those that taught it; later ones that taught nearly the same are added.
    """

    id: str
    text: Annotated[str, msgspec.Meta(min_length=1)]
    helpful: Count = 0
    harmful: Count = 0
    episodes: list[str] = []


class Playbook(msgspec.Struct):
    """All bullets, oldest first.

    Attributes:
        bullets: none is ever removed.
    """

    bullets: list[Bullet]

    @property
    def ranked(self) -> list[Bullet]:
        """By helpful less harmful; of equals the newest first, or it would never be shown where room is short."""
        return sorted(reversed(self.bullets), key=lambda bullet: bullet.harmful - bullet.helpful)

    def find(self, id: str) -> Bullet | None:
        """A bullet by its id."""
        return next((bullet for bullet in self.bullets if bullet.id == id), None)

    def add(self, text: str, episode: str) -> str:
        """A new bullet, or one that says nearly the same already; returns its id."""
        place = says_the_same(text, [bullet.text for bullet in self.bullets])
        if place is None:
            self.bullets.append(Bullet(f"bullet-{len(self.bullets) + 1}", text, episodes=[episode]))
            return self.bullets[-1].id
        same = self.bullets[place]
        same.episodes = list(dict.fromkeys((*same.episodes, episode)))
        return same.id
