"""How often the tools that a request needs are among the first ones selected, of some 1,850 tools (BFCL).

How to get the data: _bfcl.py. The pool holds every function of its single-turn categories, one for each name; the
requests are those with a known answer. R@k is the share of the functions of an answer that are among the first k,
averaged over requests. The weights of the selection were fitted on one half of the requests, told by a hash of their
ids (docs/decisions/0008-selection.md); the figure that counts is that of the other half, which was held out.

Several of the benchmark's functions share a name, and differ in what they do or take; the pool holds the first of each.
A request that came with another one is looked up all the same. Those that came with what the pool holds are told apart.
"""

import random
import sys
import time
from hashlib import sha256
from statistics import mean, median

import _bfcl
from _report import arguments, finish, table
from interlock.runtime.contract import ToolContract
from interlock.runtime.models.embeddings import minilm
from interlock.tools.selection import Selector

CUTS = (1, 5, 10, 20)
SAME = "all, as they came"


def main() -> int:
    options = arguments(__doc__, requests=0, seed=1)
    data = _bfcl.found()
    if data is None:
        print(f"retrieval: {_bfcl.MISSING}")
        return 0
    pool = _bfcl.pool(data)
    asked = list(_bfcl.requests(data))
    if options.requests:
        asked = random.Random(options.seed).sample(asked, min(options.requests, len(asked)))  # noqa: S311
    groups = grouped(asked, pool)
    selector = Selector(pool, minilm())
    selector.ranked("hello")
    shares, ms = measured(selector, asked)
    recalls = {name: recall(shares, group) for name, group in groups.items()}
    rows = [(name, *(f"{100 * found[cut]:.2f} %" for cut in CUTS)) for name, found in recalls.items()]
    title = f"{len(asked):,} requests, {len(pool):,} tools: those needed among the first"
    note = f"a selection took {median(ms):.1f} ms of CPU (median); the pool holds what {sum(groups[SAME]):,} came with"
    table(title, ("", *(f"R@{cut}" for cut in CUTS)), rows, note=note)
    figures = {
        name.replace(",", "").replace(" ", "_").replace("-", "_"): {
            f"recall_at_{cut}": round(100 * found[cut], 2) for cut in CUTS
        }
        for name, found in recalls.items()
    }
    finish(
        {"requests": len(asked), "tools": len(pool), **figures, "cpu_ms": round(median(ms), 2)}, as_json=options.json
    )
    return 0


def half_of(asked: _bfcl.Asked) -> int:
    """Tell on which side a request stands: the weights were fitted on side 0."""
    return sha256(asked.id.encode()).digest()[-1] % 2


def grouped(asked: list[_bfcl.Asked], pool: list[ToolContract]) -> dict[str, list[bool]]:
    """Tell by group which requests belong to it."""
    held_out, same = [half_of(each) == 1 for each in asked], as_they_came(asked, pool)
    return {
        "fitted half": [not held for held in held_out],
        "held-out half": held_out,
        "all": [True] * len(asked),
        "held-out half, as they came": [held and its for held, its in zip(held_out, same, strict=True)],
        SAME: same,
    }


def as_they_came(asked: list[_bfcl.Asked], pool: list[ToolContract]) -> list[bool]:
    """Tell of each request whether the pool holds the functions of its answer as they came with it."""
    held = {each.name: each for each in pool}
    return [all(_bfcl.contract(each.functions[name]) == held[name] for name, _given in each.answers) for each in asked]


def measured(selector: Selector, asked: list[_bfcl.Asked]) -> tuple[list[dict[int, float]], list[float]]:
    """Rank all tools for each request: the share found at each cut, and the milliseconds of CPU that it took."""
    shares: list[dict[int, float]] = []
    ms: list[float] = []
    for each in asked:
        wanted = {name for name, _given in each.answers}
        began = time.process_time()
        ranked = [tool.name for tool in selector.ranked(each.text)[: max(CUTS)]]
        ms.append((time.process_time() - began) * 1000)
        shares.append({cut: len(wanted & set(ranked[:cut])) / len(wanted) for cut in CUTS})
    return shares, ms


def recall(shares: list[dict[int, float]], group: list[bool]) -> dict[int, float]:
    """Average the shares over a group of requests."""
    counted = [share for share, belongs in zip(shares, group, strict=True) if belongs]
    return {cut: mean(share[cut] for share in counted) for cut in CUTS}


if __name__ == "__main__":
    sys.exit(main())
