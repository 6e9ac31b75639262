"""What sign-ups would do without spend: trend, weekday, season of the year, and days with a rush of their own."""

import datetime as dt
from typing import TYPE_CHECKING

from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_YEAR = 365.25
_SEASON_FROM_DAYS = 400  # with less, a season of the year is nothing but another trend
_WINDOWS = ((-14, -2), (-1, 1), (0, 0), (2, 9))  # before the rush, around it, the day itself, the lull after it


def season(day: "NDArray[np.datetime64]", special_days: str = "") -> "NDArray[np.float64]":
    """Columns that move the logarithm of the baseline.

    Args:
        day: Days without a gap.
        special_days: Days with a rush or a lull, comma-separated: MM-DD for every year, YYYY-MM-DD for a moving feast. Each
            gets a level for the two weeks before, the days around, the day itself and the week after.

    Returns:
        One row per day: level, trend, six weekdays, two waves a year where the period is long enough, special days.

    Raises:
        OpskitError: A special day is no date.

    >>> import numpy as np
    >>> season(np.arange("2024-01-01", "2024-07-01", dtype="datetime64[D]")).shape
    (182, 8)
    """
    import numpy as np

    place = np.arange(len(day), dtype=float)
    number = day.astype("datetime64[D]").astype(np.int64)
    columns = [np.ones(len(day)), place / len(day) - 0.5]
    columns += [((number + 3) % 7 == weekday) - 1 / 7 for weekday in range(6)]
    if len(day) >= _SEASON_FROM_DAYS:
        turn = 2 * np.pi * number / _YEAR
        columns += [wave(times * turn) for times in (1, 2) for wave in (np.sin, np.cos)]
    for text in [part.strip() for part in special_days.split(",") if part.strip()]:
        away = _away(number, _dates(text, day))
        columns += [((away >= low) & (away <= high)).astype(float) for low, high in _WINDOWS]
    table = np.column_stack(columns)
    return table[:, [0, *(place for place in range(1, table.shape[1]) if np.ptp(table[:, place]) > 0)]]


def _dates(text: str, day: "NDArray[np.datetime64]") -> list[int]:
    """The day in every year around the period, as days since 1970-01-01."""
    first, last = (int(str(one)[:4]) for one in (day[0], day[-1]))
    written = [text] if len(text) > 5 else [f"{year}-{text}" for year in range(first - 1, last + 2)]
    try:
        return [(dt.date.fromisoformat(one) - dt.date(1970, 1, 1)).days for one in written if one[5:] != "02-29"]
    except ValueError:
        raise OpskitError(f"special_days has {text!r}, must be MM-DD or YYYY-MM-DD.") from None


def _away(number: "NDArray[np.int64]", dates: list[int]) -> "NDArray[np.int64]":
    """Days since the nearest of the dates, negative before it."""
    import numpy as np

    away = number[:, None] - np.array(dates)
    return away[np.arange(len(number)), np.abs(away).argmin(axis=1)]
