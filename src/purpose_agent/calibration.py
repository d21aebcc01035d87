"""From a critic's raw score to a chance of success: isotonic calibration on verdicts, and what a critic's word weighs.

The map is centred isotonic regression (Oron & Flournoy 2017, Statistics in Biopharmaceutical Research 9:258): adjacent
violators are pooled as in isotonic regression, but a block stands at its weighted mean raw score and the map is linear
between blocks, so it has no plateaus and keeps the order of two states that isotonic regression would tie. States of
one episode share one outcome, so every episode counts 1 however many states it has, and what is known about a block is
measured in episodes, not in states.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_number, is_whole

VERSION = 1
"""Of the stored form. Reading another one raises ``msgspec.ValidationError``: fit again."""

PRIOR_EPISODES = 2.0
"""Episodes at the base rate that every block of the map is mixed with."""

MIN_FIT_EPISODES = 10
"""With fewer episodes, or without both outcomes, a fitted map is the identity."""

MIN_EPISODES = 20
"""Episodes from which on a family of purposes has a map of its own."""

MIN_OF_EACH_OUTCOME = 5
"""Of these, successes and failures each."""

LEVEL = 0.9
"""Coverage of the interval that `Calibration.confidence` is the width of."""


class Observation(msgspec.Struct, frozen=True):
    """A scored state of an episode whose outcome is known.

    Attributes:
        group: id of the episode.
        raw: the critic's score of the state before calibration, in [0, 1].
        success: the episode's final verdict, the same for all of its states.
    """

    group: str
    raw: float
    success: bool


class Calibration(msgspec.Struct, frozen=True):
    """A non-decreasing, piecewise linear map from [0, 1] to [0, 1]; the identity when it has no knots.

    Attributes:
        x: raw scores of the knots, increasing; they begin at 0 and end at 1.
        y: chance of success at each knot.
        effective: independent episodes that each chance rests on (Kish 1965: (Σw)² / Σw² over the weights that the
            episodes have in the block). An episode passes through several blocks, so these do not add up to
            ``n_episodes``. 0 at a raw score of 0 or 1 that was never seen.
        n_episodes: episodes given.
        n_successes: of them.
        version: of the stored form.
    """

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    effective: tuple[float, ...] = ()
    n_episodes: int = 0
    n_successes: int = 0
    version: int = VERSION

    def __post_init__(self) -> None:
        _check_version(self.version)
        if not len(self.x) == len(self.y) == len(self.effective):
            raise UsageError(f"knots must be equally many, got {self.x!r}, {self.y!r}, {self.effective!r}")
        if not all(0 <= value <= 1 for value in (*self.x, *self.y)):
            raise UsageError(f"knots must lie in [0, 1], got {self.x!r} and {self.y!r}")
        if not all(a < b for a, b in pairwise(self.x)) or not all(a <= b for a, b in pairwise(self.y)):
            raise UsageError(f"knots must be in ascending order, got {self.x!r} and {self.y!r}")
        if not all(0 <= n < math.inf for n in self.effective):
            raise UsageError(f"effective episodes must be finite and at least 0, got {self.effective!r}")
        if not 0 <= self.n_successes <= self.n_episodes:
            raise UsageError(f"impossible counts: {self.n_successes!r} successes of {self.n_episodes!r}")

    @property
    def trusted(self) -> bool:
        """Whether the map was fitted; the identity is a guess."""
        return bool(self.x)

    @property
    def is_own(self) -> bool:
        """Whether there is enough evidence to use the map rather than one over all families."""
        fewer = min(self.n_successes, self.n_episodes - self.n_successes)
        return self.trusted and self.n_episodes >= MIN_EPISODES and fewer >= MIN_OF_EACH_OUTCOME

    def chance(self, raw: float) -> float:
        """The estimated probability that an episode with a state of this raw score succeeds, in [0, 1].

        Raises:
            UsageError: ``raw`` is not a number in [0, 1].
        """
        raw = _unit(raw, "raw")
        return self._at(raw, self.y) if self.trusted else raw

    def interval(self, raw: float, level: float = LEVEL) -> tuple[float, float]:
        """The Wilson interval of `chance` at the effective episodes there; (0, 1) when the map was not fitted.

        It takes the blocks as given, though the data chose them. In simulations (20 to 500 episodes, ten correlated
        states each, chance = the square of what the critic means) the 90 % interval covered 95 to 98 % of the time.

        Raises:
            UsageError: ``raw`` is not a number in [0, 1], or not 0 < level < 1.
        """
        raw = _unit(raw, "raw")
        if not self.trusted:
            return score_interval(raw, 0.0, level)
        return score_interval(self._at(raw, self.y), self._at(raw, self.effective), level)

    def confidence(self, raw: float) -> float:
        """1 − the width of the interval at `LEVEL`, in [0, 1]: 0 where nothing was seen.

        Raises:
            UsageError: ``raw`` is not a number in [0, 1].
        """
        low, high = self.interval(raw)
        return min(1.0, max(0.0, 1.0 - (high - low)))

    def _at(self, raw: float, values: Sequence[float]) -> float:
        right = bisect_right(self.x, raw)
        if right == 0:
            return values[0]
        if right == len(self.x):
            return values[-1]
        share = (raw - self.x[right - 1]) / (self.x[right] - self.x[right - 1])
        return _between(values[right - 1], values[right], share)


class Calibrations(msgspec.Struct, frozen=True):
    """One map for every family of purposes, and one over all episodes for families that are too young.

    Attributes:
        families: family key to its map, however little it rests on.
        pooled: the map over the episodes of all families, each counting 1.
        version: of the stored form.
    """

    families: dict[str, Calibration] = {}
    pooled: Calibration = msgspec.field(default_factory=Calibration)
    version: int = VERSION

    def __post_init__(self) -> None:
        _check_version(self.version)

    def for_family(self, key: str) -> Calibration:
        """The family's map when it rests on enough episodes, else the pooled one, which may be the identity."""
        own = self.families.get(key)
        return own if own is not None and own.is_own else self.pooled

    @classmethod
    def refit(
        cls, rows: Mapping[str, Iterable[Observation]], *, prior_episodes: float = PRIOR_EPISODES
    ) -> Calibrations:
        """Fit every map anew.

        Args:
            rows: all observations by family key. Equal episode ids in two families are two episodes.
            prior_episodes: see `fit`.

        Raises:
            UsageError: as `fit`.
        """
        kept = {key: list(rows[key]) for key in sorted(rows)}
        everything = [
            Observation(f"{number} {row.group}", row.raw, row.success)
            for number, own in enumerate(kept.values())
            for row in own
        ]
        return cls(
            families={key: fit(own, prior_episodes=prior_episodes) for key, own in kept.items()},
            pooled=fit(everything, prior_episodes=prior_episodes),
        )


