"""Published memories, re-created from their published rules to play in our loop under the same conditions.

Same actor, model, prompt block and room; nothing but the memory differs. Prompts are shorter than the published ones,
so that a model of 135M parameters can read them; each module says where else it departs from its source.
"""

from purpose_agent.bench.rivals.ace import ACE
from purpose_agent.bench.rivals.expel import ExpeL
from purpose_agent.bench.rivals.reasoning_bank import ReasoningBank

__all__ = ["ACE", "ExpeL", "ReasoningBank"]
