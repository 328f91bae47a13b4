"""Learn to put first what answers: a linear score whose softmax over a question's candidates is near the answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]
    Table = NDArray[np.float64]

STEPS = 15
ENOUGH = 1e-6
"""A step that gains less of the loss, in nats a question, is the last."""
SHORTEST = 1e-3


def fitted(tables: "Sequence[Table]", wanted: "Sequence[Row]", *, fixed: int, shrink: float) -> "Row":
    """Fit corrections to a score: one for each column, with which all columns are added to the fixed one.

    The loss is the cross-entropy of a softmax over each question's candidates (Cao et al. 2007, ListNet, with the
    answers as the wanted distribution), plus `shrink` times the corrections' squares. It is convex, and is descended
    by Newton's method: the same questions give the same corrections.

    Args:
        tables: for each question, shape (candidates, columns), columns of mean 0 and deviation 1 over all.
        wanted: for each question, 1 for what answers it and 0 for the rest; at least one answers.
        fixed: the column that counts as it stands, and is corrected as the rest is.
        shrink: as many questions' loss.
    """
    import numpy as np

    shares = [answers / answers.sum() for answers in wanted]
    weights = np.zeros(tables[0].shape[1])
    loss = _loss(tables, shares, weights, fixed, shrink)
    for _ in range(STEPS):
        step = _step(tables, shares, weights, fixed, shrink)
        length = 1.0
        while (lower := _loss(tables, shares, weights - length * step, fixed, shrink)) > loss and length > SHORTEST:
            length /= 2
        if lower > loss - ENOUGH * len(tables):
            break
        weights, loss = weights - length * step, lower
    return weights


def _scores(table: "Table", weights: "Row", fixed: int) -> "Row":
    return table[:, fixed] + table @ weights


def _loss(tables: "Sequence[Table]", shares: "Sequence[Row]", weights: "Row", fixed: int, shrink: float) -> float:
    import numpy as np

    total = shrink * float(weights @ weights)
    for table, share in zip(tables, shares, strict=True):
        scores = _scores(table, weights, fixed)
        most = scores.max()
        total += float(np.log(np.exp(scores - most).sum()) + most - share @ scores)
    return total


def _step(tables: "Sequence[Table]", shares: "Sequence[Row]", weights: "Row", fixed: int, shrink: float) -> "Row":
    """Give the step of Newton's method: the gradient, divided by the curvature."""
    import numpy as np

    gradient = 2 * shrink * weights
    curvature = 2 * shrink * np.eye(len(weights))
    for table, share in zip(tables, shares, strict=True):
        scores = _scores(table, weights, fixed)
        odds = np.exp(scores - scores.max())
        odds /= odds.sum()
        mean = odds @ table
        gradient = gradient + (odds - share) @ table
        curvature += (table.T * odds) @ table - np.outer(mean, mean)
    return np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)
