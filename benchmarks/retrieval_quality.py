"""How well retrieval finds what means the same, and how often it finds what does not.

    python benchmarks/retrieval_quality.py

Three questions, each with the rules that were compared: which episode is found for a task in other words, what a
learned value does to that, and which lesson is shown for a task. Deterministic.
"""

from __future__ import annotations

import contextlib
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from purpose_agent.conformance.store_samples import episode
from purpose_agent.embedding import default_embedder
from purpose_agent.experience_replay import RELEVANCE_FLOOR
from purpose_agent.memory.item_vectors import ItemVectors
from purpose_agent.memory.lexical_relevance import content_words
from purpose_agent.memory.retrieval import select
from purpose_agent.memory.semantic_relevance import (
    COSINE_FLOOR,
    combined_relevance,
    semantic_relevance,
    usual_cosine,
)
from purpose_agent.store import open_store
from purpose_agent.types import Heuristic, MemoryTier
from retrieval_pairs import LESSONS, PARAPHRASES, UNRELATED

Scores = NDArray[np.float64]
Rule = Callable[[Scores, Scores], Scores]
"""From the lexical relevance and the cosine of each episode to its relevance; 0 for what is not found."""

WORDS = """anchor apple basket bottle button candle carpet dagger drum eraser feather fork globe glove hammer iron
jacket kettle lamp magnet mirror needle orange pencil pillow quilt radio rope saddle spoon towel trumpet umbrella
vase violin wallet whistle yarn zipper""".split()  # noqa: SIM905 - a list of words reads best as words


def by_words(lexical: Scores, cosine: Scores) -> Scores:
    return np.where(lexical >= RELEVANCE_FLOOR, lexical, 0)


def ranks(scores: Scores) -> Scores:
    return np.array([(scores > score).sum() + 1.0 for score in scores])


def rank_fusion(lexical: Scores, cosine: Scores) -> Scores:
    """Reciprocal rank fusion of what qualifies, 1 for the first of both lists."""
    parts = [(lexical, lexical >= RELEVANCE_FLOOR), (cosine, cosine >= COSINE_FLOOR)]
    return sum(np.where(ok, 1 / (60 + ranks(np.where(ok, s, -1.0))), 0.0) for s, ok in parts) * 61 / 2


def combined_plain(lexical: Scores, cosine: Scores) -> Scores:
    """The rule in use, but without taking off what all have in common."""
    return combined(lexical, cosine, usual=0.0)


def combined(lexical: Scores, cosine: Scores, usual: float | None = None) -> Scores:
    """The rule in use."""
    usual = usual_cosine(float(cosine.sum()), len(cosine)) if usual is None else usual
    semantic = [semantic_relevance(c, usual, RELEVANCE_FLOOR) for c in cosine.tolist()]
    pairs = zip(lexical.tolist(), semantic, strict=True)
    return np.array([combined_relevance(*pair, RELEVANCE_FLOOR) for pair in pairs])


RULES: dict[str, Rule] = {
    "words only": by_words,
    "rank fusion": rank_fusion,
    "combined, plain": combined_plain,
    "combined": combined,
}


def boilerplate(words: Sequence[str]) -> str:
    return f"You are in a house. Find the coin and put it into the box in the kitchen. Objects: {' '.join(words)}."


