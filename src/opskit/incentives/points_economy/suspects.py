"""Accounts that earn points in ways others do not: suspects with their reasons, for somebody to look at."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, plots, stats
from opskit.errors import TooLittleDataError, check
from opskit.incentives.points_economy import signals
from opskit.incentives.points_economy.signals import Found

if TYPE_CHECKING:
    import pandas as pd

SIGNALS = {
    "velocity": "earnings within an hour",
    "night": "earnings from 1 to 5 at night",
    "repeats": "earnings with one object",
    "ring": "accounts that invite each other in a circle",
    "together": "other accounts that earn in the same minutes",
}


class Suspects(NamedTuple):
    """Accounts to look at.

    Attributes:
        accounts: customer_id, reasons (in words), signals (how many), points (earned in all), and a column for each signal
            with its figure, missing where it does not speak; most signals first, then most points.
        signals: signal, what (in words), usual (what 95 of 100 accounts stay within), limit, suspects; limit is missing
            where the signal is judged by chance, and suspects where it cannot be read from the data.
        share: accounts, suspects, share, low, high, points, points_share (of all points earned).
    """

    accounts: "pd.DataFrame"
    signals: "pd.DataFrame"
    share: "pd.Series[Any]"


def suspects(points: Any, *, as_of: dt.date, times_usual: float = 3.0, confidence: float = 0.95) -> Suspects:
    """List accounts whose earnings look made rather than lived, each with its reasons.

    - velocity: many earnings within an hour; repeats: one object earns again and again. Odd is what is `times_usual` times
      what 95 of 100 accounts stay within, and at least what `signals.LEAST` says.
    - night: more earnings between 1 and 5 o'clock than the rate of all others makes likely.
    - together: two accounts act within the same minute of the clock, over and over, more than their numbers make likely.
    - ring: invitations that lead back to the inviter.

    Args:
        points: Any engine's frame with customer_id, posted_at, points and kind; behaviour, order_id and object_id (for
            invitations the invited account) are used where they are there.
        as_of: Last day to count, inclusive.
        times_usual: How many times the usual is odd.
        confidence: Coverage of the interval of the share, between 0 and 1.

    Returns:
        Suspects. Where most earnings are booked without a time of day, night, velocity and together cannot be read.

    Raises:
        OpskitError: A column is missing, or an option is out of range.

    Assumes most accounts are honest. A suspect is no culprit: a shared phone, a fan, a job that posts late look alike.
    """
    import pandas as pd

    check(times_usual, "times_usual", gt=1)
    rows = signals.earnings(points, as_of)
    counted, by_customer = signals.nights(rows)
    if counted.empty:
        raise TooLittleDataError(f"points has no earning up to {as_of}: nobody can stand out. Check points.kind.")
    n = int(counted["accounts"].sum())
    timed = bool(counted["no_time"].sum() < 0.5 * (counted["one"] * counted["accounts"]).sum())
    unread: Found = (None, float("nan"), float("nan"))
    found: dict[str, Found] = {
        "velocity": signals.velocity(rows, times_usual, n) if timed else unread,
        "night": signals.night(counted, by_customer) if timed else unread,
        "repeats": signals.repeats(rows, times_usual, n),
        "ring": (signals.rings(rows), float("nan"), float("nan")),
        "together": (signals.together(rows, n), float("nan"), float("nan")) if timed else unread,
    }
    readable = {name: timed or name in {"repeats", "ring"} for name in SIGNALS}
    accounts = _accounts(rows, found)
    listed = len(accounts)
    low, high = stats.wilson([listed], [n], confidence=confidence)
    part = float(accounts["points"].sum())
    share = {"accounts": n, "suspects": listed, "share": listed / n, "low": low[0], "high": high[0]}
    share |= {"points": part, "points_share": part / counted["points"].sum()}
    return Suspects(accounts, _signals(found, readable), pd.Series(share))


def _signals(found: dict[str, Found], readable: dict[str, bool]) -> "pd.DataFrame":
    import pandas as pd

    rows = [
        (name, what, *found[name][1:], _count(found[name][0]) if readable[name] else float("nan"))
        for name, what in SIGNALS.items()
    ]
    return pd.DataFrame(rows, columns=["signal", "what", "usual", "limit", "suspects"])


def _count(odd: "pd.DataFrame | None") -> float:
    return 0.0 if odd is None else float(len(odd))


def _accounts(rows: nw.LazyFrame[Any], found: dict[str, Found]) -> "pd.DataFrame":
    """Everybody whom any signal names, with all that the signals say."""
    import pandas as pd

    columns = ["customer_id", "reasons", "signals", "points", *SIGNALS]
    named = {name: odd for name, (odd, _, _) in found.items() if odd is not None and len(odd)}
    if not named:
        return pd.DataFrame(columns=columns)
    extra = {"night": ["night", "one"]}
    parts = [odd.set_index("customer_id")[extra.get(name, [name])] for name, odd in named.items()]
    table = pd.concat(parts, axis=1).reset_index(names="customer_id")
    for name in (*SIGNALS, "one"):
        table[name] = table[name].astype(float) if name in table else float("nan")
    table["reasons"] = [_reasons(row, found) for row in table.to_dict("records")]
    table["signals"] = table[list(SIGNALS)].notna().sum(axis=1)
    who = frames.beside(rows, table[["customer_id"]])
    earned = frames.collect(
        rows.join(who, on="customer_id", how="inner").group_by("customer_id").agg(nw.col("points").sum())
    )
    table = table.merge(earned, on="customer_id")
    order = table.assign(text=table["customer_id"].astype(str)).sort_values(
        ["signals", "points", "text"], ascending=[False, False, True], ignore_index=True
    )
    return order[columns]


def _reasons(row: dict[Any, Any], found: dict[str, Found]) -> str:
    """Why the account is listed, one clause for each signal that speaks."""
    told: list[str] = []
    if row["velocity"] == row["velocity"]:
        usual = plots.number(found["velocity"][1])
        told.append(f"{row['velocity']:.0f} earnings within an hour (95 of 100 accounts: {usual} at most)")
    if row["night"] == row["night"]:
        told.append(f"{row['night']:.0f} of {row['one']:.0f} earnings from 1 to 5 at night")
    if row["repeats"] == row["repeats"]:
        told.append(f"{row['repeats']:.0f} earnings with one object")
    if row["ring"] == row["ring"]:
        told.append(
            "invited itself" if row["ring"] == 1 else f"in a circle of {row['ring']:.0f} that invite each other"
        )
    if row["together"] == row["together"]:
        others = "another account" if row["together"] == 1 else f"{row['together']:.0f} others"
        told.append(f"again and again in the same minute as {others}")
    return "; ".join(told)
