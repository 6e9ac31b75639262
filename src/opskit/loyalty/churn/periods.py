"""When somebody counts as gone, and the days at which the past is split to learn and to test."""

import datetime as dt
from typing import Any, NamedTuple

from opskit import customers, frames
from opskit.errors import TooLittleDataError, check

_INTERVALS = 3  # natural intervals without an order, after which a customer counts as gone
_DAY = dt.timedelta(days=1)


class Periods(NamedTuple):
    """The outcome's length, and the cut-offs."""

    horizon_days: int
    natural_interval_days: float
    late_returns: float  # share of the returns after an order that come later than the horizon
    training: tuple[dt.date, ...]  # cut-offs to learn from, the latest first
    test: dt.date
    today: dt.date
    basis: str  # where the horizon comes from, in words


def periods(orders: Any, *, as_of: dt.date, horizon_days: int = 0, cut_offs: int = 3) -> Periods:
    """Say when a customer counts as gone, and choose the days to learn from and the day to test on.

    Args:
        orders: Any engine's frame with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        horizon_days: A customer without an order for so many days counts as gone; 0: three natural intervals, in whole
            months of 30 days (whole weeks where purchases are frequent), and no longer than a third of the data.
        cut_offs: Most days to learn from, half a horizon apart.

    Returns:
        Periods. The test's cut-off lies a horizon before as_of, the latest to learn from a horizon before that, so that
        every outcome learnt from was known on the day of the test; a horizon of orders lies before each of them.

    Raises:
        TooLittleDataError: The orders do not cover three horizons, or too few customers came back to see a rhythm.
        OpskitError: An option is out of range, as_of is not a date or before the first order, or a column is missing.

    Assumes a business without contracts, where nobody gives notice: gone is a name for a long silence, and some come
    back from it. Where customers sign contracts, those say who has left (monetization/subscriptions).

    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=40, freq="10D")
    >>> orders = pd.DataFrame({"customer_id": [0, 1] * 20, "ordered_at": days})
    >>> found = periods(orders, as_of=dt.date(2025, 1, 31), horizon_days=60, cut_offs=2)
    >>> found.test.isoformat(), [day.isoformat() for day in found.training]
    ('2024-12-02', ['2024-10-03', '2024-09-03'])
    """
    check(horizon_days, "horizon_days", ge=0)
    check(cut_offs, "cut_offs", ge=1)
    _, first = customers.until(orders, as_of=as_of)
    covered = frames.day_number(as_of) - first + 1
    rhythm = customers.rhythm(orders, as_of=as_of)
    interval = float(rhythm.interval["estimate"].iloc[0])
    days, basis = _horizon(int(horizon_days), interval, covered)
    if 3 * days > covered:
        raise TooLittleDataError(
            f"horizon_days == {days} needs {3 * days} days of orders (to learn, to test and to look back), "
            f"there are {covered}. Use horizon_days = {max(covered // 3, 1)} or less, or more data."
        )
    returned = rhythm.curve["returned"]
    by_then = returned[rhythm.curve["days"] <= days]
    late = 1 - by_then.iloc[-1] / returned.iloc[-1] if len(by_then) and returned.iloc[-1] > 0 else float("nan")
    steps = min(cut_offs, 1 + (covered - 3 * days) // max(days // 2, 1))
    training = tuple(as_of - (2 * days + step * (days // 2)) * _DAY for step in range(steps))
    return Periods(days, interval, float(late), training, as_of - days * _DAY, as_of, basis)


def _horizon(given: int, interval: float, covered: int) -> tuple[int, str]:
    if given:
        return given, "as given"
    if not interval > 0:
        raise TooLittleDataError(
            "too few customers came back to see a rhythm, and so no length of silence can be called leaving. "
            "Give horizon_days, or more data."
        )
    unit = 30 if _INTERVALS * interval >= 45 else 7
    days = max(int(_INTERVALS * interval / unit + 0.5), 1) * unit
    if 3 * days <= covered:
        return days, f"{_INTERVALS} natural intervals, in whole {'months of 30 days' if unit == 30 else 'weeks'}"
    if covered // 3 < interval:
        raise TooLittleDataError(
            f"the orders cover {covered} days, and half of the returns take {interval:.0f}: at least "
            f"{3 * int(interval)} days are needed to learn, to test and to look back."
        )
    return covered // 3, f"a third of the {covered} days of orders, less than {_INTERVALS} natural intervals"
