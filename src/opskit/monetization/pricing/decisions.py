"""The page's key figures and what they ask for, from whichever sources there are."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.monetization.pricing.arms import SUSPICIOUS
from opskit.monetization.pricing.comparison import stated_and_actual

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.pricing.experiment import PriceTest
    from opskit.monetization.pricing.gabor_granger import GaborGranger
    from opskit.monetization.pricing.panel import PricePanel
    from opskit.monetization.pricing.van_westendorp import VanWestendorp

_POINTS = {
    "PMC": "Below this it looks too cheap (PMC)",
    "OPP": "Fewest object to this price (OPP)",
    "IDP": "As many find this cheap as expensive (IDP)",
    "PME": "Above this it looks too dear (PME)",
}


class Found(NamedTuple):
    """What each source found, None where there is none."""

    points: "VanWestendorp | None" = None
    stated: "GaborGranger | None" = None
    test: "PriceTest | None" = None
    panel: "PricePanel | None" = None


def key_figures(found: Found, *, currency: str = "") -> "pd.DataFrame":
    """Figures for the headline: name, value, low, high, n, unit; those of missing sources are left out.

    Args:
        found: Results of the page's functions.
        currency: Unit of the prices.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    if found.test is not None:
        rows.append(("Elasticity, price test", *_ends(found.test.elasticity), ""))
    if found.panel is not None:
        rows.append(("Elasticity, past sales", *_ends(found.panel.elasticity.head(1)), ""))
    for source, result in (("tested", found.test), ("stated", found.stated)):
        if result is not None:
            goal, best = _best(result.optimum)
            rows.append(
                (f"Price of most {goal}, {source}", best["price"], best["low"], best["high"], best["n"], currency)
            )
    if found.test is not None:
        arm = found.test.arms[found.test.arms["is_current"]]
        per = [100 * arm[column].iloc[0] for column in ("profit", "profit_low", "profit_high")] if len(arm) else []
        name = "Profit per 100 customers at the current price"
        rows += [(name, *per, int(arm["customers"].iloc[0]), currency)] if per else []
    gap = _gap(found)
    if gap is not None:
        name = "Bought, of those who say yes to the current price"
        rows.append((name, gap["bought_per_stated"], gap["low"], min(gap["high"], 1.0), int(gap["n"]), "share"))
    if found.points is not None:
        of_point = found.points.points.set_index("point")
        rows += [(name, *_ends(of_point.loc[[point]]), currency) for point, name in _POINTS.items()]
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def _ends(row: "pd.DataFrame") -> tuple[float, float, float, int]:
    first = row.iloc[0]
    return first["estimate"], first["low"], first["high"], int(first["n"])


def _best(optimum: "pd.DataFrame") -> tuple[str, dict[str, Any]]:
    """The goal that counts, and its row: profit, or revenue where the cost is not known and both are the same."""
    by_goal = optimum.set_index("goal").to_dict("index")
    goal = "revenue" if by_goal["profit"]["price"] == by_goal["revenue"]["price"] else "profit"
    return goal, {str(name): value for name, value in by_goal[goal].items()}


def _gap(found: Found) -> dict[str, Any] | None:
    """Stated and actual purchases at the current price, where both are known and more say it than do it."""
    if found.stated is None or found.test is None:
        return None
    table = stated_and_actual(found.stated, found.test)
    rows = table[(table["price"] == found.test.current_price) & (table["bought_per_stated"] <= 1)].to_dict("records")
    return {str(name): value for name, value in rows[0].items()} if rows else None


def decisions(found: Found, *, current_price: float | None = None, currency: str = "") -> list[str]:
    """What to do, a sentence a source, computed from the figures.

    Args:
        found: Results of the page's functions.
        current_price: What is charged now; None: that of the price test, else not known.
        currency: Written before prices.
    """
    price = current_price if current_price is not None else found.test.current_price if found.test else None
    lines: list[str] = []
    if found.test is not None:
        lines += _about_test(found.test, currency)
    lines += [*_about_sales(found), *_about_stated(found, currency), *_about_points(found, price, currency)]
    return lines


