"""How far the business hangs on a few accounts, and who is large without earning anything."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.target_users.key_accounts.estimates import equal_accounts
from opskit.target_users.key_accounts.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd


def dependency(found: Ledger, *, sizes: Sequence[int] = (1, 3, 5, 10), span: str = "window_0") -> "pd.DataFrame":
    """What stands with the most profitable accounts, and what would be left without them.

    Args:
        found: From `ledger`.
        sizes: How many of the largest to take away, each in turn.
        span: Of the periods.

    Returns:
        lost (accounts), revenue, share_of_revenue, profit, share_of_profit (money of the span, all accounts), profit_left,
        replaced_by (how many average other accounts earn as much; nan where the others earn nothing). Counted, not
        estimated: so much stood with them. What such a share would be in another business of the same kind depends on its
        largest few, and no interval drawn from these few holds that.
    """
    import pandas as pd

    table = found.table.sort_values([f"profit_{span}", "account"], ascending=[False, True])
    revenue, profit = (table[f"{what}_{span}"].to_numpy(dtype=float) for what in ("revenue", "profit"))
    buyers = int((table[f"orders_{span}"] > 0).sum())
    rows: list[dict[str, float]] = []
    for size in (size for size in sizes if size < buyers):
        held, left = float(profit[:size].sum()), float(profit[size:].sum())
        row = {"revenue": float(revenue[:size].sum()), "share_of_revenue": float(revenue[:size].sum() / revenue.sum())}
        row |= {"profit": held, "share_of_profit": held / (held + left), "profit_left": left}
        each = left / (buyers - size)
        rows.append({"lost": size, **row, "replaced_by": held / each if each > 0 else float("nan")})
    return pd.DataFrame(rows).astype({"lost": int}) if rows else pd.DataFrame(columns=["lost", *row_names()])


def row_names() -> list[str]:
    """Columns of `dependency` but the first."""
    return ["revenue", "share_of_revenue", "profit", "share_of_profit", "profit_left", "replaced_by"]


def by_review(found: Ledger) -> "pd.DataFrame":
    """How the dependence on a few stood at each review.

    Args:
        found: From `ledger`.

    Returns:
        review (day), n (accounts that ordered in its window), revenue, top_1, top_5, top_10 (shares of revenue of the largest),
        hhi (Herfindahl-Hirschman index of revenue: the sum of squared shares, 1 for a single account), equal_accounts
        (1 / hhi: so many accounts of equal size would be as concentrated). Counted, as in `dependency`.

    Source: Rhoades (1993), "The Herfindahl-Hirschman index"; Adelman (1969) for its inverse as a number of equals.
    """
    import numpy as np
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for at, day in enumerate(found.periods.reviews):
        amounts = np.sort(found.table[f"revenue_window_{at}"].to_numpy(dtype=float))[::-1]
        total, equal = amounts.sum() or float("nan"), equal_accounts(amounts)
        tops = {f"top_{k}": amounts[:k].sum() / total for k in (1, 5, 10)}
        n = int((found.table[f"orders_window_{at}"] > 0).sum())
        rows.append(
            {"review": day, "n": n, "revenue": amounts.sum(), **tops, "hhi": 1 / equal, "equal_accounts": equal}
        )
    return pd.DataFrame(rows)


def ranking(found: Ledger, *, top: int = 20, span: str = "life") -> "pd.DataFrame":
    """The accounts on top by revenue, with their place by profit and what they cost.

    Args:
        found: From `ledger`.
        top: How many of the largest by revenue.
        span: Of the periods.

    Returns:
        account, kind, customers, orders, revenue, revenue_rank, profit, profit_rank (of all accounts), cost_to_serve,
        served (share of revenue that serving costs), loses (profit below 0).
    """
    table = found.table
    columns = {what: table[f"{what}_{span}"] for what in ("orders", "revenue", "profit", "cost_to_serve")}
    ranked = table[["account", "kind", "customers"]].assign(**columns)
    for what in ("revenue", "profit"):
        ranked[f"{what}_rank"] = ranked[what].rank(method="first", ascending=False).astype(int)
    ranked["served"] = ranked["cost_to_serve"] / ranked["revenue"].where(ranked["revenue"] > 0)
    ranked["loses"] = ranked["profit"] < 0
    first = ["account", "kind", "customers", "orders", "revenue", "revenue_rank", "profit", "profit_rank"]
    ranked = ranked.sort_values("revenue_rank", ignore_index=True)[[*first, "cost_to_serve", "served", "loses"]]
    return ranked.head(top)


def losing(ranked: "pd.DataFrame", *, confidence: float = 0.95) -> dict[str, float]:
    """How many of the accounts on top by revenue lose money, and how much.

    Args:
        ranked: From `ranking`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        count, n, share, low, high (Wilson), lost (money).
    """
    count, n = int(ranked["loses"].sum()), len(ranked)
    low, high = (float(bound) for bound in stats.wilson(count, n, confidence=confidence))
    lost = -float(ranked.loc[ranked["loses"], "profit"].sum())
    return {"count": count, "n": n, "share": count / n if n else float("nan"), "low": low, "high": high, "lost": lost}