class Skill(msgspec.Struct, frozen=True):
    """How much better than the base rate a critic's predictions were, each made before its outcome was known.

    Prequential (Dawid 1984): both the critic and the base rate are charged the Brier score of what they said about an
    episode before it ended. Every episode counts 1, whatever its number of predictions.

    Attributes:
        n: episodes with predictions.
        loss: sum over them of the mean squared error of the critic's predictions.
        base_loss: sum over them of the squared error of the running base rate.
        outcomes: episodes, with predictions or without.
        successes: of these.
        version: of the stored form.
    """

    n: int = 0
    loss: float = 0.0
    base_loss: float = 0.0
    outcomes: int = 0
    successes: int = 0
    version: int = VERSION

    def __post_init__(self) -> None:
        _check_version(self.version)
        if not (0 <= self.loss <= self.n and 0 <= self.base_loss <= self.n):
            raise UsageError(f"losses must be in [0, n], got {self!r}")
        if not (0 <= self.n <= self.outcomes and 0 <= self.successes <= self.outcomes):
            raise UsageError(f"impossible counts: {self!r}")

    @property
    def base_rate(self) -> float:
        """What the base rate says about the next episode: (successes + 1) / (outcomes + 2), Laplace's rule."""
        return (self.successes + 1) / (self.outcomes + 2)

    def after(self, predictions: Sequence[float], success: bool) -> Skill:
        """With one more episode.

        Args:
            predictions: the chances that the critic gave during the episode, in [0, 1]; none if it abstained.
            success: how it ended.

        Raises:
            UsageError: a prediction that is not a number in [0, 1].
        """
        outcome = float(_outcome(success))
        losses = [(_unit(chance, "prediction") - outcome) ** 2 for chance in predictions]
        said = bool(losses)
        return Skill(
            n=self.n + said,
            loss=self.loss + (math.fsum(losses) / len(losses) if said else 0.0),
            base_loss=self.base_loss + ((self.base_rate - outcome) ** 2 if said else 0.0),
            outcomes=self.outcomes + 1,
            successes=self.successes + bool(success),
        )

    def weight(self, prior: float = 0.0, prior_episodes: float = 10.0) -> float:
        """The Brier skill score max(0, 1 − loss / base loss), in [0, 1], drawn to a prior while little is known.

        The prior enters as ``prior_episodes`` episodes of an even chance (base loss 1/4 each) on which the critic had
        the skill ``prior``. So evidence is counted in loss to be saved: episodes whose outcome the base rate knows
        anyway teach little about the critic.

        Raises:
            UsageError: ``prior`` not in [0, 1], or ``prior_episodes`` not above 0.
        """
        prior = _unit(prior, "prior")
        if not (is_number(prior_episodes) and 0 < prior_episodes < math.inf):
            raise UsageError(f"prior_episodes must be above 0 and finite, got {prior_episodes!r}")
        known = prior_episodes / 4
        skill = 1.0 - (self.loss + known * (1.0 - prior)) / (self.base_loss + known)
        return min(1.0, max(0.0, skill))


