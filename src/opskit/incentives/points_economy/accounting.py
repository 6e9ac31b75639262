"""The accounting of one grant of points: its part of the price, and when that becomes revenue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd


NO_VALUE = (
    "What a point buys is not known, so points are not told in money: point_value = 0.01 in opskit.toml, or "
    "-p point_value=0.01."
)


def allocate(price: float, points: float, *, point_value: float, redemption_rate: float) -> tuple[float, float]:
    """Split what was paid between the goods and the points that came with them, by what each would cost alone.

    Args:
        price: Paid, which is what the goods alone would cost too.
        points: Points granted with them.
        point_value: What a point buys when it is redeemed, in the currency.
        redemption_rate: Share of points expected to be redeemed.

    Returns:
        The part of the goods, which is revenue at once, and the part of the points, which waits.

    Raises:
        OpskitError: An argument is out of range.

    Source: IFRS 15, illustrative example 52.

    >>> [round(part) for part in allocate(100_000, 10_000, point_value=1, redemption_rate=0.95)]
    [91324, 8676]
    """
    check(price, "price", ge=0)
    check(points, "points", ge=0)
    check_value(point_value)
    check(redemption_rate, "redemption_rate", ge=0, le=1)
    alone = points * point_value * redemption_rate
    if not price + alone:
        return 0.0, 0.0
    return price * price / (price + alone), price * alone / (price + alone)


def check_value(point_value: float) -> None:
    """Refuse to tell points in money where nobody said what one buys."""
    if not point_value:
        raise OpskitError(
            "point_value == 0, so points cannot be told in money. Give what a point buys when it is redeemed: "
            "point_value = 0.01 in opskit.toml, or -p point_value=0.01."
        )
    check(point_value, "point_value", gt=0)


def recognise(allocated: float, *, redeemed: Sequence[float], expected: Sequence[float]) -> "pd.DataFrame":
    """Revenue from points period by period, the expected redemptions being revised at the end of each.

    Revenue so far is the allocated part times points redeemed so far over points expected to be redeemed in all.

    Args:
        allocated: Part of the price that was put off for the points.
        redeemed: Points redeemed in each period.
        expected: Points expected to be redeemed in all, as estimated at the end of each period.

    Returns:
        period (from 1), opening, at_old_estimate (revenue had the estimate stayed), change_of_estimate, revenue (both
        together), closing; in the unit of allocated. The first period has no older estimate.

    Raises:
        OpskitError: The periods do not match, or more is redeemed than expected in all.

    Source: IFRS 15, illustrative example 52; KPMG, Revenue: IFRS 15 handbook, examples 10A and 10B.

    >>> recognise(8676, redeemed=[4500, 4000], expected=[9500, 9700])[["revenue", "closing"]].round().values.tolist()
    [[4110.0, 4566.0], [3493.0, 1073.0]]
    """
    import pandas as pd

    check(allocated, "allocated", ge=0)
    if len(redeemed) != len(expected):
        raise OpskitError(f"redeemed has {len(redeemed)} periods and expected {len(expected)}; both need the same.")
    rows: list[tuple[float, ...]] = []
    so_far, earned, old = 0.0, 0.0, 0.0
    for period, (now, total) in enumerate(zip(redeemed, expected, strict=True), start=1):
        check(now, f"redeemed[{period - 1}]", ge=0)
        so_far += now
        check(total, f"expected[{period - 1}]", gt=0, ge=so_far)
        cumulative = allocated * so_far / total
        steady = allocated * now / (old or total)
        revenue = cumulative - earned
        rows.append((period, allocated - earned, steady, revenue - steady, revenue, allocated - cumulative))
        earned, old = cumulative, total
    columns = ["period", "opening", "at_old_estimate", "change_of_estimate", "revenue", "closing"]
    return pd.DataFrame(rows, columns=columns)
