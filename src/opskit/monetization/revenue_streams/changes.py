"""What changed: revenue split exactly into customers, rates and prices by stream."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from opskit import stats
from opskit.errors import OpskitError, check
from opskit.monetization.revenue_streams.totals import ALL, ORDERS, Totals

if TYPE_CHECKING:
    import pandas as pd

Against = Literal["previous", "year_before"]
ACTIVE, ECPM = "active customers", "eCPM"
FACTORS: dict[tuple[str, ...], str] = {
    ("active",): ACTIVE,
    ("active", "payers"): "paying rate",
    ("payers", "charges"): "orders per payer",
    ("charges", "amount"): "value per order",
    ("payers", "gross"): "gross amount per payer",
    ("active", "gross"): "gross amount per active customer",
    ("gross", "amount"): "take rate",
    ("active", "impressions"): "impressions per active customer",
    ("impressions", "amount"): ECPM,
    ("payers", "amount"): "amount per payer",
    ("active", "amount"): "amount per active customer",
    ("impressions",): "impressions",
    ("gross",): "gross amount",
    ("amount",): "amount",
}


class Chain(NamedTuple):
    """How a stream's revenue comes about: levels, each of which the next is a rate of."""

    side: str
    stream: str
    levels: tuple[str, ...]

    @property
    def factors(self) -> list[str]:
        """Names of the factors: the first level, then each level per unit of the one before."""
        return [FACTORS[self.levels[:1]], *(FACTORS[pair] for pair in pairwise(self.levels))]


def chains(totals: Totals) -> list[Chain]:
    """The chain of levels of every single stream, from what its rows hold.

    Args:
        totals: Of ``monthly_totals``.

    Returns:
        One chain a stream. Orders: active customers, payers, orders, amount. A stream whose every amount has a gross
        amount: active, payers, gross, amount. One whose every amount has impressions: active, impressions, amount. Other
        streams: active, payers, amount. Levels that no row has are left out.
    """
    found: list[Chain] = []
    sums = totals.sums[totals.sums["stream"] != ALL]
    active = ("active",) if sums["active"].sum() > 0 else ()
    for (side, stream), rows in sums.groupby(["side", "stream"], sort=False):
        paid = ("payers",) if active and rows["payers"].sum() > 0 else ()
        money = rows["amount"].abs().sum()
        if rows["impressions"].sum() > 0 and abs(rows["shown"].sum() - rows["amount"].sum()) <= 1e-9 * money:
            levels = (*active, "impressions", "amount")
        elif rows["gross"].sum() > 0 and abs(rows["fee"].sum() - rows["amount"].sum()) <= 1e-9 * money:
            levels = (*active, *paid, "gross", "amount")
        elif paid and stream == ORDERS:
            levels = (*active, *paid, "charges", "amount")
        else:
            levels = (*active, *paid, "amount")
        found.append(Chain(str(side), str(stream), levels))
    return found


def longest_comparison(totals: Totals) -> tuple[int, Against]:
    """The most telling comparison that the complete months allow: whole years, then the same season, then neighbours.

    Args:
        totals: Of ``monthly_totals``.

    Returns:
        months and against for `changes`; months is 0 with fewer than two complete months.
    """
    history = len(_months(totals))
    choices: tuple[tuple[int, int, Against], ...] = (
        (24, 12, "previous"),
        (15, 3, "year_before"),
        (13, 1, "year_before"),
        (6, 3, "previous"),
        (2, 1, "previous"),
        (0, 0, "previous"),
    )
    return next((months, against) for needed, months, against in choices if history >= needed)


def changes(
    totals: Totals, *, months: int = 12, against: Against = "previous", confidence: float = 0.95
) -> "pd.DataFrame":
    """Split the change of revenue between two periods exactly: by stream, into customers, rates and prices.

    Args:
        totals: Of ``monthly_totals``.
        months: Length of both periods in complete calendar months; the later one ends with the last complete month. 0
            compares nothing.
        against: ``previous`` compares with the months just before, ``year_before`` with the same months a year earlier.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        side, stream, driver, before, after (the factor's level), contribution, low, high (money). Active customers are
        one row for all streams; the contributions add up to the last row, the change of revenue. Streams that name no
        customer have no intervals. Empty where months is 0.

    Raises:
        OpskitError: The complete months do not reach back that far, or the periods would overlap.

    Assumes nothing about causes: the parts say where the change sits, not why.

    Source: `stats.contributions`, the log-mean Divisia index.
    """
    import pandas as pd

    columns = ["side", "stream", "driver", "before", "after", "contribution", "low", "high"]
    if months == 0:
        return pd.DataFrame(columns=columns)
    before, after = two_periods(totals, months, against)
    found = sorted(chains(totals))
    sums = sums_of_periods(totals, before, after)
    keys = ["side", "stream", "period"]  # sorted, so that "after" comes before "before"
    places = [[_LEVELS.index(level) for level in chain.levels] for chain in found]
    labels = [(chain.side, chain.stream, factor) for chain in found for factor in chain.factors]
    shared = [label[2] == ACTIVE for label in labels]

    def split(total: "pd.DataFrame") -> "pd.Series[float]":
        levels = total[_LEVELS].to_numpy(dtype=float).reshape(len(found), 2, len(_LEVELS))
        parts = [
            part
            for (later, earlier), own in zip(levels, places, strict=True)
            for part in stats.contributions(earlier[own], later[own])
        ]
        volume = [part for part, common in zip(parts, shared, strict=True) if common]
        rest = [part for part, common in zip(parts, shared, strict=True) if not common]
        return pd.Series([*([sum(volume)] if volume else []), *rest, sum(parts)])

    table = stats.jackknife(sums, split, keys=keys, confidence=confidence)
    total = sums.groupby(keys)[_LEVELS].sum()
    levels = total.to_dict("index")
    rows = [row for chain in found for row in _named(levels, chain)]
    volume = [("all", ALL, *row[2:]) for row, common in zip(rows, shared, strict=True) if common][:1]
    revenue = total["amount"].groupby("period").sum()
    rows = [*volume, *(row for row, common in zip(rows, shared, strict=True) if not common)]
    rows.append(("all", ALL, "revenue", revenue["before"], revenue["after"]))
    named = pd.DataFrame(rows, columns=columns[:5])
    rounding = 1e-9 * revenue.abs().max()
    named[columns[5:]] = table.where(table.abs() > rounding, 0.0).where(table.notna()).to_numpy()
    nobody = [chain.stream for chain in found if "payers" not in chain.levels]
    named.loc[named["stream"].isin(nobody), ["low", "high"]] = float("nan")
    return named


