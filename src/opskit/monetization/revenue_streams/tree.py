"""The driver tree: what the coming revenue is made of, and what moving one driver would do to it."""

from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError, check
from opskit.monetization.revenue_streams.changes import ACTIVE
from opskit.monetization.revenue_streams.scenario import HELD, Scenario
from opskit.monetization.revenue_streams.totals import ALL

if TYPE_CHECKING:
    import pandas as pd


def tree(made: Scenario, *, stream: str = "", driver: str = "", by: float = 0.0) -> "pd.DataFrame":
    """The driver tree of the scenario's centre: total, sides, streams and drivers, with one driver moved.

    Args:
        made: Of `scenario`.
        stream: Whose driver to move: "all streams" for active customers; empty moves every driver of every stream.
        driver: Which one to move; empty: every driver of the stream.
        by: How far, as a share of its level: 0.1 is 10% more.

    Returns:
        depth (0 total, 1 side, 2 stream, 3 driver), side, stream, driver, level (of a driver), revenue, moved (its level
        or revenue after the move). Empty where the scenario is.

    Raises:
        OpskitError: No such driver, or by is not above -1.

    Assumes the other drivers stay: whether they do when one is pushed, only an experiment tells.
    """
    import pandas as pd

    check(by, "by", gt=-1)
    drivers, streams = made.drivers, made.revenue.iloc[:-1]
    columns = ["depth", "side", "stream", "driver", "level", "revenue", "moved"]
    if drivers.empty:
        return pd.DataFrame(columns=columns)
    chosen = (drivers["stream"] == stream) | (not stream)
    chosen &= (drivers["driver"] == driver) | (not driver)
    if not chosen.any():
        known = " · ".join(f"{one}: {what}" for one, what in zip(drivers["stream"], drivers["driver"], strict=True))
        raise OpskitError(f"stream == {stream!r} and driver == {driver!r} name no driver; there are {known or 'none'}.")
    factor = (1 + by) ** chosen.astype(int)
    shared = drivers["driver"] == ACTIVE
    nan = float("nan")
    rows: list[tuple[Any, ...]] = []
    for side, name, centre in zip(streams["side"], streams["stream"], streams["centre"], strict=True):
        mine = (drivers["side"] == side) & (drivers["stream"] == name)
        moves = mine if drivers.loc[mine, "basis"].eq(HELD).any() else mine | shared
        rows.append((2, side, name, "", nan, centre, centre * factor[moves].prod()))
        own = zip(drivers.loc[mine, "driver"], drivers.loc[mine, "centre"], factor[mine], strict=True)
        rows += [(3, side, name, what, level, nan, level * times) for what, level, times in own]
    own = zip(drivers.loc[shared, "centre"], factor[shared], strict=True)
    rows = [(3, "all", ALL, ACTIVE, level, nan, level * times) for level, times in own] + rows
    table = pd.DataFrame(rows, columns=columns)
    leaves = table[table["depth"] == 2]
    sums = [(1, side, ALL, "", nan, *part[["revenue", "moved"]].sum()) for side, part in leaves.groupby("side")]
    sums.insert(0, (0, "all", ALL, "", nan, *leaves[["revenue", "moved"]].sum()))
    return pd.concat([pd.DataFrame(sums, columns=columns), table], ignore_index=True)
