"""What a channel costs, four ways: by what is counted, over time, and what the next sign-up costs."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.channel_scorecard.cohorts import Cohorts
from opskit.acquisition.channel_scorecard.scorecard import ratio
from opskit.acquisition.channel_scorecard.weeks import weekly, with_totals
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

VARIANTS = {
    "cost_per_signup": "acquisition spend per sign-up",
    "cac": "acquisition spend per new customer (CAC)",
    "cac_all_spend": "all spend per new customer (blended)",
}
_DAYS_A_MONTH = 365.25 / 12
_NEIGHBOURS = 4  # weeks on each side
_LEAST_WEEKS = 26
_DUST = 1e-6
_STEEPEST = 2.0  # log units a month: a cost that changes more than sevenfold each month is no trend


def cost_variants(card: "pd.DataFrame") -> "pd.DataFrame":
    """The ways to say what a customer costs, each by its name.

    Args:
        card: Of `scorecard`, by channel.

    Returns:
        channel, variant, spend (what is divided), n (what it is divided by), cost, low, high; channels without spend
        left out. `cac_all_spend` differs from `cac` only where repeat spend is booked on the channel or in all.

    >>> import pandas as pd
    >>> cost_variants(
    ...     pd.DataFrame({"channel": ["ads"], "cac": [5.0], "cac_low": [4.0], "cac_high": [6.0], "cac_n": [9]})
    ... )
      channel                                   variant  cost  low  high  n
    0     ads  acquisition spend per new customer (CAC)   5.0  4.0   6.0  9
    """
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for name, variant in VARIANTS.items():
        if name in card:
            one = card[["channel", name, f"{name}_low", f"{name}_high", f"{name}_n"]].copy()
            one.columns = ["channel", "cost", "low", "high", "n"]
            one.insert(1, "variant", variant)
            parts.append(one.dropna(subset="cost"))
    columns = ["channel", "variant", "cost", "low", "high", "n"]
    if not parts:
        return pd.DataFrame(columns=columns)
    place = {name: position for position, name in enumerate(card["channel"])}
    table = pd.concat(parts)
    return table.sort_values("channel", key=lambda names: names.map(place), kind="stable", ignore_index=True)


def cost_trend(found: Cohorts, *, confidence: float = 0.95) -> "pd.DataFrame":
    """By how much the cost of a sign-up changes a month, and whether that may be chance.

    The rate at which cost must grow so that spend, deflated by it, is centred in time where the sign-ups are: the
    slope of a Poisson regression of weekly sign-ups on time with spend as exposure, with its sign turned.

    Args:
        found: Of `cohorts`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel, months (covered by spend), n (sign-ups), per_month (share by which cost per sign-up grows), low, high,
        verdict ("rises", "falls" or "no clear change"). Channels without spend have no row; with fewer than three
        blocks of weeks the figures are missing.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes an even change over the period: with less than two years it holds the season too. Blocks of weeks are left
    out, spend and sign-ups together.
    """
    import numpy as np
    import pandas as pd

    table = with_totals(weekly(found))
    rows: list[dict[str, Any]] = []
    for channel, part in table.groupby("channel", sort=False):
        part = part[(part["costed_signups"] > 0) | (part["spend"] > 0)]
        if not part["spend"].sum() > 0 or not part["costed_signups"].sum() > 0:
            continue
        sums = part.groupby(["week", "group"])[["costed_signups", "spend"]].sum().reset_index()
        weeks = np.sort(part["week"].unique())
        time = (weeks - weeks.mean()) * 7 / _DAYS_A_MONTH

        def slope(totals: "pd.DataFrame", time: "Any" = time) -> float:
            return tilt(time, totals["costed_signups"].to_numpy(float), totals["spend"].to_numpy(float))

        found_slope = stats.jackknife(sums, slope, keys=["week"], confidence=confidence).iloc[0]
        low, high = (float(found_slope[end]) for end in ("low", "high"))
        estimate = float(found_slope["estimate"])
        if sums["group"].nunique() < 3 or not np.isfinite([estimate, low, high]).all():
            estimate = low = high = np.nan
        verdict = "rises" if low > _DUST else "falls" if high < -_DUST else "no clear change"
        row = {"channel": channel, "months": len(weeks) * 7 / _DAYS_A_MONTH, "n": int(part["costed_signups"].sum())}
        rows.append(
            row | dict(zip(("per_month", "low", "high"), np.expm1([estimate, low, high]).round(9) + 0.0, strict=True))
        )
        rows[-1]["verdict"] = verdict
    columns = ["channel", "months", "n", "per_month", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def tilt(time: "Any", signups: "Any", spend: "Any") -> float:
    """Growth rate g of cost at which spend / exp(g * time) has the sign-ups' centre in time; missing if there is none.

    >>> import numpy as np
    >>> time, spend = np.arange(5.0), np.ones(5)
    >>> round(tilt(time, np.exp(-0.1 * time), spend), 6)
    0.1
    """
    import numpy as np
    from scipy.optimize import brentq

    if not signups.sum() > 0 or not spend.sum() > 0:
        return float("nan")
    centre = float((time * signups).sum() / signups.sum())

    def away(growth: float) -> float:
        weight = spend * np.exp(-growth * time)
        return float((time * weight).sum() / weight.sum()) - centre

    if away(-_STEEPEST) * away(_STEEPEST) >= 0:
        return float("nan")
    root: Any = brentq(away, -_STEEPEST, _STEEPEST, xtol=1e-10)
    return float(root)


def marginal_cost(found: Cohorts, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What the additional sign-ups of dear weeks cost, beside the average: a warning, not an estimate of the effect.

    Each week is dear or cheap against the median spend of the eight weeks around it, so that growth and season touch both
    kinds alike. The extra cost is the difference in spend over the difference in sign-ups, per week.

    Args:
        found: Of `cohorts`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel, weeks, average (cost per sign-up), in_cheap_weeks, in_dear_weeks, extra (cost of each additional sign-up in
        dear weeks), low, high, times (extra over average), times_low, times_high. Missing where dear weeks brought no
        more sign-ups; channels with spend in fewer than 26 weeks have no row.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes what brought money into a dear week did not itself bring sign-ups: a campaign in a strong week flatters the
    extra cost. A response curve or an experiment answers the question; this tells whether it must be asked.
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    rows: list[dict[str, Any]] = []
    for channel, part in weekly(found).groupby("channel", sort=False):
        weeks = part.groupby("week").agg({"spend": "sum", "costed_signups": "sum", "group": "first"})
        weeks = weeks[weeks["spend"] > 0]
        if len(weeks) < _LEAST_WEEKS:
            continue
        around = [weeks["spend"].shift(step) for step in range(-_NEIGHBOURS, _NEIGHBOURS + 1) if step]
        usual = pd.concat(around, axis=1).median(axis=1)
        dear = (weeks["spend"] > usual).to_numpy()
        sums = pd.DataFrame({"group": weeks["group"].to_numpy()})
        for name, kind in (("dear", dear), ("cheap", ~dear)):
            sums[f"{name}_weeks"] = kind.astype(float)
            sums[f"{name}_spend"] = weeks["spend"].to_numpy() * kind
            sums[f"{name}_signups"] = weeks["costed_signups"].to_numpy() * kind
        figures = stats.jackknife(sums.groupby("group", as_index=False).sum(), _extra, confidence=confidence)
        values = figures.to_numpy(dtype=float)
        values = np.where(np.isfinite(values), values, np.nan)
        names = ("average", "in_cheap_weeks", "in_dear_weeks", "extra", "times")
        row: dict[str, Any] = {"channel": channel, "weeks": len(weeks), **dict(zip(names, values[:, 0], strict=True))}
        row |= {"low": values[3, 1], "high": values[3, 2], "times_low": values[4, 1], "times_high": values[4, 2]}
        rows.append(row)
    columns = ["channel", "weeks", "average", "in_cheap_weeks", "in_dear_weeks", "extra", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "times", "times_low", "times_high"])


def _extra(totals: "pd.DataFrame") -> "pd.Series[float]":
    import numpy as np
    import pandas as pd

    spend = {name: ratio(totals[f"{name}_spend"], totals[f"{name}_weeks"])[0] for name in ("dear", "cheap")}
    signups = {name: ratio(totals[f"{name}_signups"], totals[f"{name}_weeks"])[0] for name in ("dear", "cheap")}
    total = totals["dear_spend"] + totals["cheap_spend"], totals["dear_signups"] + totals["cheap_signups"]
    average = ratio(*total)[0]
    more = signups["dear"] - signups["cheap"]
    extra = (spend["dear"] - spend["cheap"]) / more if more > 0 else np.nan
    cheap, dear = (ratio(totals[f"{name}_spend"], totals[f"{name}_signups"])[0] for name in ("cheap", "dear"))
    return pd.Series([average, cheap, dear, extra, extra / average])
