"""One figure that follows from the planted parameters, and how well an estimate could know it."""

from typing import NamedTuple

import numpy as np

REFERENCE_CUSTOMERS = 100_000
REFERENCE_SEED = 20_251_231
SLACK = 1.5  # an interval may be this much wider than the textbook one before it counts as no answer


class Figure(NamedTuple):
    """One figure that the planted parameters imply.

    Attributes:
        value: The figure.
        unit: Its unit.
        where: How it follows.
        estimate: What should find it again.
        standard_error: Error of the figure itself, 0 for a closed form.
        spread: Standard error of an estimate times the root of the number of accounts; None where not worked out.
    """

    value: float
    unit: str
    where: str
    estimate: str
    standard_error: float = 0.0
    spread: float | None = None


def widest(spread: float | None, customers: int) -> float | None:
    """Widest 95% interval that still answers, in a shop with so many accounts."""
    if spread is None or spread != spread:
        return None
    return float(f"{SLACK * 2 * 1.96 * spread / customers**0.5:.4g}")


def share_spread(share: float, reference_rows: int) -> float:
    """Figure.spread of a share that this many rows of the reference shop stand behind."""
    return float(np.sqrt(share * (1 - share) / (reference_rows / REFERENCE_CUSTOMERS)))
