"""The shop's clock: busy and quiet days, and the hours of a day, mapping even time to calendar time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEW_YEAR = (
    *(date(2016, 2, 8), date(2017, 1, 28), date(2018, 2, 16), date(2019, 2, 5), date(2020, 1, 25)),
    *(date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29)),
)
WEEKDAY = np.array([0.97, 0.94, 0.94, 0.96, 1.00, 1.11, 1.08])  # Monday first
HOUR = np.array([8, 4, 2, 1, 1, 2, 5, 12, 22, 34, 40, 38, 36, 36, 34, 34, 34, 36, 38, 46, 62, 72, 56, 26], dtype=float)


def intensity(first_day: date, days: int, truth: Mapping[str, float]) -> Floats:
    """How busy each day is, 1 on average over the period."""
    calendar = [first_day + timedelta(days=i) for i in range(days)]
    busy = WEEKDAY[[day.weekday() for day in calendar]]
    for month, day_of_month, name in ((11, 11, "season.double_eleven"), (6, 18, "season.mid_year")):
        for year in range(first_day.year - 1, calendar[-1].year + 2):
            away = np.array([(day - date(year, month, day_of_month)).days for day in calendar], dtype=float)
            # A pre-sale builds up for two weeks, the day itself stands out, and the week after pays for it.
            build_up = 0.25 * np.exp(away / 6.0) * (away < 0) * (away > -21)
            lift = np.where(away == 0, 1.0, np.where(np.abs(away) == 1, 0.3, build_up))
            busy = busy * (1 + (truth[name] - 1) * lift) * np.where((away > 1) & (away <= 9), 0.85, 1.0)
    for festival in NEW_YEAR:
        away = np.array([(day - festival).days for day in calendar])
        busy = np.where((away >= -2) & (away <= 6), busy * truth["season.new_year"], busy)
    return busy / busy.mean()


@dataclass(frozen=True)
class Clock:
    """Maps even time (every day alike) to calendar time (days since the first day), and back."""

    elapsed_at_midnight: Floats

    @classmethod
    def of(cls, busy: Floats) -> "Clock":
        """The clock that runs as fast as the days are busy."""
        return cls(np.concatenate([[0.0], np.cumsum(busy)]))

    @property
    def end(self) -> float:
        """Even time at the end of the last day."""
        return float(self.elapsed_at_midnight[-1])

    def calendar(self, even: Any) -> Floats:
        """Calendar days of even times (within the period)."""
        return within_day(np.interp(even, self.elapsed_at_midnight, np.arange(len(self.elapsed_at_midnight))))

    def even(self, calendar: Any) -> Floats:
        """Even times of calendar days."""
        days = np.arange(len(self.elapsed_at_midnight))
        return np.interp(evenly(np.asarray(calendar)), days, self.elapsed_at_midnight)


_HOURS_ELAPSED = np.concatenate([[0.0], np.cumsum(HOUR / HOUR.sum())])
_HOURS = np.linspace(0, 1, 25)


def within_day(flat: Floats) -> Floats:
    """Moves times spread evenly over a day to the hours when people shop."""
    day = np.floor(flat)
    return day + np.interp(flat - day, _HOURS_ELAPSED, _HOURS)


def evenly(calendar: Floats) -> Floats:
    """Undoes within_day."""
    day = np.floor(calendar)
    return day + np.interp(calendar - day, _HOURS, _HOURS_ELAPSED)


def later(calendar: Floats, days: Floats) -> Floats:
    """So many days later (earlier if negative), at an hour when people are awake; never the wrong way round."""
    return within_day(evenly(calendar) + days)
