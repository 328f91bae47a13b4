"""How often the tools that a request needs are among the first ones selected, of some 1,850 tools (BFCL).

How to get the data: _bfcl.py. The pool holds every function of its single-turn categories, one for each name; the
requests are those with a known answer. R@k is the share of the functions of an answer that are among the first k,
averaged over requests. The weights of the selection were set on this data (docs/decisions/0008-selection.md).
"""

import random
import sys
import time
from statistics import mean, median

import _bfcl
from _report import arguments, finish, table
from interlock.runtime.models.embeddings import minilm
from interlock.tools.selection import Selector

CUTS = (1, 5, 10, 20)


def main() -> int:
    options = arguments(__doc__, requests=0, seed=1)
    data = _bfcl.found()
    if data is None:
        print(f"retrieval: {_bfcl.MISSING}")
        return 0
    pool = _bfcl.pool(data)
    asked = [(each.text, {name for name, _given in each.answers}) for each in _bfcl.requests(data)]
    if options.requests:
        asked = random.Random(options.seed).sample(asked, min(options.requests, len(asked)))  # noqa: S311
    selector = Selector(pool, minilm())
    selector.ranked("hello")
    recalls, ms = measured(selector, asked)
    rows = [(f"R@{cut}", f"{100 * recall:.1f} %") for cut, recall in recalls.items()]
    title = f"{len(asked):,} requests, {len(pool):,} tools"
    table(title, ("tools that are needed", "found"), [*rows, ("median time", f"{ms:.1f} ms")])
    figures = {f"recall_at_{cut}": round(100 * recall, 2) for cut, recall in recalls.items()}
    finish({"requests": len(asked), "tools": len(pool), **figures, "ms": round(ms, 2)}, as_json=options.json)
    return 0


def measured(selector: Selector, asked: list[tuple[str, set[str]]]) -> tuple[dict[int, float], float]:
    """Rank all tools for each request; gives the recall at each cut, and the median of milliseconds."""
    shares: dict[int, list[float]] = {cut: [] for cut in CUTS}
    ms: list[float] = []
    for text, wanted in asked:
        began = time.perf_counter()
        ranked = [each.name for each in selector.ranked(text)[: max(CUTS)]]
        ms.append((time.perf_counter() - began) * 1000)
        for cut in CUTS:
            shares[cut].append(len(wanted & set(ranked[:cut])) / len(wanted))
    return {cut: mean(of) for cut, of in shares.items()}, median(ms)


if __name__ == "__main__":
    sys.exit(main())
