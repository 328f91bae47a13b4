"""A graph drawn as SVG: nodes in columns by their distance from the start, what was visited in full colour."""

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import pairwise

Edge = tuple[str, str]
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 116, 36, 64, 26, 24


def drawn(nodes: Sequence[str], edges: Sequence[Edge], path: Sequence[str], counts: Counter[str]) -> str:
    """Draw a graph and the path taken through it.

    Args:
        path: the nodes in the order in which they were visited.
        counts: how many calls each node made.
    """
    path = _along(path, edges)
    taken = Counter(pairwise(path))
    edges = list(dict.fromkeys([*edges, *taken]))
    nodes = list(dict.fromkeys([*nodes, *path]))
    at = _places(nodes, edges)
    right = max(x for x, _ in at.values()) + WIDTH + MARGIN
    bottom = max(y for _, y in at.values()) + HEIGHT + MARGIN + 34
    lines = [_edge(at, edge, taken[edge]) for edge in sorted(edges, key=lambda edge: taken[edge])]
    boxes = [_box(name, *at[name], name in path, counts[name]) for name in nodes]
    return (
        f'<svg class="graph" viewBox="0 0 {right} {bottom}" width="{right}" role="img" '
        f'aria-label="graph and path taken">{_ARROWS}{"".join(lines)}{"".join(boxes)}</svg>'
    )


def _along(path: Sequence[str], edges: Sequence[Edge]) -> list[str]:
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


_ARROWS = "<defs>" + "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M0 0L8 4L0 8z" class="{name}-head"/></marker>'
    for name in ("idle", "taken")
) + "</defs>"  # fmt: skip


def _places(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, tuple[int, int]]:
    columns: dict[int, list[str]] = {}
    for name, rank in _ranks(nodes, edges).items():
        columns.setdefault(rank, []).append(name)
    most = max(len(names) for names in columns.values())
    at: dict[str, tuple[int, int]] = {}
    for rank, names in columns.items():
        top = MARGIN + (most - len(names)) * (HEIGHT + GAP_Y) // 2
        for row, name in enumerate(names):
            at[name] = (MARGIN + rank * (WIDTH + GAP_X), top + row * (HEIGHT + GAP_Y))
    return at


def _ranks(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Put every node one column after the first node that leads to it; the end stands last."""
    ranks = {name: 0 for name in nodes if not any(after == name for _, after in edges)} or {nodes[0]: 0}
    todo = list(ranks)
    while todo:
        here = todo.pop(0)
        for before, after in edges:
            if before == here and after not in ranks:
                ranks[after] = ranks[here] + 1
                todo.append(after)
    for name in nodes:
        ranks.setdefault(name, 0)
    if "__end__" in ranks:
        ranks["__end__"] = max(rank for name, rank in ranks.items() if name != "__end__") + 1
    return ranks


def _edge(at: dict[str, tuple[int, int]], edge: Edge, times: int) -> str:
    (x1, y1), (x2, y2) = at[edge[0]], at[edge[1]]
    kind = "taken" if times else "idle"
    if x2 > x1:
        sx, sy, ex, ey = x1 + WIDTH, y1 + HEIGHT // 2, x2 - 3, y2 + HEIGHT // 2
        curve = f"M{sx} {sy}C{(sx + ex) // 2} {sy} {(sx + ex) // 2} {ey} {ex} {ey}"
        label = (sx + ex) // 2, (sy + ey) // 2 - 5
    elif x2 == x1:
        sx, sy, ex, ey = x1 + WIDTH, y1 + HEIGHT // 2, x2 + WIDTH + 3, y2 + HEIGHT // 2
        curve = f"M{sx} {sy}C{sx + 34} {sy} {sx + 34} {ey} {ex} {ey}"
        label = sx + 38, (sy + ey) // 2
    else:
        sx, sy, ex, ey = x1 + WIDTH // 2, y1 + HEIGHT, x2 + WIDTH // 2, y2 + HEIGHT + 3
        low = max(y1, y2) + HEIGHT + 34 + (x1 - x2) // 14
        curve = f"M{sx} {sy}C{sx} {low} {ex} {low} {ex} {ey}"
        label = (sx + ex) // 2, low - 10
    count = f'<text x="{label[0]}" y="{label[1]}" class="count">{times}×</text>' if times > 1 else ""
    return f'<path d="{curve}" class="{kind}" marker-end="url(#{kind})"/>{count}'


def _box(name: str, x: int, y: int, visited: bool, calls: int) -> str:
    shown = {"__start__": "start", "__end__": "end"}.get(name, name)
    kind = "visited" if visited else "passed-by"
    note = f'<text x="{x + WIDTH - 8}" y="{y + 23}" class="calls">{calls}</text>' if calls > 1 else ""
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7" class="{kind}"/>'
        f'<text x="{x + 12}" y="{y + 23}" class="{kind}">{escape(shown)}</text>{note}'
    )