def fit(
    rows: Iterable[Observation],
    *,
    prior_episodes: float = PRIOR_EPISODES,
    min_episodes: int = MIN_FIT_EPISODES,
) -> Calibration:
    """Centred isotonic regression of success on the raw score.

    Every block of pooled scores is drawn towards the base rate by ``prior_episodes``, and blocks that this puts out of
    order are pooled too. Outside the outermost blocks the map goes on as if one more failure had been seen at 0 and one
    more success at 1, so it keeps rising there a little. The order of the rows does not matter.

    Args:
        rows: states of finished episodes; none is fine.
        prior_episodes: pseudo-count, at least 0.
        min_episodes: with fewer, or without both outcomes, the result is the identity.

    Raises:
        UsageError: a raw score that is not a number in [0, 1], an episode with two outcomes, or a bad argument.
    """
    if not (is_number(prior_episodes) and 0 <= prior_episodes < math.inf):
        raise UsageError(f"prior_episodes must be at least 0 and finite, got {prior_episodes!r}")
    if not is_whole(min_episodes):
        raise UsageError(f"min_episodes must be a whole number, got {min_episodes!r}")
    kept = list(rows)
    outcomes = _outcomes(kept)
    n, successes = len(outcomes), sum(outcomes.values())
    if n < min_episodes or successes in (0, n):
        return Calibration(n_episodes=n, n_successes=successes)
    base = successes / n
    blocks = _pool(_tied(kept, outcomes), 0.0, base)
    blocks = _pool(blocks, prior_episodes, base)
    knots = _knots(blocks, prior_episodes, base)
    x, y, effective = zip(*knots, strict=True)
    return Calibration(x, y, effective, n, successes)


