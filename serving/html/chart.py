"""The figures as a picture: how long agents, models and tools take, on one logarithmic scale."""

from collections.abc import Callable
from html import escape
from math import log10

from interlock.serving.figures import Figures, Series

WIDTH, ROW, LEFT, RIGHT, TOP = 860, 26, 230, 40, 56
_COLOURS = {"agents": "#3b6fb6", "models": "#7a5bb0", "tools": "#2e8b6f"}


def chart(found: Figures) -> str:
    """Draw a bar from the median to the 99th percentile for each agent, model and tool, as SVG."""
    rows: list[tuple[str, str, Series]] = [
        (group, name, series) for group in _COLOURS for name, series in sorted(getattr(found, group).items())
    ]
    values = [max(series.quantile(share), 0.01) for _, _, series in rows for share in (0.5, 0.99)] or [1.0]
    low, high = log10(min(values)) - 0.1, log10(max(values)) + 0.1
    height = TOP + ROW * len(rows) + 40

    def x(ms: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(max(ms, 0.01)) - low) / max(high - low, 0.1)

    ticks = [10**n for n in range(int(low) - 1, int(high) + 2) if low <= n <= high]
    grid = "".join(
        f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP - 8}" y2="{height - 34}" stroke="#d9dee6"/>'
        f'<text x="{x(t):.1f}" y="{height - 16}" text-anchor="middle" fill="#5d6878">{t:,g} ms</text>'
        for t in ticks
    )
    bars = "".join(_bar(n, row, x) for n, row in enumerate(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="system-ui,sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="16" y="28" font-size="15" font-weight="600" fill="#1d2430">Latency: median to 99th percentile, '
        f"● 95th</text>{grid}{bars}</svg>\n"
    )


def _bar(number: int, row: tuple[str, str, Series], x: Callable[[float], float]) -> str:
    group, name, series = row
    y, colour = TOP + number * ROW, _COLOURS[group]
    left, middle, right = (x(series.quantile(share)) for share in (0.5, 0.95, 0.99))
    return (
        f'<text x="16" y="{y + 13}" fill="#1d2430">{escape(name[:34])}</text>'
        f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end" fill="#5d6878">{series.count:,}</text>'
        f'<rect x="{left:.1f}" y="{y + 3}" width="{max(right - left, 2):.1f}" height="12" rx="3" fill="{colour}"/>'
        f'<circle cx="{middle:.1f}" cy="{y + 9}" r="4" fill="#fff" stroke="{colour}" stroke-width="2"/>'
    )
