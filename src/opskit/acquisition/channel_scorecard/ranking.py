"""Which channels can be told apart, and which cannot."""

from typing import TYPE_CHECKING

from opskit.acquisition.channel_scorecard.cohorts import UNKNOWN
from opskit.acquisition.channel_scorecard.weeks import ALL, PAID
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

CHEAPER_IS_BETTER = ("cost_per_signup", "cac", "cac_all_spend")


def ranking(card: "pd.DataFrame", *, by: str = "recovered") -> "pd.DataFrame":
    """Ranks of the channels, given as the range that the intervals leave open.

    A channel stands behind another only if its interval lies wholly on the worse side of the other's.

    Args:
        card: Of `scorecard`, by channel.
        by: The figure to rank by; costs: the lower the better, everything else: the higher the better.

    Returns:
        channel, value, low, high, n, best_rank, worst_rank, rank ("1", "2–3"), small; the best value first. Channels
        without the figure or its interval, totals and accounts without a channel are left out.

    Raises:
        OpskitError: There is no such figure.

    Assumes nothing about what a channel would bring if it got more money: an average is not a margin.

    >>> import pandas as pd
    >>> card = pd.DataFrame({"channel": ["a", "b", "c"], "cac": [9.0, 5.0, 20.0], "cac_low": [7.0, 4, 15]})
    >>> card = card.assign(cac_high=[11.0, 8, 25], cac_n=50, small=False)
    >>> ranking(card, by="cac")[["channel", "rank"]].values.tolist()
    [['b', '1–2'], ['a', '1–2'], ['c', '3']]
    """
    import numpy as np

    check(by, "by", among=[name.removesuffix("_n") for name in map(str, card.columns) if name.endswith("_n")])
    table = card[~card["channel"].isin([ALL, PAID, UNKNOWN])].rename(
        columns={by: "value", f"{by}_low": "low", f"{by}_high": "high", f"{by}_n": "n"}
    )
    table = table[["channel", "value", "low", "high", "n", "small"]].dropna()
    table = table.sort_values(["value", "channel"], ascending=by in CHEAPER_IS_BETTER, ignore_index=True)
    low, high = table["low"].to_numpy(), table["high"].to_numpy()
    higher = low[:, None] > high[None, :]  # the row's interval lies wholly above the column's
    better = higher.T if by in CHEAPER_IS_BETTER else higher
    table["best_rank"] = 1 + better.sum(axis=0)
    table["worst_rank"] = len(table) - better.sum(axis=1)
    ranks = zip(table["best_rank"], table["worst_rank"], strict=True)
    table["rank"] = np.array([f"{best}" if best == worst else f"{best}–{worst}" for best, worst in ranks], dtype=object)
    return table
