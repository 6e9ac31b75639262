"""The page's rules of thumb, its key figures, the truth beside them, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.customers import Concentration
from opskit.target_users.key_accounts.dependency import losing
from opskit.target_users.key_accounts.holdout import SEVERAL_OF, SINGLE
from opskit.target_users.key_accounts.ledger import Ledger
from opskit.target_users.key_accounts.movement import ENTERED, LEFT
from opskit.target_users.key_accounts.whale import Whale

if TYPE_CHECKING:
    import pandas as pd

FEWEST_KEY, MOST_KEY = 5, 25  # the rule of thumb, as a claim
_NOTHING = (float("nan"), float("nan"), float("nan"), 0)
_DEPENDENT = 0.1  # share of profit of one account from which it is named a risk


def count(found: Ledger, listed: "pd.DataFrame", *, confidence: float = 0.95) -> dict[str, float]:
    """How many key accounts there are, and how many the same rules would find in another business of the kind.

    Args:
        found: From `ledger`.
        listed: From `key_accounts`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        estimate, low, high (accounts; Wilson's interval of the share of accounts that meet the rules), n (accounts that
        ordered in the window).
    """
    n = int((found.table["orders_window_0"] > 0).sum())
    low, high = (n * float(bound) for bound in stats.wilson(len(listed), n, confidence=confidence))
    return {"estimate": len(listed), "low": low, "high": high, "n": n}


def claims(found: Ledger, listed: "pd.DataFrame", whale: Whale, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Rules of thumb held against the data.

    Args:
        found: From `ledger`.
        listed: From `key_accounts`.
        whale: From `whale_curve`, with the top 20%.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        claim, source, estimate, low, high, n, at_least, at_most, verdict (``holds``, ``does not hold``, ``not enough data``).
    """
    import pandas as pd

    number = count(found, listed, confidence=confidence)
    top = whale.measures.set_index("measure").loc["top 20%"].to_dict()
    rows = (
        ("key accounts number 5 to 25", "handbook of customer management", number, FEWEST_KEY, MOST_KEY),
        ("the best 20% earn 150% to 300% of profit", "Kaplan and Narayanan (2001)", top, 1.5, 3.0),
    )
    table = [
        {"claim": claim, "source": source, **{name: one[name] for name in ("estimate", "low", "high", "n")}}
        | {"at_least": least, "at_most": most}
        | {"verdict": stats.verdict(one["low"], one["high"], at_least=least, at_most=most)}
        for claim, source, one, least, most in rows
    ]
    return pd.DataFrame(table)


def recovery(
    found: Ledger,
    whale: Whale,
    spread: Concentration,
    lasting: "pd.DataFrame | None",
    chance: "pd.DataFrame | None",
) -> "pd.DataFrame":
    """Figures that follow from what is planted in the sample shop, estimated from the data.

    Args:
        found: From `ledger`, without the costs of messages and benefits.
        whale: From `whale_curve` of it.
        spread: From `customers.concentration` of the orders by account.
        lasting: From `kept` of it, the best 5%; None where orders do not cover two windows.
        chance: From `luck` of it, the best 5%.

    Returns:
        name (as in truth.json), estimate, low, high, n; only figures with an interval.
    """
    import pandas as pd

    names = {"top 10%": "top_10_percent.profit", "top 20%": "top_20_percent.profit", "losing accounts": "losing_share"}
    names["lost again"] = "lost_again"
    bounds = ["estimate", "low", "high", "n"]
    parts = whale.measures[whale.measures["measure"].isin(list(names))]
    rows = [{"name": f"key_accounts.{names[row['measure']]}", **row} for row in parts.to_dict("records")]
    top = spread.measures[spread.measures["measure"] == "top 10%"]
    rows += [{"name": "key_accounts.top_10_percent.revenue", **row} for row in top.to_dict("records")]
    for table, pick, name in ((lasting, "best 5% by profit", "kept"), (chance, "both together", "luck_kept")):
        if table is not None:
            one = table[table.iloc[:, 0] == pick].rename(columns={"kept": "estimate"})
            rows += [{"name": f"key_accounts.{name}", **row} for row in one.to_dict("records")]
    table = pd.DataFrame(
        rows if found.has_cost_to_serve else [], columns=["name", *bounds]
    )  # planted with its cost only
    return table[table["low"].notna()].reset_index(drop=True)


