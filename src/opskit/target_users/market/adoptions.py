"""When each customer came: who adopted when, by month, and whether the months can show a curve of adoption."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers as history
from opskit import frames
from opskit.errors import OpskitError

if TYPE_CHECKING:
    import pandas as pd

SIGN_UP, FIRST_ORDER, NOTHING = "sign-up", "first order", "nothing"
FEWEST_MONTHS = 12
_FIRST_DAYS = 7  # a month whose newcomers begin in its first week is taken as whole
_SILENT_MONTHS, _STOPPED_AT = 3, 10


class Adoptions(NamedTuple):
    """New customers by month."""

    by_month: "pd.DataFrame"  # month, adopters, whole
    counted: str  # what counts as adopting: SIGN_UP, FIRST_ORDER or NOTHING
    unreadable: str  # why no curve can be read from it, in a sentence; '' where one can
    doubt: str  # what speaks against the curve although it can be read; '' where nothing does

    @property
    def whole(self) -> "pd.DataFrame":
        """The months that are whole."""
        return self.by_month[self.by_month["whole"]]


def adopters(*, customers: Any = None, orders: Any = None, as_of: dt.date) -> Any:
    """The day on which each customer came: the sign-up where customers have one, else the first order.

    Args:
        customers: Any engine's frame with customer_id and, to be used, signed_up_at; a customer without one is left out.
        orders: Any engine's frame with customer_id and ordered_at, used where no sign-up is known.
        as_of: Last day to count, inclusive.

    Returns:
        The same kind of frame as went in: customer_id, adopted_at; one row per customer.

    Raises:
        OpskitError: There is neither table, or as_of is not a date or before the first of the days.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-02", "2024-01-01", "2024-03-05"])
    >>> orders = pd.DataFrame({"customer_id": ["A", "A", "B"], "ordered_at": days})
    >>> adopters(orders=orders, as_of=dt.date(2024, 1, 31))
      customer_id adopted_at
    0           A 2024-01-01
    """
    if customers is None and orders is None:
        raise OpskitError("customers and orders are both missing; one of them must tell when customers came.")
    if _counts_sign_ups(customers):
        lf = frames.lazy(customers, "customer_id", "signed_up_at", table="customers")
        days = lf.select("customer_id", nw.col("signed_up_at").alias("adopted_at"))
        days = days.filter(history.on_or_before(days, as_of, "adopted_at"))
    else:
        lf, _ = history.until(orders, as_of=as_of)
        days = lf.select("customer_id", nw.col("ordered_at").alias("adopted_at"))
    first = days.group_by("customer_id").agg(nw.col("adopted_at").min())
    return frames.like(first, customers if _counts_sign_ups(customers) else orders)


def adoptions(*, customers: Any = None, orders: Any = None, as_of: dt.date) -> Adoptions:
    """New customers of each month, and what can be read from them.

    Args:
        customers: As for `adopters`.
        orders: As for `adopters`.
        as_of: As for `adopters`.

    Returns:
        ``by_month``: month (first day), adopters, whole (the month is over by as_of, and newcomers begin in the first
        month's first week), from the first newcomer to as_of without gaps. ``counted``: sign-up, first order, or nothing. ``unreadable``:
        why there is no curve: no table, fewer than 12 whole months, or a fixed set of customers, chosen by when they
        came, which shows as newcomers that stop at once. ``doubt``: the most came in the first month, as where the data
        begin after the launch and old customers look new.

    Raises:
        OpskitError: As `adopters`, but for missing tables.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-01-02", "2024-01-01", "2024-03-05"])
    >>> found = adoptions(
    ...     orders=pd.DataFrame({"customer_id": [*"AAB"], "ordered_at": days}), as_of=dt.date(2024, 3, 31)
    ... )
    >>> found.by_month["adopters"].tolist(), found.unreadable
    ([1, 0, 1], 'There are 3 whole months of newcomers; a curve of adoption needs 12.')
    """
    import pandas as pd

    frames.day_number(as_of)
    if orders is None and not _counts_sign_ups(customers):
        none = pd.DataFrame(
            {"month": pd.DatetimeIndex([]), "adopters": pd.Series(dtype="int64"), "whole": pd.Series(dtype=bool)}
        )
        return Adoptions(none, NOTHING, "Neither sign-ups nor orders say when customers came.", "")
    counted = SIGN_UP if _counts_sign_ups(customers) else FIRST_ORDER
    days = frames.lazy(adopters(customers=customers, orders=orders, as_of=as_of), "adopted_at", table="adopters")
    table = _by_month(days, "adopted_at", as_of)
    if table.empty:
        raise OpskitError(f"as_of == {as_of}, must be on or after the day of the first {counted}. Use a later as_of.")
    why_not = _unreadable(table)
    return Adoptions(table, counted, why_not, "" if why_not or counted == SIGN_UP else _doubt(table))


def _counts_sign_ups(customers: Any) -> bool:
    """Whether the table tells of any sign-up."""
    if customers is None:
        return False
    lf = frames.lazy(customers, "customer_id", table="customers")
    if "signed_up_at" not in lf.collect_schema().names():
        return False
    known = (~nw.col("signed_up_at").is_null()).cast(nw.Int64).sum()
    return bool(frames.collect(lf.select(known.alias("known")))["known"].iloc[0])


def _by_month(lf: nw.LazyFrame[Any], column: str, as_of: dt.date) -> "pd.DataFrame":
    """Rows of every month, those without any included."""
    import pandas as pd

    counted = lf.group_by(frames.month_index(column).alias("month")).agg(
        nw.len().alias("adopters"), nw.col(column).min().alias("first")
    )
    found = frames.collect(counted).sort_values("month", ignore_index=True)
    if found.empty:
        return found
    first, last = int(found["month"].iloc[0]), as_of.year * 12 + as_of.month - 1
    counts = found.set_index("month")["adopters"].reindex(range(first, last + 1), fill_value=0)
    starts = pd.to_datetime([f"{month // 12}-{month % 12 + 1:02d}-01" for month in counts.index])
    whole = [start.date() <= as_of for start in starts + pd.offsets.MonthEnd(0)]
    whole[0] = whole[0] and pd.Timestamp(found["first"].iloc[0]).day <= _FIRST_DAYS
    return pd.DataFrame({"month": starts, "adopters": counts.to_numpy(), "whole": whole})


def _unreadable(table: "pd.DataFrame") -> str:
    whole = table.loc[table["whole"], "adopters"].to_numpy()
    came = whole.nonzero()[0]
    last = int(came[-1]) if len(came) else -1
    if last >= 0 and len(whole) - 1 - last >= _SILENT_MONTHS and whole[last] >= _STOPPED_AT:
        month = table.loc[table["whole"], "month"].iloc[last]
        return (
            f"Nobody is new after {month:%B %Y}, where {whole[last]:,} still were: this is a fixed set of customers, chosen by when "
            "they came, and shows how neither the market nor the shop took up customers."
        )
    if len(whole) < FEWEST_MONTHS:
        return f"There are {len(whole)} whole months of newcomers; a curve of adoption needs {FEWEST_MONTHS}."
    return (
        ""
        if whole.sum() >= 10
        else f"{whole.sum()} newcomers in {len(whole)} months are too few for a curve of adoption."
    )


def _doubt(table: "pd.DataFrame") -> str:
    whole = table.loc[table["whole"], "adopters"].to_numpy()
    if whole[0] < max(2 * whole[1:FEWEST_MONTHS].mean(), _STOPPED_AT):
        return ""
    return (
        f"The first month has {whole[0]:,} first orders, at least twice as many as the months after it: the data seem to begin after "
        "the launch, so that old customers look new. Take sign-up days, or data from the launch on."
    )
