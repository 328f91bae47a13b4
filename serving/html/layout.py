"""Where the nodes of a drawn graph stand: in columns, what a run visited from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[str, str]
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 118, 38, 58, 30, 26


@dataclass(frozen=True, kw_only=True)
class Box:
    """One node. `x` and `y` are its upper left corner."""

    x: int
    y: int
    column: int

    @property
    def middle(self) -> int:
        """The height at which edges come and go."""
        return self.y + HEIGHT // 2


def laid_out(nodes: Sequence[str], edges: Sequence[Edge], path: Sequence[str]) -> dict[str, Box]:
    """Put every node into a column to the right of all that lead to it, loops aside."""
    order = {name: n for n, name in enumerate(dict.fromkeys([*path, *_by_distance(nodes, edges)]))}
    ahead = [(a, b) for a, b in edges if order[a] < order[b]]
    columns: dict[int, list[str]] = {}
    for name, rank in _ranks(list(order), ahead).items():
        columns.setdefault(rank, []).append(name)
    most = max(len(names) for names in columns.values())
    found: dict[str, Box] = {}
    for column, names in columns.items():
        top = MARGIN + (most - len(names)) * (HEIGHT + GAP_Y) // 2
        for row, name in enumerate(names):
            found[name] = Box(x=MARGIN + column * (WIDTH + GAP_X), y=top + row * (HEIGHT + GAP_Y), column=column)
    return found


def _ranks(order: Sequence[str], ahead: Sequence[Edge]) -> dict[str, int]:
    """Give the length of the longest way to each node; the end stands last."""
    ranks: dict[str, int] = {}
    for name in order:
        ranks[name] = max((ranks[before] + 1 for before, after in ahead if after == name), default=0)
    if "__end__" in ranks:
        ranks["__end__"] = max((rank for name, rank in ranks.items() if name != "__end__"), default=-1) + 1
    return ranks


def _by_distance(nodes: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    found = [name for name in nodes if not any(after == name for _, after in edges)] or list(nodes[:1])
    for here in found:
        found += [after for before, after in edges if before == here and after not in found]
    return list(dict.fromkeys([*found, *nodes]))


def along(path: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """Put in the nodes that were passed without leaving a trace: the shortest way from each node to the next."""
    whole = list(path[:1])
    for here, there in pairwise(path):
        whole += _way(here, there, edges)[1:]
    return whole


def _way(here: str, there: str, edges: Sequence[Edge]) -> list[str]:
    ways, seen = [[here]], {here}
    while ways:
        way = ways.pop(0)
        for before, after in edges:
            if before == way[-1] and after == there:
                return [*way, there]
            if before == way[-1] and after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return [here, there]
