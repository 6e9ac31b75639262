"""Where the moves would lead if they stayed as they are, what each stage buys, and what a move would be worth."""

from typing import TYPE_CHECKING, Any

from opskit.errors import check
from opskit.loyalty.stages.chain import Counts, chances, counts, jackknife, pooled, share_interval
from opskit.loyalty.stages.rules import STAGES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from opskit.loyalty.stages.panel import Panel

    Array = np.ndarray[Any, Any]

_K = len(STAGES)
_YEAR = 12


def steady_state(panel: "Panel", *, last: int = 12, confidence: float = 0.95) -> "pd.DataFrame":
    """The shares to which the stages would tend if everybody kept moving as in the last months.

    Args:
        panel: What `panel` gives.
        last: Take the moves of the last so many months together.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        stage, n (customers today), share (today), steady, low, high. Missing where the moves lead to no single such
        state, or somebody stands at a stage that nobody has left or stayed at yet.

    Raises:
        OpskitError: An option is out of range.

    Assumes far more than a forecast should: nobody comes or goes; everybody at a stage moves alike, whatever came
    before (in truth whoever just fell back is unlike somebody who never was further); and nothing changes. Read it as
    the direction in which today's moves pull, not as what will be.

    Source: stationary distribution of a Markov chain; customers left out in groups for the interval.
    """
    import numpy as np
    import pandas as pd

    check(last, "last", ge=1)
    present = counts(panel).present[-1]
    found = jackknife(panel, lambda grids: _stationary(chances(grids, last)), confidence)
    low, high = share_interval(found, np.full(_K, present.sum()), confidence)
    known = found["estimate"].notna()
    return pd.DataFrame(
        {
            "stage": STAGES,
            "n": int(present.sum()),
            "share": present / present.sum(),
            "steady": found["estimate"],
            "low": np.where(known, low, np.nan),
            "high": np.where(known, high, np.nan),
        }
    )


def _stationary(moves: "Array") -> "Array":
    """Shares that the moves leave as they are; nan where there is not exactly one such state."""
    import numpy as np

    seen = np.isfinite(moves[:, 0]) | (np.nansum(moves, axis=0) > 0)
    inside = moves[np.ix_(seen, seen)]
    size = len(inside)
    if not np.isfinite(inside).all():
        return np.full(_K, np.nan)
    balance = np.vstack([inside.T - np.eye(size), np.ones(size)])
    if np.linalg.matrix_rank(balance[:-1], tol=1e-9) != size - 1:
        return np.full(_K, np.nan)
    shares = np.zeros(_K)
    shares[seen] = np.linalg.lstsq(balance, np.append(np.zeros(size), 1.0), rcond=None)[0]
    return np.clip(shares, 0, 1)


def values(panel: "Panel", *, last: int = 12, confidence: float = 0.95) -> "pd.DataFrame":
    """What customers at each stage spend in the next month, and in the next twelve if they move as others did.

    Args:
        panel: What `panel` gives.
        last: Take the last so many months together.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        stage, n (customer-months at the stage), next_month (revenue per customer) with next_month_low and
        next_month_high, next_year with next_year_low and next_year_high. Missing where nobody stood there.

    Raises:
        OpskitError: An option is out of range.

    Assumes for next_year what `steady_state` does. **Revenue goes along with the stage; it need not come from it**:
    whoever buys often by nature stands higher and spends more.
    """
    import numpy as np
    import pandas as pd

    check(last, "last", ge=1)
    n = pooled(counts(panel), last).sum(axis=1)
    found = jackknife(panel, lambda grids: np.concatenate(_value(grids, last)), confidence)
    table = pd.DataFrame({"stage": STAGES, "n": n.round().astype(int)})
    for place, name in enumerate(("next_month", "next_year")):
        part = found.iloc[place * _K : (place + 1) * _K].reset_index(drop=True)
        table = table.assign(**{name: part["estimate"], f"{name}_low": part["low"], f"{name}_high": part["high"]})
    return table


def _value(grids: Counts, last: int) -> "tuple[Array, Array]":
    """Revenue per customer by stage: of the next month, and of the next twelve."""
    import numpy as np

    stood = pooled(grids, last).sum(axis=1)
    month = grids.earned[1:][-last:].sum(axis=0) / np.where(stood > 0, stood, np.nan)
    moves, ahead = np.nan_to_num(chances(grids, last)), np.nan_to_num(month)
    year, now = np.zeros(_K), np.eye(_K)
    for _ in range(_YEAR):
        year += now @ ahead
        now = now @ moves
    return month, np.where(stood > 0, year, np.nan)


def worth(panel: "Panel", *, share: float = 0.01, last: int = 12, confidence: float = 0.95) -> "pd.DataFrame":
    """What it would be worth to move a share of the customers at each stage to the next one.

    Args:
        panel: What `panel` gives.
        share: Share of those who stand at the lower stage today.
        last: Take the last so many months together.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per step: before, stage, customers (moved), next_month (more revenue in the next month) with
        next_month_low and next_month_high, next_year with next_year_low and next_year_high, n (customers at the lower
        stage today); nobody there to be moved is a missing figure, not 0.

    Raises:
        OpskitError: An option is out of range.

    Assumes that whoever is moved would spend, and move on, like those who stand there by themselves. **An association,
    not an effect**: they are likely to be keener by nature, so the figure says what to test, not what a campaign earns.
    """
    import numpy as np
    import pandas as pd

    check(share, "share", gt=0, le=1)
    check(last, "last", ge=1)

    def gains(grids: Counts) -> "Array":
        there = grids.present[-1][:-1]
        moved = np.where(there > 0, share * there, np.nan)
        return np.concatenate([moved * np.diff(value) for value in _value(grids, last)])

    found, there = jackknife(panel, gains, confidence), counts(panel).present[-1][:-1]
    table = pd.DataFrame({"before": STAGES[:-1], "stage": STAGES[1:], "customers": share * there})
    for place, name in enumerate(("next_month", "next_year")):
        part = found.iloc[place * (_K - 1) : (place + 1) * (_K - 1)].reset_index(drop=True)
        table = table.assign(**{name: part["estimate"], f"{name}_low": part["low"], f"{name}_high": part["high"]})
    return table.assign(n=there.round().astype(int))
