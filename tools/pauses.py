"""How long to wait before a further attempt: twice as long each time, less some chance."""

_FIRST_S = 0.1
_LONGEST_S = 10.0


def longest_pause_s(attempt: int) -> float:
    """Seconds to wait at most after so many further attempts; at least half of it is waited."""
    return min(_LONGEST_S, _FIRST_S * 2.0**attempt)
