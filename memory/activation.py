"""How much a memory would be missed: by how often and how lately it was of use, its importance, and what it tells."""

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from interlock.memory.information import information
from interlock.memory.policies import PrunePolicy
from interlock.memory.records import Record
from interlock.runtime.memories import Kind

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


def worths(records: Sequence[Record], policy: PrunePolicy, now: datetime) -> list[float]:
    """Weigh memories against each other, in log odds of being needed; the lowest is pruned first.

    What they tell counts against what is usual for their kind: a fact is shorter than an episode, and not worth less.
    """
    told = [math.log1p(nats) for nats in information([one.text for one in records])]
    by_kind: dict[Kind, list[float]] = {}
    for one, tells in zip(records, told, strict=True):
        by_kind.setdefault(one.kind, []).append(tells)
    usual = {kind: median(values) for kind, values in by_kind.items()}
    return [
        _needed(one, policy, now) + policy.importance * one.importance + policy.telling * (tells - usual[one.kind])
        for one, tells in zip(records, told, strict=True)
    ]


def _needed(record: Record, policy: PrunePolicy, now: datetime) -> float:
    ages = [
        (now - since).total_seconds() / 3600 for since in (record.last_used or record.learned_at, record.learned_at)
    ]
    return activation(ages, record.uses + 1, decay=policy.decay)
