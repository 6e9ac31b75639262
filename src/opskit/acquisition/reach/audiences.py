"""Who was touched through which channels: one bit a channel for each customer, counted by the pattern of bits."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

SOURCES = {"channel": ("touchpoints", "touched_at"), "medium": ("contacts", "sent_at")}
UNKNOWN = "(unknown)"
MOST_CHANNELS = 16  # 65,536 patterns at most come out of the engine, and as many sets of channels can all be tried


@dataclass(frozen=True)
class Audiences:
    """How many customers each set of channels touched, and no other.

    Attributes:
        channels: channel, touches; in order of their bits, the largest audience first, the merged rest last.
        sets: mask (sum of 2 to the place of each channel), customers; 0 stands for people whom no channel touched.
        merged: Names of the channels too small to stand alone, counted together in the last row of channels.
        by: ``channel`` of touchpoints or ``medium`` of contacts.
        since: First day counted, None: from the beginning.
        as_of: Last day counted.
        population: Everybody who could have been touched, None where nobody said.
    """

    channels: "pd.DataFrame"
    sets: "pd.DataFrame"
    merged: tuple[str, ...]
    by: str
    since: dt.date | None
    as_of: dt.date
    population: int | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know of how audiences were counted."""
        told: list[str] = []
        if self.merged:
            told.append(f"Counted together, being the smallest: {', '.join(self.merged)}.")
        if self.population is None:
            told.append("Who could be reached is not known (table customers), so nothing is compared with chance.")
        return tuple(told)

    @property
    def names(self) -> list[str]:
        """Names of the channels in order of their bits."""
        return self.channels["channel"].tolist()

    @property
    def touched(self) -> "np.ndarray[Any, Any]":
        """Whether a set (row) holds a channel (column), as 1 or 0."""
        import numpy as np

        return (self.sets["mask"].to_numpy()[:, None] >> np.arange(len(self.channels))) & 1

    @property
    def customers(self) -> "Vector":
        """Customers of each set."""
        return self.sets["customers"].to_numpy(dtype=float)

    @property
    def together(self) -> int:
        """Customers touched through at least one channel."""
        return int(self.sets.loc[self.sets["mask"] > 0, "customers"].sum())


def audiences(
    touches: Any,
    people: Any | None = None,
    *,
    as_of: dt.date,
    window_days: int = 0,
    by: str = "channel",
    most_channels: int = MOST_CHANNELS,
) -> Audiences:
    """Count customers by the set of channels that touched them.

    Args:
        touches: Any engine's frame: touchpoints (customer_id, channel, touched_at), or with by="medium" contacts
            (customer_id, medium, sent_at; holdout where it is there, and nobody held out was touched).
        people: The same engine's frame with customer_id, everybody who could be touched; None: nobody knows.
        as_of: Last day to count, inclusive.
        window_days: Count touches of so many days up to as_of; 0: of all days.
        by: ``channel`` or ``medium``.
        most_channels: Channels that stand alone; the smallest of the others are counted together. At most 16.

    Returns:
        Audiences, small tables for `by_channel`, `overlap`, `together` and `incremental`.

    Raises:
        OpskitError: A column is missing, an option is out of range, or nobody was touched in the days.

    Assumes a customer_id is one person everywhere: two ids of one person are two people who overlap nowhere.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"customer_id": [1, 1, 2], "channel": ["ads", "mail", "ads"]})
    >>> found = audiences(table.assign(touched_at=pd.Timestamp("2025-01-02")), as_of=dt.date(2025, 1, 31))
    >>> found.names, found.sets.to_numpy().tolist()
    (['ads', 'mail'], [[1, 1], [3, 1]])
    """
    check(most_channels, "most_channels", ge=2, le=MOST_CHANNELS)
    since = _since(as_of, window_days)
    pairs = _touches(touches, by, as_of, since).group_by("customer_id", "channel").agg(nw.len().alias("touches"))
    sizes = frames.collect(pairs.group_by("channel").agg(nw.len().alias("customers"), nw.col("touches").sum()))
    if sizes.empty:
        raise OpskitError(
            f"{SOURCES[by][0]} has no rows from {since or 'the beginning'} to {as_of}. Use a later as_of or a longer window_days."
        )
    sizes = sizes.sort_values(["customers", "channel"], ascending=[False, True], ignore_index=True)
    alone = len(sizes) if len(sizes) <= most_channels else most_channels - 1
    rest = sizes.iloc[alone:]
    channels = sizes.iloc[:alone][["channel", "touches"]]
    if len(rest):
        channels.loc[alone] = [f"{len(rest)} smaller ones", int(rest["touches"].sum())]
    codes = sizes[["channel"]].assign(
        bit=[2**place if place < alone else 0 for place in range(len(sizes))],
        rest=[int(place >= alone) for place in range(len(sizes))],
    )
    marked = pairs.join(frames.beside(pairs, codes), on="channel").select("customer_id", "bit", "rest")
    if people is not None:
        everybody = frames.lazy(people, "customer_id", table="customers")
        nothing = [nw.lit(0).cast(nw.Int64).alias(name) for name in ("bit", "rest")]
        marked = nw.concat([marked, everybody.select("customer_id", *nothing)])
    masks = marked.group_by("customer_id").agg(nw.col("bit").sum(), nw.col("rest").max())
    mask = (nw.col("bit") + nw.col("rest") * 2**alone).cast(nw.Int64).alias("mask")
    sets = frames.collect(masks.select(mask).group_by("mask").agg(nw.len().alias("customers")))
    population = int(sets["customers"].sum()) if people is not None else None
    return Audiences(
        channels, sets.sort_values("mask", ignore_index=True), tuple(rest["channel"]), by, since, as_of, population
    )