def _about_test(test: "PriceTest", currency: str) -> Iterator[str]:
    uneven = test.lot["p_value"].min()
    if uneven < SUSPICIOUS:
        yield (
            f"**Do not read the price test yet**: customers were not spread over the prices as planned (p = {uneven:.2g}). "
            "Find out who was lost, then test again."
        )
        return
    goal, best = _best(test.optimum)
    at, range_ = plots.money(best["price"], currency), _range(best, currency)
    rivals = test.against_current[test.against_current["measure"] == goal].to_dict("records")
    better = [row for row in rivals if row["low"] > 0]
    current, worse = plots.money(test.current_price, currency), [row for row in rivals if row["high"] < 0]
    if better:
        top = max(better, key=lambda row: row["difference"])
        gain = " to ".join(plots.money(100 * top[end], currency) for end in ("low", "high"))
        yield f"**Charge {plots.money(top['price'], currency)}**: it brings {gain} more {goal} per 100 customers than {current}."
    elif best["flat_low"] <= test.current_price <= best["flat_high"]:
        yield (
            f"**Keep {current}**: no tested price brought more {goal} for certain, and between {range_} it is expected "
            f"to stay within 5% of the best ({at}). Choose inside that range for other reasons: image, stock, partners."
        )
    else:
        yield f"**Test {at} against {current}** with more customers: it is expected to bring more {goal}, without proof as yet."
    if worse:
        told = ", ".join(plots.money(row["price"], currency) for row in worse)
        yield f"Do not go to {told}: less {goal} than {current}, for certain."
    if best["at_edge"]:
        yield f"The best of the tested prices lies at their edge ({at}): **test further** in that direction."


def _range(best: dict[str, Any], currency: str) -> str:
    return f"{plots.money(best['flat_low'], currency)} and {plots.money(best['flat_high'], currency)}"


def _about_sales(found: Found) -> Iterator[str]:
    if found.panel is None:
        return
    fixed, naive = found.panel.elasticity.to_dict("records")
    told = f"{fixed['estimate']:.2f} ({fixed['low']:.2f} to {fixed['high']:.2f})".replace("-", "−")
    pooled = f"{naive['estimate']:.2f}".replace("-", "−")
    if found.test is not None:
        test = found.test.elasticity.iloc[0]
        agree = test["low"] <= fixed["high"] and fixed["low"] <= test["high"]
        more = "which agrees with the test" if agree else "which the test contradicts: **believe the test**"
        yield f"Past sales give an elasticity of {told}, {more}. Pooled without fixed effects they say {pooled}: do not use that."
    else:
        yield (
            f"Past sales give an elasticity of {told}, if nothing but the price changed where it changed: "
            "**prove it with a price test** before acting on it."
        )


def _about_stated(found: Found, currency: str) -> Iterator[str]:
    if found.stated is None:
        return
    gap, (goal, best) = _gap(found), _best(found.stated.optimum)
    if gap is not None:
        yield (
            f"Of 100 customers who say yes to the current price, {100 * gap['bought_per_stated']:.0f} bought: use the survey to "
            "choose **which prices to test**, never to plan volumes."
        )
    elif found.test is None:
        low, high = best["flat_low"], best["flat_high"]
        yield (
            f"**Test prices from {plots.money(low, currency)} to {plots.money(high, currency)}**: by what customers say, {goal} "
            "is nearly the same in between; saying is not buying."
        )


def _about_points(found: Found, price: float | None, currency: str) -> Iterator[str]:
    if found.points is None:
        return
    of_point = found.points.points.set_index("point")["estimate"].to_dict()
    low, high = of_point["PMC"], of_point["PME"]
    told = f"{plots.money(low, currency)} to {plots.money(high, currency)}"
    if price is None:
        yield f"Prices from **{told}** look neither suspicious nor out of reach. This says nothing about how many buy: **test prices inside it**."
    elif low <= price <= high:
        yield f"The current price lies inside **{told}**, where it looks neither suspicious nor out of reach."
    else:
        side = "suspiciously cheap" if price < low else "out of reach"
        yield f"The current price lies outside **{told}** and looks {side} to many: explain it, or test a price inside."