def half(text: str) -> str:
    words = text.rstrip(".").split()
    return " ".join(random.Random(text).sample(words, max(2, len(words) // 2)))


def scored(texts: Sequence[str], queries: Sequence[str]) -> list[tuple[Scores, Scores]]:
    """Lexical relevance and cosine of every text, for each query."""
    embedder = default_embedder()
    assert embedder is not None
    vectors = embedder.embed(texts)
    with contextlib.closing(open_store(None)) as store:
        for n, text in enumerate(texts):
            store.add_episode(episode(str(n), task=text, purpose=text), text)
        found = []
        for query in queries:
            lexical = np.zeros(len(texts))
            for info, relevance in store.search_episodes(query, len(texts)):
                lexical[int(info.id)] = relevance
            found.append((lexical, (vectors @ embedder.embed([query])[0]).astype(float)))
    return found


def episodes(name: str, texts: Sequence[str], queries: Sequence[str]) -> None:
    """Text number n is the right one for query number n."""
    print(f"\n{name}: {len(queries)} queries, {len(texts)} episodes")
    scores = scored(texts, queries)
    for rule_name, rule in RULES.items():
        first, third, valued = 0, 0, 0.0
        for right, (lexical, cosine) in enumerate(scores):
            relevance = rule(lexical, cosine)
            if relevance[right] > 0:
                place = int((relevance > relevance[right]).sum()) + 1
                first, third = first + (place == 1), third + (place <= 3)
                dice = np.random.default_rng(right)
                q = dice.uniform(0.2, 0.8, (20, len(texts)))
                rank = np.where(relevance > 0, 0.6 * relevance + 0.4 * q, -1)
                valued += float((rank.argmax(axis=1) == right).mean())
        n = len(queries)
        print(
            f"  {rule_name:16} first {first / n:.2f}  in three {third / n:.2f}  first with any values {valued / n:.2f}"
        )


def nothing_to_find(texts: Sequence[str]) -> None:
    print(
        f"\nnothing fits: {len(UNRELATED)} queries, {len(texts)} episodes; share for which something is found"
    )
    scores = scored(texts, UNRELATED)
    for name, rule in RULES.items():
        print(f"  {name:16} {np.mean([bool((rule(*s) > 0).any()) for s in scores]):.2f}")


def bm25(items: Sequence[Heuristic], floor: float) -> Callable[[str], list[str]]:
    """Ids of the four best by BM25 (k1 1.2, b .4), a word of the pattern counting twice, as a share of the most."""
    bags = [Counter(content_words(f"{h.pattern} {h.pattern} {h.strategy}")) for h in items]
    mean = sum(map(Counter.total, bags)) / len(bags)
    frequency = Counter(word for bag in bags for word in bag)

    def shown(query: str) -> list[str]:
        words = dict.fromkeys(content_words(query))
        idf = {
            w: math.log(1 + (len(items) - max(1, frequency[w]) + 0.5) / (max(1, frequency[w]) + 0.5))
            for w in words
        }
        scores = [
            sum(
                idf[w] * bag[w] * 2.2 / (bag[w] + 1.2 * (0.6 + 0.4 * bag.total() / mean))
                for w in words
                if w in bag
            )
            / (sum(idf.values()) or 1)
            for bag in bags
        ]
        best = sorted(range(len(items)), key=lambda n: -scores[n])[:4]
        return [items[n].id for n in best if scores[n] >= floor]

    return shown


def lessons() -> None:
    items = [Heuristic(p, s, [], MemoryTier.STRATEGIC, id=str(n)) for n, (p, s, _) in enumerate(LESSONS)]
    embedder = default_embedder()
    assert embedder is not None
    vectors = ItemVectors(embedder)

    def ours(query: str) -> list[str]:
        return [h.id for h in select(items, query=query).strategic]

    def with_vectors(query: str) -> list[str]:
        return [h.id for h in select(items, query=query, similar=vectors.similar).strategic]

    rules = {"words only": ours, "BM25, floor .08": bm25(items, 0.08), "BM25, floor .15": bm25(items, 0.15),
             "words and vectors": with_vectors}  # fmt: skip
    for name, queries in (
        ("in other words", [task for _, _, task in LESSONS]),
        ("half the pattern and another task's words", [
            f"{half(p)}. {half(LESSONS[(n + 7) % len(LESSONS)][2])}." for n, (p, _, _) in enumerate(LESSONS)
        ]),
    ):  # fmt: skip
        print(
            f"\nlessons for tasks {name}: {len(queries)} tasks, {len(items)} lessons, {len(UNRELATED)} unrelated"
        )
        for rule_name, rule in rules.items():
            shown = [rule(query) for query in queries]
            right = np.mean([str(n) in ids for n, ids in enumerate(shown)])
            wrong = np.mean([len(ids) - (str(n) in ids) for n, ids in enumerate(shown)])
            noise = np.mean([bool(rule(query)) for query in UNRELATED])
            print(
                f"  {rule_name:18} right {right:.2f}  wrong ones {wrong:.2f}  unrelated shown something {noise:.2f}"
            )


def main() -> None:
    if default_embedder() is None:
        sys.exit("install the extra: pip install 'purpose-agent[embed]'")
    mixed = [task for task, _ in PARAPHRASES] + [task for _, _, task in LESSONS]
    dice = random.Random(1)
    own = [dice.sample(WORDS, 6) for _ in range(200)]
    alike = [boilerplate(words) for words in own]
    episodes("in other words", mixed, [other for _, other in PARAPHRASES])
    episodes("half the words", mixed, [half(task) for task, _ in PARAPHRASES])
    episodes("all phrased alike, the same again", alike, alike[:60])
    near = [boilerplate(dice.sample(words, 3) + dice.sample(WORDS, 2)) for words in own[:60]]
    episodes("all phrased alike, half of the rest", alike, near)
    rooms = [f"Go to room {n} and press the button." for n in range(10, 60)]
    episodes("a number decides", rooms, [f"Walk to room {n}, then press its button." for n in range(10, 60)])
    nothing_to_find(mixed)
    lessons()


if __name__ == "__main__":
    main()
