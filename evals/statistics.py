"""What a handful of passes and failures says about the target."""

from math import sqrt


def wilson(passed: float, trials: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Bound the true pass rate from `passed` of `trials`, at 95 % unless `z` says otherwise.

    Args:
        passed: may be a sum of means over repeats; repeats of one case are no independent trials.

    Source: Wilson 1927; it stays inside [0, 1] and holds for few trials, where the normal interval does not.
    """
    if trials == 0:
        return 0.0, 1.0
    rate, square = passed / trials, z * z
    middle = (rate + square / (2 * trials)) / (1 + square / trials)
    half = z / (1 + square / trials) * sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials))
    # At the ends the bound is exact; rounding would put it a hair's breadth inside or outside.
    return (0.0 if passed <= 0 else max(0.0, middle - half)), (1.0 if passed >= trials else min(1.0, middle + half))
