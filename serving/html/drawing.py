"""A graph drawn as SVG: what was visited in full colour, loops led round the boxes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from interlock.serving.html.layout import HEIGHT, MARGIN, WIDTH, Box, Edge, along, laid_out

_APART = 16
"""Between the boxes and what is led round them, and between two such lines."""
_BEND = 9


def drawn(
    nodes: Sequence[str],
    edges: Sequence[Edge],
    path: Sequence[str],
    counts: Counter[str],
    beside: Mapping[str, int] | None = None,
) -> str:
    """Draw a graph and the path taken through it.

    Args:
        path: the nodes in the order in which they were visited.
        counts: how many calls each node made.
        beside: how many calls of a node ran side by side, at most.
    """
    path = along(path, edges)
    taken = Counter(pairwise(path))
    edges = list(dict.fromkeys([*edges, *taken]))
    boxes = laid_out(list(dict.fromkeys([*nodes, *path])), edges, path)
    canvas = _Canvas(boxes=boxes)
    lines = [canvas.edge(edge, taken[edge]) for edge in sorted(edges, key=lambda edge: taken[edge])]
    shown = [_box(name, box, name in path, counts[name], (beside or {}).get(name, 1)) for name, box in boxes.items()]
    right = max(box.x for box in boxes.values()) + WIDTH + MARGIN
    top, bottom = canvas.top - MARGIN, canvas.bottom + MARGIN
    return (
        f'<svg class="graph" viewBox="0 {top} {right} {bottom - top}" width="{right}" role="img" '
        f'aria-label="graph and path taken">{_ARROWS}{"".join(lines)}{"".join(shown)}</svg>'
    )


_ARROWS = "<defs>" + "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6.5" markerHeight="6.5" orient="auto">'
    f'<path d="M0 0.6L8 4L0 7.4z" class="{name}-head"/></marker>'
    for name in ("idle", "taken")
) + "</defs>"  # fmt: skip


@dataclass
class _Canvas:
    """The boxes, and how far what is led round them reaches."""

    boxes: dict[str, Box]
    top: int = field(init=False)
    bottom: int = field(init=False)
    over: int = 0
    under: int = 0

    def __post_init__(self) -> None:
        self.top = min(box.y for box in self.boxes.values())
        self.bottom = max(box.y for box in self.boxes.values()) + HEIGHT

    def edge(self, edge: Edge, times: int) -> str:
        """Draw one edge, and how often it was taken."""
        a, b = self.boxes[edge[0]], self.boxes[edge[1]]
        kind = "taken" if times else "idle"
        lead = self._forward if b.column > a.column else self._back if b.column < a.column or a == b else _beside
        way, label = lead(a, b)
        count = f'<text x="{label[0]}" y="{label[1]}" class="count">{times}×</text>' if times > 1 else ""
        return f'<path d="{way}" class="{kind}" marker-end="url(#{kind})"/>{count}'

    def _forward(self, a: Box, b: Box) -> tuple[str, tuple[int, int]]:
        sx, sy, ex, ey = a.x + WIDTH, a.middle, b.x - 2, b.middle
        between = [box for box in self.boxes.values() if a.column < box.column < b.column]
        if not between:
            half = (sx + ex) // 2
            return f"M{sx} {sy}C{half} {sy} {half} {ey} {ex} {ey}", (half, (sy + ey) // 2 - 6)
        lane = self._lane(between, (sy + ey) // 2)
        first, last = min(box.x for box in between) - 12, max(box.x for box in between) + WIDTH + 12
        curve = (
            f"M{sx} {sy}C{(sx + first) // 2} {sy} {(sx + first) // 2} {lane} {first} {lane}H{last}"
            f"C{(last + ex) // 2} {lane} {(last + ex) // 2} {ey} {ex} {ey}"
        )
        return curve, ((first + last) // 2, lane - 5)

    def _lane(self, between: Sequence[Box], wished: int) -> int:
        """Find a height at which a line passes no box, near the wished one; above all of them, if nowhere else."""
        edges = [y for box in between for y in (box.y - _APART + 2, box.y + HEIGHT + _APART - 2)]
        free = [
            y for y in (wished, *edges) if all(not box.y - 8 < y < box.y + HEIGHT + 8 for box in between)
        ]  # fmt: skip
        lane = min(free, key=lambda y: abs(y - wished))
        self.top, self.bottom = min(self.top, lane), max(self.bottom, lane)
        return lane

    def _back(self, a: Box, b: Box) -> tuple[str, tuple[int, int]]:
        """Lead a loop over or under everything between its ends, whichever its beginning is nearer to."""
        column = [box.y for box in self.boxes.values() if box.column == a.column]
        spanned = [box for box in self.boxes.values() if b.column <= box.column <= a.column]
        above = a.y == min(column) and len(column) > 1
        sx, ex = a.x + WIDTH // 2 + 12, b.x + WIDTH // 2 - (0 if a != b else 24)
        if above:
            y = min(box.y for box in spanned) - _APART * (1 + self.over)
            self.over, self.top = self.over + 1, min(self.top, y)
            starts, ends, bend = a.y, b.y - 3, -_BEND
        else:
            y = max(box.y for box in spanned) + HEIGHT + _APART * (1 + self.under)
            self.under, self.bottom = self.under + 1, max(self.bottom, y)
            starts, ends, bend = a.y + HEIGHT, b.y + HEIGHT + 3, _BEND
        way = f"M{sx} {starts}V{y - bend}Q{sx} {y} {sx - _BEND} {y}H{ex + _BEND}Q{ex} {y} {ex} {y - bend}V{ends}"
        return way, ((sx + ex) // 2, y - 5)


def _beside(a: Box, b: Box) -> tuple[str, tuple[int, int]]:
    """Lead an edge to another row of the same column round its right side."""
    x, out = a.x + WIDTH, 26
    way = f"M{x} {a.middle + 6}C{x + out} {a.middle + 6} {x + out} {b.middle + 6} {x + 3} {b.middle + 6}"
    return way, (x + out, (a.middle + b.middle) // 2)


def _box(name: str, box: Box, visited: bool, calls: int, beside: int) -> str:
    shown = {"__start__": "start", "__end__": "end"}.get(name, name)
    kind = "visited" if visited else "passed-by"
    behind = "".join(
        f'<rect x="{box.x + n}" y="{box.y - n}" width="{WIDTH}" height="{HEIGHT}" rx="8" class="{kind}"/>'
        for n in ((8, 4) if beside > 1 else ())
    )
    note = f'<text x="{box.x + WIDTH - 9}" y="{box.middle + 4}" class="calls">{calls}×</text>' if calls > 1 else ""
    return (
        f'{behind}<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="8" class="{kind}"/>'
        f'<text x="{box.x + 12}" y="{box.middle + 4}" class="{kind}">{escape(_short(shown, calls))}</text>{note}'
    )


def _short(name: str, calls: int) -> str:
    most = 11 if calls > 1 else 13
    return name if len(name) <= most else name[: most - 1] + "…"
