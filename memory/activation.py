"""How much a memory would be missed: by how often and how lately it was of use, and by its importance."""

import math
from collections.abc import Sequence
from datetime import datetime

from interlock.memory.policies import PrunePolicy
from interlock.memory.records import Record

SHORTEST_H = 1 / 3600


def activation(ages_h: Sequence[float], uses: int, *, decay: float) -> float:
    """Compute the base-level activation, ln of the sum of t^-decay over all times of use.

    Args:
        ages_h: hours since the last use, and since the first.
        uses: how many there were, the first included.
        decay: between 0 and 1.

    Source: base-level learning of ACT-R (Anderson and Schooler 1991; Anderson et al. 2004, equation 2), approximated
    from the first and the last use as in Petrov 2006 (k = 1), for the times in between are not kept.
    """
    last, first = (max(age, SHORTEST_H) for age in ages_h)
    recent = last**-decay
    if uses <= 1:
        return math.log(recent)
    if first - last < SHORTEST_H:
        return math.log(uses * recent)
    spread = (first ** (1 - decay) - last ** (1 - decay)) / ((1 - decay) * (first - last))
    return math.log(recent + (uses - 1) * spread)


def worth(record: Record, policy: PrunePolicy, now: datetime) -> float:
    """Weigh a memory against others; the lowest is pruned first."""
    ages = [
        (now - since).total_seconds() / 3600 for since in (record.last_used or record.learned_at, record.learned_at)
    ]
    return activation(ages, record.uses + 1, decay=policy.decay) + policy.importance * record.importance
