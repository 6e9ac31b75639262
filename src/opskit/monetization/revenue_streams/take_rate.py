"""The take rate over all fee streams: what the rates of the streams did to it, and what their mix did."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.monetization.revenue_streams.changes import Against, sums_of_periods, two_periods
from opskit.monetization.revenue_streams.totals import ALL, Totals

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def take_rates(
    totals: Totals, *, months: int = 12, against: Against = "previous", confidence: float = 0.95
) -> "pd.DataFrame":
    """Split the change of the take rate over all fee streams exactly into rates and mix.

    The take rate of all is the mean of the streams' rates, weighted with their shares of the gross amount. A stream's
    rate effect is the change of its rate at its mean share; its mix effect is the change of its share times how far its
    mean rate lies above that of all.

    Args:
        totals: Of ``monthly_totals``.
        months: As for `changes`.
        against: As for `changes`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        stream (the last row: all streams), gross_before, gross_after, rate_before, rate_after, and with intervals (x,
        x_low, x_high) rate_effect and mix_effect, in points of the take rate: they add up to the change of the last row.
        Empty where no stream has a gross amount in both periods, or months is 0.

    Raises:
        OpskitError: As for `changes`.

    Assumes a stream that is new or gone had the other period's rate: its coming or going is mix.

    Source: Marshall-Edgeworth weights, which are the Shapley values of two factors.
    """
    import numpy as np
    import pandas as pd

    if months == 0:
        return pd.DataFrame()
    before, after = two_periods(totals, months, against)
    sums = sums_of_periods(totals, before, after)
    sums = sums[sums.groupby(["side", "stream"])["gross"].transform("sum") > 0]
    total = sums.groupby(["stream", "period"])[["gross", "fee"]].sum()
    gross = total["gross"].unstack("period").reindex(columns=["before", "after"])
    if gross.empty or not (gross.sum() > 0).all():
        return pd.DataFrame()

    def effects(left: "pd.DataFrame") -> "pd.Series[float]":
        shape = left[["gross", "fee"]].to_numpy(dtype=float).reshape(-1, 2, 2)[:, ::-1]  # "after" sorts first
        return pd.Series(np.concatenate(_rate_and_mix(shape[:, :, 0], shape[:, :, 1])).ravel())

    found = stats.jackknife(sums[["stream", "period", "group", "gross", "fee"]], effects, keys=["stream", "period"], confidence=confidence)  # fmt: skip
    values = found.to_numpy().reshape(2, len(gross) + 1, 3)
    fee = total["fee"].unstack("period").reindex(columns=["before", "after"])
    both = [pd.concat([part, part.sum().to_frame(ALL).T]) for part in (gross, fee)]
    rate = both[1] / both[0].where(both[0] > 0)
    table = pd.DataFrame({"stream": both[0].index})
    for name, part in (("gross", both[0]), ("rate", rate)):
        table[[f"{name}_before", f"{name}_after"]] = part.to_numpy()
    for place, name in enumerate(("rate_effect", "mix_effect")):
        table[[name, f"{name}_low", f"{name}_high"]] = values[place]
    return table


def _rate_and_mix(gross: Any, fee: Any) -> "list[np.ndarray[Any, Any]]":
    """Rate and mix effects of streams x (before, after), the sum of each last."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        rate, share = fee / gross, gross / gross.sum(axis=0)
        whole = fee.sum(axis=0) / gross.sum(axis=0)
    there = gross > 0
    rate = np.where(there, rate, rate[:, ::-1])  # new or gone: the rate of the period in which it was there
    rate = np.where(there.any(axis=1)[:, None], rate, 0.0)
    by_rate = (rate[:, 1] - rate[:, 0]) * share.mean(axis=1)
    by_mix = (share[:, 1] - share[:, 0]) * (rate.mean(axis=1) - whole.mean())
    return [np.append(part, part.sum())[None] for part in (by_rate, by_mix)]