def by_window(
    touches: Any, *, as_of: dt.date, windows: Sequence[int] = (7, 30, 90, 365), by: str = "channel"
) -> "pd.DataFrame":
    """Customers touched within the last days, by channel and through any of them.

    Args:
        touches: As in `audiences`.
        as_of: Last day to count, inclusive.
        windows: Numbers of days up to as_of.
        by: ``channel`` or ``medium``.

    Returns:
        channel (``""``: any), window_days, customers; a longer window never holds fewer.

    Raises:
        OpskitError: As `audiences`, and for a window below one day.
    """
    import pandas as pd

    for days in windows:
        check(days, "windows", ge=1)
    lf = _touches(touches, by, as_of, None)
    age = frames.day_number(as_of) - nw.col("day")
    found: list[pd.DataFrame] = []
    for keys in (["customer_id", "channel"], ["customer_id"]):
        latest = (
            lf.group_by(keys)
            .agg(nw.col("day").max())
            .with_columns(*((age < days).cast(nw.Int64).alias(str(days)) for days in windows))
        )
        sums = [nw.col(str(days)).sum() for days in windows]
        if len(keys) == 1:
            found.append(frames.collect(latest.select(*sums)).fillna(0).assign(channel=""))
        else:
            found.append(frames.collect(latest.group_by("channel").agg(*sums)))
    table = pd.concat(found).melt("channel", var_name="window_days", value_name="customers")
    table = table.astype({"window_days": "int64", "customers": "int64"})
    return table[["channel", "window_days", "customers"]].sort_values(["window_days", "channel"], ignore_index=True)


def spent(spend: Any, found: Audiences) -> "pd.Series[float]":
    """Money spent in the days of the audiences, by channel; channels that spend does not name are missing.

    Args:
        spend: Any engine's frame with date, channel and spend.
        found: From `audiences`.

    Raises:
        OpskitError: A column is missing.
    """
    lf = frames.lazy(spend, "date", "channel", "spend", table="spend")
    there = customers.on_or_before(lf, found.as_of, "date")
    if found.since is not None:
        there &= ~customers.on_or_before(lf, found.since - dt.timedelta(days=1), "date")
    amounts = lf.filter(there).select("channel", nw.col("spend").cast(nw.Float64))
    money = amounts.group_by("channel").agg(nw.col("spend").sum())
    table = frames.collect(money).set_index("channel")["spend"]
    # Zero spend in the days is no price of nothing: it is a channel without a bill in this window.
    return table[table > 0].reindex([*found.names]).rename("spend")


def _since(as_of: dt.date, window_days: int) -> dt.date | None:
    frames.day_number(as_of)
    check(window_days, "window_days", ge=0)
    return as_of - dt.timedelta(days=window_days - 1) if window_days else None


def _touches(touches: Any, by: str, as_of: dt.date, since: dt.date | None) -> nw.LazyFrame[Any]:
    """customer_id, channel and day of every touch of the days."""
    check(by, "by", among=SOURCES)
    table, clock = SOURCES[by]
    lf = frames.lazy(touches, "customer_id", by, clock, table=table)
    there = customers.on_or_before(lf, as_of, clock)
    if since is not None:
        there &= ~customers.on_or_before(lf, since - dt.timedelta(days=1), clock)
    if by == "medium" and "holdout" in lf.collect_schema().names():
        there &= ~nw.col("holdout").cast(nw.Boolean).fill_null(value=False)
    name = nw.col(by).cast(nw.String).fill_null("")
    channel = nw.when(name == "").then(nw.lit(UNKNOWN)).otherwise(name).alias("channel")
    return lf.filter(there).select("customer_id", channel, frames.epoch_day(clock).alias("day"))