def score_interval(rate: float, n: float, level: float) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209), which always contains the rate.

    Args:
        rate: observed proportion, in [0, 1].
        n: observations behind it, not necessarily a whole number; (0, 1) comes back for 0.
        level: coverage, between 0 and 1.

    Raises:
        UsageError: an argument out of its range.
    """
    rate = _unit(rate, "rate")
    if not 0 <= n < math.inf:
        raise UsageError(f"n must be finite and at least 0, got {n!r}")
    if not 0 < level < 1:
        raise UsageError(f"confidence must be between 0 and 1, got {level!r}")
    if n == 0:
        return 0.0, 1.0
    from statistics import NormalDist  # needed by reports only

    z = NormalDist().inv_cdf((1 + level) / 2)
    squared = z * z
    centre = (n * rate + squared / 2) / (n + squared)
    half = z * math.sqrt(n * rate * (1 - rate) + squared / 4) / (n + squared)
    low = 0.0 if rate == 0 else min(rate, max(0.0, centre - half))
    high = 1.0 if rate == 1 else max(rate, min(1.0, centre + half))
    return low, high


@dataclass(slots=True)
class _Block:
    """Neighbouring raw scores that share one rate.

    Attributes:
        lowest: raw score in it.
        highest: raw score in it.
        weight: sum of the weights of its states.
        successes: of them, weight that belongs to successful episodes.
        moment: weighted sum of the raw scores.
        episodes: weight of each episode in it.
    """

    lowest: float
    highest: float
    weight: float
    successes: float
    moment: float
    episodes: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def centre(self) -> float:
        return min(self.highest, max(self.lowest, self.moment / self.weight))

    @property
    def effective(self) -> float:
        weights = self.episodes.values()
        return math.fsum(weights) ** 2 / math.fsum(w * w for w in weights)

    def rate(self, prior: float, base: float) -> float:
        own = min(1.0, self.successes / self.weight)
        if prior == 0:
            return own
        n = self.effective
        return (n * own + prior * base) / (n + prior)

    def take_in(self, higher: _Block) -> None:
        few, many = sorted((self.episodes, higher.episodes), key=len)
        for episode, weight in few.items():
            many[episode] = many.get(episode, 0.0) + weight
        self.episodes = many
        self.highest = higher.highest
        self.weight += higher.weight
        self.successes += higher.successes
        self.moment += higher.moment


def _outcomes(rows: Sequence[Observation]) -> dict[str, bool]:
    outcomes: dict[str, bool] = {}
    for row in rows:
        _unit(row.raw, "raw")
        if outcomes.setdefault(row.group, _outcome(row.success)) is not row.success:
            raise UsageError(f"episode {row.group!r} has rows of both outcomes; it can only have ended once")
    return outcomes


def _tied(rows: Sequence[Observation], outcomes: Mapping[str, bool]) -> list[_Block]:
    """One block for every distinct raw score, ascending."""
    lengths = dict.fromkeys(outcomes, 0)
    for row in rows:
        lengths[row.group] += 1
    states = sorted((float(row.raw), row.group) for row in rows)
    blocks: list[_Block] = []
    for raw, tied in groupby(states, key=itemgetter(0)):
        weights: dict[str, float] = {}
        for _, episode in tied:
            weights[episode] = weights.get(episode, 0.0) + 1 / lengths[episode]
        weight = math.fsum(weights.values())
        successes = math.fsum(w for episode, w in weights.items() if outcomes[episode])
        blocks.append(_Block(raw, raw, weight, successes, raw * weight, weights))
    return blocks


def _pool(blocks: Iterable[_Block], prior: float, base: float) -> list[_Block]:
    """Pool adjacent violators until the rates, mixed with the prior, increase strictly (Ayer et al. 1955)."""
    pooled: list[_Block] = []
    rates: list[float] = []
    for block in blocks:
        pooled.append(block)
        rates.append(block.rate(prior, base))
        while len(pooled) > 1 and rates[-2] >= rates[-1]:
            last = pooled.pop()
            rates.pop()
            pooled[-1].take_in(last)
            rates[-1] = pooled[-1].rate(prior, base)
    return pooled


def _knots(blocks: Sequence[_Block], prior: float, base: float) -> list[tuple[float, float, float]]:
    """(raw, chance, effective episodes) of every knot, from raw 0 to raw 1."""
    knots = [(block.centre, block.rate(prior, base), block.effective) for block in blocks]
    first, last = knots[0], knots[-1]
    if first[0] > 0:
        lower = first[1] * first[2] / (first[2] + 1)
        knots[:0] = _end((0.0, lower, 0.0), blocks[0].lowest, first)
    if last[0] < 1:
        upper = max(last[1], (last[1] * last[2] + 1) / (last[2] + 1))
        knots += reversed(_end((1.0, upper, 0.0), blocks[-1].highest, last))
    return knots


def _end(
    end: tuple[float, float, float], seen: float, centre: tuple[float, float, float]
) -> list[tuple[float, float, float]]:
    """The knots from an end of the scale up to the outermost block's centre, without it.

    From the centre to the outermost score that was ``seen`` the block's episodes vouch for the map; beyond it what is
    known runs out towards the end of the scale.
    """
    if seen == centre[0]:
        return [end]
    if seen == end[0]:
        return [(end[0], end[1], centre[2])]
    share = (seen - end[0]) / (centre[0] - end[0])
    return [end, (seen, _between(end[1], centre[1], share), centre[2])]


def _between(start: float, stop: float, share: float) -> float:
    """Linear interpolation that rounding cannot carry past either value."""
    value = start + (stop - start) * share
    return min(max(start, stop), max(min(start, stop), value))


def _unit(value: float, name: str) -> float:
    if not (is_number(value) and 0.0 <= value <= 1.0):  # NaN fails the comparison too
        raise UsageError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


def _outcome(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"success must be True or False, got {value!r}")
    return value


def _check_version(version: int) -> None:
    if version != VERSION:
        raise UsageError(f"this was stored in form {version!r}, known is {VERSION}; fit it again")
