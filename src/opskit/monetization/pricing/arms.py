"""Statistics of a price test from the sums of its variants: means, comparisons, the lot, the elasticity."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import OpskitError
from opskit.monetization.pricing.curves import earnings, nearly_best

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SUSPICIOUS = 0.001
"""A lot this uneven comes by chance once in a thousand tests: look for the mistake before reading on."""
_GRID = 51


class Slope(NamedTuple):
    """The log-linear demand of a test."""

    elasticity: "pd.DataFrame"  # estimate, low, high, n, prices
    curve: "pd.DataFrame"  # price, demand, demand_low, demand_high


def described(used: "pd.DataFrame", *, unit_cost: float, current: str, confidence: float) -> "pd.DataFrame":
    """Conversion, revenue and profit per customer by variant.

    Args:
        used: Per variant: variant, price, n (customers), buyers, pieces, money and the sums of their squares and products.
        unit_cost: Cost of one piece.
        current: The variant that the others are compared with.
        confidence: Coverage of the intervals.

    Returns:
        variant, price, is_current, customers, buyers, conversion, revenue, profit, each of the last three with low and
        high (of the means nan where nobody bought, or everybody the same).
    """
    import numpy as np
    import pandas as pd

    low, high = stats.wilson(used["buyers"], used["n"], confidence=confidence)
    table = pd.DataFrame(
        {
            "variant": used["variant"],
            "price": used["price"],
            "is_current": used["variant"] == current,
            "customers": used["n"].astype(int),
            "buyers": used["buyers"].astype(int),
            "conversion": used["buyers"] / used["n"],
            "conversion_low": low,
            "conversion_high": high,
        }
    )
    for goal, (mean, variance) in _moments(used, unit_cost).items():
        half = _z(confidence) * np.sqrt(variance.where(variance > 0) / used["n"])
        table = table.assign(**{goal: mean, f"{goal}_low": mean - half, f"{goal}_high": mean + half})
    return table


def _moments(used: "pd.DataFrame", unit_cost: float) -> "dict[str, tuple[pd.Series[Any], pd.Series[Any]]]":
    """Mean and variance per customer of revenue and profit."""
    n, free = used["n"], (used["n"] - 1).clip(lower=1)
    money, pieces = used["money"] / n, used["pieces"] / n
    of_money = (used["money_money"] - n * money**2) / free
    of_pieces = (used["pieces_pieces"] - n * pieces**2) / free
    of_both = (used["pieces_money"] - n * money * pieces) / free
    profit = of_money + unit_cost**2 * of_pieces - 2 * unit_cost * of_both
    return {"revenue": (money, of_money.clip(lower=0)), "profit": (money - unit_cost * pieces, profit.clip(lower=0))}


def against(used: "pd.DataFrame", *, unit_cost: float, current: str, confidence: float) -> "pd.DataFrame":
    """Every other variant less the current one: variant, price, measure, difference, low, high, p_value, n.

    Args:
        used: As in `described`.
        unit_cost: Cost of one piece.
        current: The variant that the others are compared with.
        confidence: Coverage of all intervals of one measure together (Šidák).
    """
    import pandas as pd
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    others = used.loc[used["variant"] != current, "variant"]
    columns = ["variant", "price", "measure", "difference", "low", "high", "p_value", "n"]
    if current not in set(used["variant"]) or others.empty:
        return pd.DataFrame(columns=columns)
    each = confidence ** (1 / len(others))  # Šidák: all of them together have the confidence
    moments = _moments(used, unit_cost)
    sums = {
        str(variant): Aggregates(
            count_=int(n),
            mean_={goal: float(mean.iloc[place]) for goal, (mean, _) in moments.items()},
            var_={goal: float(variance.iloc[place]) for goal, (_, variance) in moments.items()},
        )
        for place, (variant, n) in enumerate(zip(used["variant"], used["n"], strict=True))
    }
    means = {goal: tt.Mean(goal, confidence_level=each, use_t=False) for goal in moments}
    n, price = (used.set_index("variant")[column] for column in ("n", "price"))
    rows: list[dict[str, Any]] = []
    for variant in others:
        for goal, mean in means.items():
            found = mean.analyze_aggregates(sums[current], sums[str(variant)])
            p_value = 1 - (1 - found.pvalue) ** len(others)
            ends = {
                "difference": found.effect_size,
                "low": found.effect_size_ci_lower,
                "high": found.effect_size_ci_upper,
            }
            of = {"variant": variant, "price": price[variant], "measure": goal}
            rows.append({**of, **ends, "p_value": p_value, "n": int(n[variant] + n[current])})
    return pd.DataFrame(rows, columns=columns)


def lot(design: "pd.DataFrame", assigned: "pd.DataFrame", *, current: str) -> "pd.DataFrame":
    """Whether as many customers got each price as planned, each variant tested against the current one.

    Args:
        design: variant, price, planned_share (nan: equal shares).
        assigned: variant, n: customers of one variant, those whose window is not over included.
        current: The variant that the others are compared with.

    Returns:
        variant, planned_share, assigned, p_value (Šidák; nan for the current one).
    """
    import numpy as np
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    counts = assigned.groupby("variant")["n"].sum()
    table = design[["variant", "planned_share"]].assign(assigned=design["variant"].map(counts).fillna(0).astype(int))
    if not (table["planned_share"] > 0).all():
        table["planned_share"] = 1 / len(table)
    table["planned_share"] /= table["planned_share"].sum()
    planned = dict(zip(table["variant"], table["planned_share"], strict=True))
    data = {variant: Aggregates(count_=n) for variant, n in zip(table["variant"], table["assigned"], strict=True)}
    test = tt.SampleRatio(planned)
    others = len(table) - 1
    values = [
        np.nan
        if variant == current or data[variant].count() + data[current].count() == 0
        else 1
        - (1 - min(1.0, test.analyze(data, control=current, treatment=variant, variant="variant").pvalue)) ** others
        for variant in table["variant"]
    ]
    return table.assign(p_value=values).reset_index(drop=True)


def slope(used: "pd.DataFrame", *, confidence: float) -> Slope:
    """Poisson pseudo-maximum likelihood of pieces on log price, robust to any spread of the pieces.

    Args:
        used: As in `described`.
        confidence: Coverage of the intervals.

    Raises:
        OpskitError: Fewer than two different prices sold anything.
    """
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm

    selling = used.loc[used["pieces"] > 0, "price"].nunique()
    if selling < 2:
        raise OpskitError(
            f"{selling} of the tested prices sold anything, must be at least 2: test longer, or other prices."
        )
    n, pieces = used["n"].to_numpy(float), used["pieces"].to_numpy(float)
    log_price = np.log(used["price"].to_numpy(float))
    middle = float(np.average(log_price, weights=n))
    x = np.column_stack([np.ones(len(n)), log_price - middle])
    flat = np.array(
        [np.log(pieces.sum() / n.sum()), 0.0]
    )  # a start of one's own: two prices leave no residual to scale
    model = sm.GLM(pieces, x, family=sm.families.Poisson(), exposure=n)
    fit = model.fit(start_params=flat, method="newton", scale=1.0)
    mean = fit.fittedvalues / n
    # Customers of one variant share their mean, so the sandwich needs only sums: no customer is brought to memory.
    squares = used["pieces_pieces"].to_numpy(float) - 2 * mean * pieces + n * mean**2
    bread = np.linalg.inv(x.T @ (x * (n * mean)[:, None]))
    covariance = bread @ (x.T @ (x * squares[:, None])) @ bread
    half = _z(confidence) * np.sqrt(covariance[1, 1])
    estimate = float(fit.params[1])
    row = {"estimate": estimate, "low": estimate - half, "high": estimate + half}
    row |= {"n": int(n.sum()), "prices": used["price"].nunique()}
    return Slope(pd.DataFrame([row]), _curve(used["price"], middle, fit.params, covariance, confidence))


def _curve(
    prices: "pd.Series[Any]",
    middle: float,
    params: "np.ndarray[Any, Any]",
    covariance: "np.ndarray[Any, Any]",
    confidence: float,
) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    price = np.geomspace(prices.min(), prices.max(), _GRID)
    at = np.column_stack([np.ones(_GRID), np.log(price) - middle])
    half = _z(confidence) * np.sqrt(np.maximum(((at @ covariance) * at).sum(axis=1), 0))  # rounding may fall below 0
    log_demand = at @ params
    ends = {"demand_low": np.exp(log_demand - half), "demand_high": np.exp(log_demand + half)}
    return pd.DataFrame({"price": price, "demand": np.exp(log_demand), **ends})


def optimum(slope: Slope, *, unit_cost: float) -> "pd.DataFrame":
    """The price within those tested that earns most if the elasticity is the same at all of them.

    Args:
        slope: Of `slope`.
        unit_cost: Cost of one piece.

    Returns:
        goal (revenue, profit), price, low, high (what the ends of the elasticity's interval give), n, flat_low and
        flat_high (prices that earn at least 95% of the best), at_edge.
    """
    import pandas as pd

    prices = slope.curve["price"].to_numpy()
    row = slope.elasticity.iloc[0]
    curve = earnings(slope.curve, unit_cost)
    rows: list[dict[str, Any]] = []
    for goal, cost in (("revenue", 0.0), ("profit", unit_cost)):
        ends = [_best(row[end], cost, prices[0], prices[-1]) for end in ("low", "estimate", "high")]
        edges = nearly_best(prices, curve[goal].to_numpy()) | {"at_edge": ends[1] in {prices[0], prices[-1]}}
        rows.append({"goal": goal, "price": ends[1], "low": ends[0], "high": ends[2], "n": int(row["n"]), **edges})
    return pd.DataFrame(rows)


def _best(elasticity: float, unit_cost: float, lowest: float, highest: float) -> float:
    if elasticity >= -1:
        return highest
    return min(max(unit_cost * elasticity / (1 + elasticity), lowest), highest)


def _z(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