def monthly_changes(totals: Totals, *, against: Against = "previous") -> "pd.DataFrame":
    """The same split for every complete month: against the month before, or against the same month a year earlier.

    Args:
        totals: Of ``monthly_totals``.
        against: ``previous`` or ``year_before``.

    Returns:
        month, side, stream, driver, contribution (money); the rows of a month add up to the change of its revenue. Empty
        where the complete months do not reach back that far. No intervals: one month's split is a description.

    Raises:
        OpskitError: against is another word.
    """
    import pandas as pd

    check(against, "against", among=("previous", "year_before"))
    lag, months = (1 if against == "previous" else 12), _months(totals)
    found = chains(totals)
    levels: Any = totals.sums.groupby(["side", "stream", "month"])[_LEVELS].sum().to_dict("index")
    rows: list[tuple[Any, ...]] = []
    for place in range(lag, len(months)):
        for chain in found:
            keys = [(chain.side, chain.stream, months[at]) for at in (place - lag, place)]
            pair = [[levels[key][level] for level in chain.levels] for key in keys]
            parts = stats.contributions(*pair)
            rows += [
                (months[place], chain.side, chain.stream, *part) for part in zip(chain.factors, parts, strict=True)
            ]
    return pd.DataFrame(rows, columns=["month", "side", "stream", "driver", "contribution"])


_LEVELS = ["active", "payers", "charges", "gross", "impressions", "amount"]


def _months(totals: Totals) -> "list[pd.Timestamp]":
    """The complete months."""
    return sorted(totals.sums.loc[totals.sums["complete"], "month"].unique())


def two_periods(totals: Totals, months: int, against: Against) -> "tuple[list[Any], list[Any]]":
    """Months of the earlier and of the later period, once the complete months are known to reach back that far."""
    check(months, "months", ge=1)
    check(against, "against", among=("previous", "year_before"))
    lag = months if against == "previous" else 12
    if months > lag:
        raise OpskitError(f"months == {months}, must be <= 12 with against='year_before', or the periods overlap.")
    have = _months(totals)
    if len(have) < lag + months:
        raise OpskitError(
            f"months == {months} with against == {against!r} needs {lag + months} complete months; there are {len(have)}. "
            "Choose fewer months or against='previous'."
        )
    end = len(have)
    return have[end - lag - months : end - lag], have[end - months :]


def sums_of_periods(totals: Totals, before: list[Any], after: list[Any]) -> "pd.DataFrame":
    """Sums of single streams by period and group; what belongs to nobody lies evenly on the groups."""
    sums = totals.sums[totals.sums["stream"] != ALL]
    period = sums["month"].map({**dict.fromkeys(before, "before"), **dict.fromkeys(after, "after")})
    sums = sums.assign(period=period).dropna(subset="period")
    keys = ["side", "stream", "period"]
    sums = sums.groupby([*keys, "group"], as_index=False)[[*_LEVELS, "fee"]].sum()
    nobody = sums.groupby(["side", "stream"])["payers"].transform("sum") == 0
    even = sums.groupby(keys)["impressions"].transform("mean")
    return sums.assign(impressions=sums["impressions"].where(~nobody, even))


def _named(total: Any, chain: Chain) -> list[tuple[Any, ...]]:
    """Each factor of a chain with its level before and after."""
    nan = float("nan")
    found: list[list[float]] = []
    for period in ("before", "after"):
        own = total[chain.side, chain.stream, period]
        level = [float(own[name]) for name in chain.levels]
        found.append([level[0], *(b / a if a else nan for a, b in pairwise(level))])
    rows = zip(chain.factors, *found, strict=True)
    return [(chain.side, chain.stream, name, *(level * scale(name) for level in levels)) for name, *levels in rows]


def scale(factor: str) -> float:
    """How a factor's level is written: an eCPM is for a thousand impressions."""
    return 1000.0 if factor == ECPM else 1.0