def key_figures(
    found: Ledger,
    listed: "pd.DataFrame",
    whale: Whale,
    ranked: "pd.DataFrame",
    lost: "pd.DataFrame",
    lasting: "pd.DataFrame | None",
    chance: "pd.DataFrame | None",
    moved: "pd.DataFrame",
    *,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        found: From `ledger`.
        listed: From `key_accounts`.
        whale: From `whale_curve`.
        ranked: From `ranking`.
        lost: From `dependency`.
        lasting: From `kept`; None where there is none.
        chance: From `luck`; None where there is none.
        moved: From `moves`.
        confidence: Coverage of the intervals, between 0 and 1.
    """
    import pandas as pd

    number, unknown = count(found, listed, confidence=confidence), (float("nan"), float("nan"))
    n = int(number["n"])
    rows: list[tuple[Any, ...]] = [
        ("Key accounts", *(number[one] for one in ("estimate", "low", "high")), n, "accounts")
    ]
    share = float(listed["share"].sum()) if len(listed) else 0.0
    rows.append(("Profit that stands with them", _percent(share), *unknown, n, "%"))
    one = lost[lost["lost"] == 1]
    largest = float(one["share_of_profit"].iloc[0]) if len(one) else float("nan")
    rows.append(("Profit that stands with the largest account", _percent(largest), *unknown, n if len(one) else 0, "%"))
    measures = whale.measures.set_index("measure")
    for measure, words, unit in (
        ("top 20%", "Profit that the best 20% of accounts earn", "%"),
        ("losing accounts", "Accounts that lose money", "share"),
        ("lost again", "Of what the profitable earn, lost again by the others", "%"),
    ):
        known = measures.loc[measure].to_dict()
        bounds = [float(known[name]) for name in ("estimate", "low", "high")]
        rows.append((words, *(map(_percent, bounds) if unit == "%" else bounds), known["n"], unit))
    large = losing(ranked, confidence=confidence)
    words = f"Of the {len(ranked)} accounts largest by revenue, those that lose money"
    rows.append((words, *(large[one] for one in ("share", "low", "high", "n")), "share"))
    for table, pick, words in (
        (lasting, "best", "Profit of the best accounts of one window that is left in the next"),
        (chance, "both", "The same between weeks of one window, where only luck differs"),
    ):
        part = None if table is None else table[table.iloc[:, 0].str.startswith(pick)].iloc[0]
        left: list[Any] = list(_NOTHING) if part is None else part[["kept", "low", "high", "n"]].tolist()
        rows.append((words, *map(_percent, left[:3]), left[3], "%"))
    for move, words in (
        (ENTERED, "Accounts that came onto the list since the review before"),
        (LEFT, "Accounts that left it"),
    ):
        value = float((moved["move"] == move).sum()) if len(moved) else float("nan")
        rows.append((words, value, *unknown, len(moved), "accounts"))
    figures = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    return figures.assign(n=figures["n"].astype("int64"))


def _percent(share: float) -> float:
    """In hundredths, for shares that may lie above 1: of a profit from which others take away."""
    return round(100 * share, 2)


def decisions(
    found: Ledger,
    listed: "pd.DataFrame",
    ranked: "pd.DataFrame",
    lost: "pd.DataFrame",
    lasting: "pd.DataFrame | None",
    chance: "pd.DataFrame | None",
    moved: "pd.DataFrame",
    ways: "pd.DataFrame",
    files: "pd.DataFrame",
    *,
    currency: str = "",
) -> list[str]:
    """What to do, computed from the figures; arguments as `key_figures`.

    Args:
        found: From `ledger`.
        listed: From `key_accounts`.
        ranked: From `ranking`.
        lost: From `dependency`.
        lasting: From `kept`.
        chance: From `luck`.
        moved: From `moves`.
        ways: From `listings`.
        files: From `cards`.
        currency: Of the amounts.
    """
    lines = [_said_of_losers(found, ranked, currency), *_said_of_files(files)]
    lines.append(_said_of_dependence(lost, currency))
    lines.append(_said_of_number(listed))
    if chance is not None and chance["kept"].iloc[-1] == chance["kept"].iloc[-1]:
        one = chance.iloc[-1]
        lines.append(
            f"Plan with **{plots.percent(min(one['kept'], 1.0))}** of what the best accounts of a good half year brought: so "
            "much of it is left in other weeks of the same time. The rest was luck."
        )
    lines += [_said_of_time(lasting), _said_of_moves(moved, ways)]
    return [line for line in lines if line]


def _said_of_losers(found: Ledger, ranked: "pd.DataFrame", currency: str) -> str:
    if not (found.has_margin or found.has_cost_to_serve):
        return (
            "Find out first **what the accounts cost**: without margin and cost to serve, revenue stands in for profit, and "
            "no account can be seen to lose money."
        )
    bad = losing(ranked)
    if not bad["count"]:
        return f"None of the {len(ranked)} accounts largest by revenue loses money: **change no terms** for now."
    names = ranked.loc[ranked["loses"], "account"].tolist()
    named = ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
    return (
        f"Renegotiate with **{bad['count']:.0f} of the {len(ranked)} accounts largest by revenue**: they have lost "
        f"{plots.money(bad['lost'], currency)} so far ({named}). Agree on service and price before selling them more."
    )


def _said_of_files(files: "pd.DataFrame") -> list[str]:
    if files.empty:
        return []
    soon = files[files["reason"] != ""]
    if soon.empty:
        return [f"Keep to the dates: **none of the {len(files)} cards** is due before its turn."]
    steps = ", ".join(f"{step} ({n})" for step, n in soon["step"].value_counts().items())
    return [f"Review **{len(soon)} of the {len(files)}** key accounts before their turn: {steps}."]


def _said_of_dependence(lost: "pd.DataFrame", currency: str) -> str:
    if lost.empty:
        return ""
    first, last = lost.iloc[0].to_dict(), lost[lost["lost"] <= 5].iloc[-1].to_dict()
    text = (
        f"losing the largest {last['lost']:.0f} would take {plots.money(last['profit'], currency)}, "
        f"{plots.percent(last['share_of_profit'])} of the window's profit"
    )
    if last["replaced_by"] == last["replaced_by"]:
        text += f", as much as {last['replaced_by']:,.0f} average accounts earn"
    if first["share_of_profit"] >= _DEPENDENT:
        return f"**Spread the risk**: one account holds {plots.percent(first['share_of_profit'])} of profit; {text}."
    return f"No single account holds a tenth of profit: **guard the few together**; {text}."


def _said_of_number(listed: "pd.DataFrame") -> str:
    n = len(listed)
    if not n:
        return "**No account meets the rules**: lower min_share, min_orders or min_tenure_days, or work without a list."
    if n > MOST_KEY:
        return f"Raise min_share: **{n} key accounts** are more than anybody can look after one by one."
    if n < FEWEST_KEY:
        return f"Only **{n} accounts** meet the rules: one colleague looks after them beside other work."
    return f"Give each of the **{n} key accounts** an owner and a date: so many can be looked after one by one."


def _said_of_time(lasting: "pd.DataFrame | None") -> str:
    if lasting is None:
        return ""
    found: dict[str, dict[Any, Any]] = {
        kind: row for row in lasting.to_dict("records") for kind in (SEVERAL_OF, SINGLE) if row["pick"].endswith(kind)
    }
    if len(found) < 2 or not min(row["n"] for row in found.values()):
        return ""
    grown = found[SEVERAL_OF]["kept"] > found[SINGLE]["kept"]
    return (
        f"Bind {'accounts of several customers before single ones' if grown else 'single customers as well as accounts'}: of "
        f"the best of one window the accounts brought {plots.percent(found[SEVERAL_OF]['kept'])} of it again in the next, "
        f"single customers {plots.percent(found[SINGLE]['kept'])}."
    )


def _said_of_moves(moved: "pd.DataFrame", ways: "pd.DataFrame") -> str:
    changed = moved[moved["move"].isin([ENTERED, LEFT])] if len(moved) else moved
    if ways.empty:
        return "Whether the list is steady **cannot be told**: orders cover one review only."
    by = ways.set_index("way")["changes_per_review"]
    best, one = str(by.idxmin()), float(by["one line"])
    real = int(changed["more_than_chance"].sum()) if len(changed) else 0
    text = f"{real} of the {len(changed)} moves since the review before {'is' if real == 1 else 'are'} more than chance"
    if changed.empty:
        text = "nobody came or left since the review before"
    if best == "one line" or not one:
        return f"Keep the list as it is: {text}."
    return (
        f"Take off and put on by **{'a band' if best == 'band' else 'two reviews'}** instead of one line: {by[best]:.1f} "
        f"changes a review instead of {one:.1f}; {text}."
    )
