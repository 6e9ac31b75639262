"""What an order contributes: its margin, less the margin of what was refunded."""

from typing import Any

import narwhals as nw

from opskit.errors import check


def contribution(lf: nw.LazyFrame[Any], margin_share: float = 0.0) -> tuple[nw.Expr, str]:
    """Each order's contribution after refunds, and the sentence that says what it rests on.

    Args:
        lf: Orders with revenue; margin (contribution of the order before refund) and refund where they are there.
        margin_share: Contribution as a share of revenue after refunds; 0 takes the margin column, and revenue itself
            where there is none.

    Returns:
        The expression, and the sentence with a place, {share}, for contribution over revenue.

    Raises:
        OpskitError: The share is not between 0 and 1.

    Assumes a refunded part of an order takes the same part of its margin with it.
    """
    check(margin_share, "margin_share", ge=0, le=1)
    columns = lf.collect_schema().names()
    revenue = nw.col("revenue").cast(nw.Float64)
    refund = nw.col("refund").cast(nw.Float64).fill_null(0.0) if "refund" in columns else nw.lit(0.0)
    if margin_share:
        text = (
            f"Value is contribution: the given {margin_share:.1%} of revenue after refunds, {{share:.1%}} of revenue."
        )
        return margin_share * (revenue - refund), text
    if "margin" not in columns:
        return revenue - refund, (
            "Value is revenue, not margin: orders has no margin column. Give margin_share, such as 0.3, to see "
            "contribution."
        )
    kept = nw.when(revenue > 0).then(1 - refund / revenue).otherwise(nw.lit(1.0))
    return nw.col("margin").cast(nw.Float64).fill_null(0.0) * kept, (
        "Value is contribution: the margin column less the margin of what was refunded, {share:.1%} of revenue."
    )
