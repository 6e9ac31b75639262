"""Clear rules by which an account is a key account, and the sentence that says which of them it meets or misses."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.errors import check
from opskit.target_users.key_accounts.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd


class Rules(NamedTuple):
    """What an account must have at a review; all of it."""

    min_share: float = 0.005  # of all profit of the window
    min_profit: float = 0.0  # in the window, money
    min_orders: int = 6  # in the window
    min_tenure_days: int = 180  # since the first order
    min_growth: float = -1.0  # of profit against the window before; -1: any

    def checked(self) -> "Rules":
        """The rules, once each is known to be possible.

        Raises:
            OpskitError: A rule is out of range.
        """
        check(self.min_share, "min_share", ge=0, le=1)
        check(self.min_profit, "min_profit")
        check(self.min_orders, "min_orders", ge=1)
        check(self.min_tenure_days, "min_tenure_days", ge=0)
        check(self.min_growth, "min_growth", ge=-1)
        return self

    def relaxed(self, keep: float) -> "Rules":
        """The rules with amounts that are only this part of themselves, to stay on the list."""
        check(keep, "keep", gt=0, le=1)
        orders = max(1, int(self.min_orders * keep))
        return self._replace(min_share=self.min_share * keep, min_profit=self.min_profit * keep, min_orders=orders)


def reviewed(found: Ledger, review: int = 0) -> "pd.DataFrame":
    """Every account as it stood at a review.

    Args:
        found: From `ledger`.
        review: 0 the latest, 1 the one before, and so on.

    Returns:
        account, kind, customers, orders, revenue, profit (of the window up to the review), share (of all profit of the
        window), tenure_days (nan before the first order), growth (of profit against the window before; nan where orders do
        not cover it or nothing was earned in it).
    """
    spans, table = found.periods.spans, found.table
    name = f"window_{review}"
    day = found.periods.reviews[review]
    return _standing(found, name, day.toordinal() - _EPOCH).assign(growth=_growth(table, spans, name))


_EPOCH = 719_163  # date.toordinal of 1970-01-01


def _standing(found: Ledger, span: str, day: int) -> "pd.DataFrame":
    table = found.table
    tenure = (day - table["first_day"]).astype(float)
    total = table[f"profit_{span}"].sum()
    kept = table[["account", "kind", "customers"]]
    amounts = {name: table[f"{name}_{span}"] for name in ("orders", "revenue", "profit")}
    share = amounts["profit"] / (total if total > 0 else float("nan"))
    return kept.assign(**amounts, share=share, tenure_days=tenure.where(tenure >= 0))


def _growth(table: "pd.DataFrame", spans: dict[str, Any], name: str) -> "pd.Series[Any]":
    """Known for a window that another one of the ledger ends just before."""
    start = spans[name].after
    ends = [other for other, span in spans.items() if span.until == start and (other == "before" or "window" in other)]
    if not ends:
        return table["first_day"] * float("nan")
    earlier = table[f"profit_{ends[0]}"]
    return table[f"profit_{name}"] / earlier.where(earlier > 0) - 1


def standing_before(found: Ledger) -> "pd.DataFrame":
    """As `reviewed`, on the day on which the latest window began; growth is not known there."""
    start = found.periods.spans["before"].until
    return _standing(found, "before", start.toordinal() - _EPOCH).assign(growth=float("nan"))


def met(standing: "pd.DataFrame", rules: Rules) -> "pd.DataFrame":
    """Which rules each account meets, one column of flags per rule.

    Args:
        standing: From `reviewed`.
        rules: The rules.

    Returns:
        share, profit, orders, tenure_days, growth: true where met. Growth that cannot be known excludes nobody.
    """
    import pandas as pd

    flags = {name: standing[name] >= limit for name, limit in _limits(rules.checked()).items()}
    flags["growth"] |= standing["growth"].isna()
    return pd.DataFrame(flags)


def _limits(rules: Rules) -> dict[str, float]:
    return {
        "share": rules.min_share,
        "profit": rules.min_profit,
        "orders": rules.min_orders,
        "tenure_days": rules.min_tenure_days,
        "growth": rules.min_growth,
    }


def key_accounts(standing: "pd.DataFrame", rules: Rules) -> "pd.DataFrame":
    """The accounts that meet every rule, by profit.

    Args:
        standing: From `reviewed`.
        rules: The rules.

    Returns:
        The rows of the standing that meet them, the most profitable first (equal ones by name).

    >>> import pandas as pd
    >>> standing = pd.DataFrame({"account": ["A", "B"], "profit": [90.0, 10], "share": [0.9, 0.1], "orders": [8, 8]})
    >>> standing = standing.assign(tenure_days=400.0, growth=float("nan"))
    >>> key_accounts(standing, Rules(min_share=0.2))["account"].tolist()
    ['A']
    """
    listed = standing[met(standing, rules).all(axis=1)]
    return listed.sort_values(["profit", "account"], ascending=[False, True], ignore_index=True)


_WORDS = {
    "share": ("profit share", plots.percent),
    "profit": ("profit", plots.number),
    "orders": ("orders", plots.number),
    "tenure_days": ("days known", plots.number),
    "growth": ("growth", plots.percent),
}


def crossed(before: dict[Any, Any], now: dict[Any, Any], rules: Rules, names: list[str]) -> str:
    """Which rules an account has come to meet, or to miss: what it had before and has now, and what the rule asks.

    Args:
        before: The account's row of an earlier `reviewed`.
        now: Of the later one.
        rules: The rules.
        names: Of the rules that were crossed.
    """
    limits, said = _limits(rules), list[str]()
    for name in names:
        words, text = _WORDS[name]
        said.append(f"{words} {text(before[name])} → {text(now[name])}, rule {text(limits[name])}")
    return "; ".join(said)
