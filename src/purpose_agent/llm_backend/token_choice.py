"""Choosing one of several texts by what a language model would write.

A grammar over *strings* is wrong here: it lets the model spell an option in odd tokens, whose probabilities mean
nothing. So the grammar is written over the canonical tokens of each option.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from purpose_agent.errors import ModelOutputError
from purpose_agent.llm_backend.llama_engine import Call, LlamaEngine, Token
from purpose_agent.llm_backend.messages import Choice
from purpose_agent.llm_backend.usage import Usage
from purpose_agent.llm_backend.wire import clean_text

Path = tuple[int, ...]
"""Token ids of an option."""


def choose_greedily(
    engine: LlamaEngine, prompt: str, options: Sequence[str], call: Call
) -> tuple[Choice, Usage]:
    """Follow the likeliest token among those that continue an option, until one option is left.

    That takes as many tokens as are needed to tell the chosen option from the others, often one.

    Raises:
        ModelError: as `LlamaEngine.complete`.
    """
    paths = [engine.tokenize(clean_text(option)) for option in options]
    distinct = list(dict.fromkeys(paths))
    if len(distinct) == 1:
        return Choice(0, options[0]), Usage()
    depths = unique_depths(distinct)
    shortened = [path[:depth] for path, depth in zip(distinct, depths, strict=True)]
    done = engine.complete(
        prompt,
        call,
        max_tokens=max(depths),
        temperature=0.0,
        seed=0,
        grammar=grammar_over(shortened),
        until=lambda tokens: decided(distinct, tokens) is not None,
    )
    index = decided(distinct, done.tokens)
    if index is None:
        raise ModelOutputError("constrained decoding ended before it had chosen an option", raw=done.text)
    chosen = paths.index(distinct[index])
    return Choice(chosen, options[chosen]), done.usage


def choose_likeliest(
    engine: LlamaEngine, prompt: str, options: Sequence[str], call: Call, method: str
) -> tuple[Choice, Usage]:
    """Measure every option and take the best one; see `LocalBackend` for the methods.

    Raises:
        ModelError: as `LlamaEngine.complete`.
    """
    paths = [engine.tokenize(clean_text(option)) for option in options]
    usage = Usage()
    scores: dict[Path, float] = {}
    for path in dict.fromkeys(paths):
        score, cost = _logprob(engine, prompt, path, call)
        usage += cost
        if method == "likelihood_per_token":
            score /= len(path) + 1
        elif method == "likelihood_gain":
            bare, cost = _logprob(engine, engine.prompt([{"role": "user", "content": "."}]), path, call)
            usage += cost
            score -= bare
        scores[path] = score
    logprobs = tuple(scores[path] for path in paths)
    best = max(range(len(paths)), key=lambda index: (logprobs[index], -index))
    return Choice(best, options[best], logprobs), Usage(1, *_counts(usage))


def _counts(usage: Usage) -> tuple[int, int, int]:
    return usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens


def _logprob(engine: LlamaEngine, prompt: str, path: Path, call: Call) -> tuple[float, Usage]:
    """The log-probability that the model writes exactly this and then ends its turn."""
    done = engine.complete(
        prompt,
        call,
        max_tokens=len(path) + 1,
        temperature=0.0,
        seed=0,
        grammar=grammar_over([path]),
        measure=True,
    )
    if len(done.tokens) <= len(path):
        raise ModelOutputError("constrained decoding ended before the option did", raw=done.text)
    return sum(token.logprob for token in done.tokens), done.usage


def grammar_over(paths: Sequence[Path]) -> str:
    """GBNF that allows exactly these sequences of tokens."""
    return "root ::= " + " | ".join(" ".join(f"<[{token}]>" for token in path) or '""' for path in paths)


def unique_depths(paths: Sequence[Path]) -> list[int]:
    """For each of several distinct paths, after how many tokens it is told from all others.

    A path that another one continues counts one token more: the end of the turn.
    """
    at: dict[Path, int] = defaultdict(int)
    for path in paths:
        for depth in range(len(path) + 1):
            at[path[:depth]] += 1
    return [next((d for d in range(len(path) + 1) if at[path[:d]] == 1), len(path) + 1) for path in paths]


def decided(paths: Sequence[Path], tokens: Sequence[Token]) -> int | None:
    """The position of the one path that the tokens can still mean; None while there are several.

    A token that continues no path ends the turn, so it means the path that is complete.
    """
    written: Path = ()
    left = list(range(len(paths)))
    for token in tokens:
        longer = (*written, token.id)
        following = [i for i in left if paths[i][: len(longer)] == longer]
        if not following:
            return next((i for i in left if paths[i] == written), None)
        if len(following) == 1:
            return following[0]
        written, left = longer, following
    return None
