"""What accounts picked on one period bring in the next, and how much of a good period is luck."""

from typing import TYPE_CHECKING, Any

from opskit.errors import TooLittleDataError, check
from opskit.target_users.key_accounts.estimates import FEWEST_EQUAL, equal_accounts, ratio, without_bounds
from opskit.target_users.key_accounts.ledger import FEWEST, Ledger
from opskit.target_users.key_accounts.rules import Rules, met, standing_before

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

SEVERAL_OF, SINGLE = "with several customers", "single customers"  # kinds of accounts among the best
_FEWEST_PICKED = 15  # fewer accounts than that are a story each, and no rate


def kept(found: Ledger, rules: Rules, *, top_share: float = 0.05, confidence: float = 0.95) -> "pd.DataFrame":
    """Picks accounts on one window and looks at the same accounts in the next.

    Args:
        found: From `ledger`.
        rules: The rules of entry, applied on the day on which the latest window began.
        top_share: Of the accounts that ordered in the first window, the best by profit.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        pick (by the rules; best 5% by profit, and of these those with several customers and single ones; everybody), n,
        before, after (profit), kept (after over before), low, high, share_before, share_after (of all profit of the window,
        new accounts included). No interval with fewer than 15 accounts.

    Raises:
        TooLittleDataError: Fewer than 20 accounts ordered in the first window, or they earned nothing.
        OpskitError: top_share is not between 0 and 1.

    Assumes accounts are independent of each other. Picking by past profit picks luck as well: what is lost is **regression
    to the mean** and change together; `luck` tells them apart.
    """
    import numpy as np
    import pandas as pd

    check(top_share, "top_share", gt=0, lt=1)
    table = found.table
    known = (table["orders_before"] > 0).to_numpy()
    if known.sum() < FEWEST or not table.loc[known, "profit_before"].sum() > 0:
        raise TooLittleDataError(
            f"{known.sum()} accounts ordered in the {found.periods.window_days} days up to "
            f"{found.periods.spans['before'].until}; at least {FEWEST} that earned something are needed."
        )
    before, after = (table[f"profit_{span}"].to_numpy(dtype=float) for span in ("before", "window_0"))
    best, grouped = _best(before, known, top_share), (table["kind"] == "account").to_numpy()
    name = f"best {100 * top_share:g}% by profit"
    picks = {"by the rules": known & met(standing_before(found), rules).all(axis=1).to_numpy(), name: best}
    if grouped.any():
        picks |= {f"{name}: {SEVERAL_OF}": best & grouped, f"{name}: {SINGLE}": best & ~grouped}
    picks["everybody"] = known
    rows: list[dict[str, Any]] = []
    for pick, chosen in picks.items():
        row = {"pick": pick, "n": int(chosen.sum()), "before": before[chosen].sum(), "after": after[chosen].sum()}
        found_ratio = ratio(after[chosen], before[chosen], confidence=confidence)
        if chosen.sum() < _FEWEST_PICKED or pick.endswith(SINGLE):
            found_ratio = without_bounds(found_ratio)  # few of the single ones come back, and decide it alone
        row |= {"kept": found_ratio["estimate"], "low": found_ratio["low"], "high": found_ratio["high"]}
        shares = {"share_before": row["before"] / before.sum(), "share_after": row["after"] / after.sum()}
        rows.append(row | (shares if before.sum() > 0 else dict.fromkeys(shares, np.nan)))
    return pd.DataFrame(rows)


def _best(profit: "Vector", among: "Vector", share: float) -> "Vector":
    """The round(n * share) most profitable of them, at least one."""
    import numpy as np

    size = max(1, round(float(among.sum()) * share))
    order = np.argsort(np.where(among, -profit, np.inf), kind="stable")[:size]
    return np.isin(np.arange(len(profit)), order)


def luck(found: Ledger, *, top_share: float = 0.05, confidence: float = 0.95) -> "pd.DataFrame":
    """Picks the best accounts on every other week, and looks at the weeks between: the same time, so that only luck differs.

    Args:
        found: From `ledger`.
        top_share: Of the accounts that ordered in the latest window, the best by profit of the weeks picked on.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        picked_on (even weeks, odd weeks, both together), n (accounts), there (their share of all profit of the weeks picked
        on), between (of the other weeks), kept (between over there), low, high. 1 means that a good half year is no luck at
        all; what is missing is regression to the mean.

    Raises:
        TooLittleDataError: Fewer than 20 accounts ordered in the window, or one of the two halves earned nothing.
        OpskitError: top_share is not between 0 and 1.

    Assumes accounts are independent of each other, and that what an account orders in one week says nothing of the next but
    by how good an account it is: whoever stocks up seems luckier than they are.
    """
    import numpy as np
    import pandas as pd

    check(top_share, "top_share", gt=0, lt=1)
    table = found.table
    bought = (table["orders_window_0"] > 0).to_numpy()
    halves = [table[f"profit_{name}"].to_numpy(dtype=float) for name in ("even", "odd")]
    if bought.sum() < FEWEST or not min(half.sum() for half in halves) > 0:
        raise TooLittleDataError(
            f"{bought.sum()} accounts ordered in the window; every other week must earn something."
        )
    shares = [half / half.sum() for half in halves]
    tops, bottoms, rows = list[Any](), list[Any](), list[dict[str, Any]]()
    for name, on, other in (("even weeks", *shares), ("odd weeks", *shares[::-1])):
        chosen = _best(on, bought, top_share)
        tops.append(np.where(chosen, other, 0.0))
        bottoms.append(np.where(chosen, on, 0.0))
        rows.append(_luck(name, tops[-1], bottoms[-1], confidence))
    rows.append(_luck("both together", tops[0] + tops[1], bottoms[0] + bottoms[1], confidence))
    for name in ("there", "between"):
        rows[-1][name] /= 2
    return pd.DataFrame(rows)


def _luck(name: str, top: "Vector", bottom: "Vector", confidence: float) -> dict[str, Any]:
    chosen = bottom != 0
    found = ratio(top[chosen], bottom[chosen], confidence=confidence)
    if not equal_accounts(bottom[chosen]) >= FEWEST_EQUAL / 2:
        found = without_bounds(found)
    row = {"picked_on": name, "n": int(chosen.sum()), "there": float(bottom.sum()), "between": float(top.sum())}
    return row | {"kept": found["estimate"], "low": found["low"], "high": found["high"]}
