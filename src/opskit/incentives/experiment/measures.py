"""What an experiment may be judged by, as metrics of tea-tasting, and the sums these are worked out from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd
    from tea_tasting.aggr import Aggregates
    from tea_tasting.metrics import RatioOfMeans

BEFORE = "_before"
"""Ending of what is counted in the days before the assignment."""


@dataclass(frozen=True)
class Measure:
    """A metric of customers.

    Attributes:
        label: In words.
        unit: Of its values.
        numerator: Column summed per customer.
        denominator: The same; empty: the number of customers.
        higher_is_better: Which way is good.
        known_before: Whether the same is counted before the assignment.
    """

    label: str
    unit: str
    numerator: str
    denominator: str = ""
    higher_is_better: bool = True
    known_before: bool = True


MEASURES: Mapping[str, Measure] = {
    "buyers": Measure("share of customers that order", "share", "buyers"),
    "orders": Measure("orders per customer", "orders", "orders"),
    "revenue": Measure("revenue after refunds per customer", "money", "revenue"),
    "margin": Measure("contribution per customer", "money", "margin"),
    "order_value": Measure("revenue after refunds per order", "money", "revenue", "orders"),
    "refunded": Measure("share of customers with a refund", "share", "refunded", "", False, False),
    "refund_share": Measure("refunds over revenue", "share", "refund", "gross", False, False),
    "opted_out": Measure("share of customers that opt out", "share", "opted_out", "", False, False),
}
COVARIATE = "covariate"  # the column of assignments that a user names


def chosen(names: str, available: Iterable[str]) -> list[str]:
    """Metrics named in a text, separated by commas, the first the one that decides.

    Args:
        names: For instance "orders, revenue".
        available: Columns that the data give.

    Raises:
        OpskitError: A name is unknown or names what is better when lower, none is given, or the data lack the column.
    """
    have = set(available)
    found = [name.strip() for name in names.split(",") if name.strip()]
    good = [name for name, measure in MEASURES.items() if measure.higher_is_better]
    if not found:
        raise OpskitError(f"metrics == {names!r}, must name at least one of {', '.join(good)}.")
    for name in found:
        check(name, "metrics", among=good)
    return [name for name in dict.fromkeys(found) if _needed(MEASURES[name]) <= have]


def margins(text: str, available: Iterable[str]) -> dict[str, tuple[float, bool]]:
    """Guardrails and how much harm is bearable: (margin, whether it is a share of control).

    Args:
        text: For instance "refunded 0.03, order_value 10%": a share of customers may rise by 3 points, revenue per order
            fall by a tenth.
        available: Columns that the data give; guardrails that need others are left out.

    Raises:
        OpskitError: A guardrail is unknown, has no margin, or one that is not above 0.

    >>> margins("order_value 10%", ["revenue", "orders"])
    {'order_value': (0.1, True)}
    """
    have, found = set(available), dict[str, tuple[float, bool]]()
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = part.partition(" ")
        check(name, "guardrails", among=MEASURES)
        try:
            number = float(value.strip().rstrip("%"))
        except ValueError as error:
            raise OpskitError(
                f"guardrails == {part!r}, must be a metric and a margin, such as refunded 0.03."
            ) from error
        relative = value.strip().endswith("%")
        check(number, f"margin of {name}", gt=0)
        if _needed(MEASURES[name]) <= have:
            found[name] = (number / 100 if relative else number, relative)
    return found


def _needed(measure: Measure) -> set[str]:
    return {measure.numerator, measure.denominator or measure.numerator}


def metric(name: str, columns: Iterable[str], *, covariate: str = "before", **options: Any) -> "RatioOfMeans":
    """A metric as tea-tasting reads it.

    Args:
        name: One of MEASURES.
        columns: Columns that are there.
        covariate: "before" takes the same metric before the assignment, "none" none, "assignments" the column of
            assignments that was named.
        options: Passed on: confidence_level, alpha, power, ratio, rel_effect_size, n_obs.
    """
    import tea_tasting as tt

    have, measure = set(columns), MEASURES[name]
    over = measure.denominator or None
    if covariate == "assignments" and COVARIATE in have:
        return tt.RatioOfMeans(measure.numerator, over, COVARIATE, None, **options)
    before = {f"{column}{BEFORE}" for column in _needed(measure)}
    if covariate != "before" or not measure.known_before or not before <= have:
        return tt.RatioOfMeans(measure.numerator, over, **options)
    return tt.RatioOfMeans(measure.numerator, over, measure.numerator + BEFORE, over and over + BEFORE, **options)


def product(left: str, right: str) -> str:
    """Name of the column that holds the sum of products of two."""
    return "*".join(sorted((left, right)))


def pairs(columns: Sequence[str]) -> list[tuple[str, str]]:
    """Every pair of columns, each with itself included."""
    return [(left, right) for place, left in enumerate(columns) for right in columns[place:]]


def aggregates(sums: "pd.Series[Any]", columns: Sequence[str]) -> "Aggregates":
    """Means, variances and covariances of customers, from their sums.

    Args:
        sums: customers, each of the columns, and their products as `product` names them.
        columns: The columns.
    """
    from tea_tasting.aggr import Aggregates

    n = int(sums["customers"])
    mean = {column: float(sums[column]) / n for column in columns}
    around = {
        (left, right): (float(sums[product(left, right)]) - n * mean[left] * mean[right]) / (n - 1)
        for left, right in pairs(columns)
    }
    variance = {column: max(around[column, column], 0.0) for column in columns}  # rounding may fall below 0
    return Aggregates(n, mean, variance, {pair: value for pair, value in around.items() if pair[0] != pair[1]})
