"""The page's claims, its key figures, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.acquisition.referral.cycle import NAIVE_WITHIN, Cycle
from opskit.acquisition.referral.growth import EVERYBODY
from opskit.acquisition.referral.inviters import NO_ORDER
from opskit.acquisition.referral.value import anyway_at_most

if TYPE_CHECKING:
    import pandas as pd

CLAIMED_SHARE = 0.5
_BOUNDS = ["rate", "low", "high", "customers"]
_NONE = (float("nan"), float("nan"), float("nan"), 0)


def claims(
    shares: "pd.DataFrame", k: "pd.DataFrame", compared: "pd.DataFrame", spending: "pd.DataFrame"
) -> "pd.DataFrame":
    """What is said about word of mouth, held against the data.

    Args:
        shares: From `referred_share`.
        k: From `k_factor`.
        compared: From `compare`.
        spending: From `by_spending`.

    Returns:
        claim, figure, estimate, low, high, n, verdict (``holds``, ``does not hold``, ``not enough data``).
    """
    import pandas as pd

    year, longest, worth = shares.iloc[1], _longest(k), _worth(compared)
    everybody, buyers = spending.iloc[0], spending[~spending["spent"].isin([EVERYBODY, NO_ORDER])]
    best = buyers.iloc[-1] if len(buyers) else pd.Series([*_NONE, "most"], index=[*_BOUNDS, "spent"])
    apart = best["low"] > everybody["high"] or best["high"] < everybody["low"]
    rows: list[tuple[Any, ...]] = [
        (
            f"At least {CLAIMED_SHARE:.0%} come by word of mouth",
            "share referred, last 365 days",
            *year[["share", "low", "high", "customers"]],
            stats.verdict(year["low"], year["high"], at_least=CLAIMED_SHARE),
        ),
        (
            "It grows by itself",
            f"K within {longest['days']} days, above 1",
            *longest[["k", "low", "high", "customers"]],
            stats.verdict(longest["low"], longest["high"], at_least=1),
        ),
        (
            "Referred customers are worth more",
            "difference in value, same month of sign-up, above 0",
            *worth[["adjusted", "adjusted_low", "adjusted_high", "n_referred"]],
            stats.verdict(worth["adjusted_low"], worth["adjusted_high"], at_least=0),
        ),
        (
            "The best customers bring most others",
            f"K of those who spent {best['spent']}, above that of everybody",
            *best[_BOUNDS],
            stats.verdict(float(best["low"]), float(best["high"]), at_least=everybody["high"])
            if apart
            else "not enough data",
        ),
    ]
    return pd.DataFrame(rows, columns=["claim", "figure", "estimate", "low", "high", "n", "verdict"])


def _longest(k: "pd.DataFrame") -> "pd.Series[Any]":
    """The longest window in which anybody could be seen, else the longest asked for."""
    everybody = k[k["among"] == EVERYBODY]
    seen = everybody[everybody["k"].notna()]
    return (seen if len(seen) else everybody).iloc[-1]


def _worth(compared: "pd.DataFrame") -> "pd.Series[Any]":
    return compared[compared["measure"] == "value"].iloc[0]


def key_figures(
    shares: "pd.DataFrame",
    k: "pd.DataFrame",
    cycle: Cycle,
    compared: "pd.DataFrame",
    holding: "pd.DataFrame",
    invited: "pd.DataFrame",
    *,
    value_days: int = 180,
    reward: float = float("nan"),
    currency: str = "",
) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        shares: From `referred_share`.
        k: From `k_factor`.
        cycle: From `cycle_time`.
        compared: From `compare`.
        holding: The first table of `concentration`.
        invited: From `per_invitation`; empty without invitations.
        value_days: As given to `links`.
        reward: As given to `break_even`.
        currency: Of the value.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = [
        ("Came by referral, last 365 days", *shares.iloc[1][["share", "low", "high", "customers"]], "share"),
        ("Came by referral, all", *shares.iloc[0][["share", "low", "high", "customers"]], "share"),
    ]
    everybody = k[k["among"] == EVERYBODY]
    for row in (everybody.iloc[0], everybody.iloc[-1]):
        name = f"K, brought per customer within {row['days']} days"
        rows.append((name, *row[["k", "low", "high", "customers"]], ""))
    last = everybody.iloc[-1]
    names = ["inviter_share", "inviter_low", "inviter_high", "customers"]
    rows.append((f"Brought anybody within {last['days']} days", *last[names], "share"))
    names = ["amplification", "amplification_low", "amplification_high", "customers"]
    bounded = last[names] if last[names].notna().all() else (last["amplification"], *_NONE[:2], last["customers"])
    rows.append((f"What one customer becomes, at K within {last['days']} days", *bounded, "customers"))
    half, naive = (cycle.days[cycle.days["measure"] == name].iloc[0] for name in ("half", NAIVE_WITHIN))
    rows.append(("Half of those brought have come by day", *half[["estimate", "low", "high", "n"]], "days"))
    rows.append(("The same, read from the delays seen", naive["estimate"], *_NONE[:2], naive["n"], "days"))
    if len(invited):
        rows.append(("Sign-ups per invitation", *invited.iloc[0][["estimate", "low", "high", "n"]], ""))
    worth = _worth(compared)
    for name, column, n in (("referred", "referred", "n_referred"), ("others", "others", "n_others")):
        bounds = [column, f"{column}_low", f"{column}_high", n]
        rows.append((f"Value in {value_days} days, {name}", *worth[bounds], currency))
    bounds = ["adjusted", "adjusted_low", "adjusted_high", "n_referred"]
    rows.append(("Difference in value, same month of sign-up", *worth[bounds], currency))
    half_of = worth[["referred", "referred_low", "referred_high"]].to_numpy(dtype=float) / 2
    rows.append(("A referral may cost, if half would have come anyway", *half_of, worth["n_referred"], currency))
    if reward == reward:
        most = anyway_at_most(compared, reward=reward)
        bounds = [most[name] for name in ("value", "low", "high")]
        rows.append(("May come anyway before the reward is lost", *bounds, worth["n_referred"], "share"))
    few = holding[holding["share_of_customers"] >= 0.005]
    if len(few):
        row = few.iloc[0]
        name = f"Brought by the {row['inviters']:.0f} who brought most"
        rows.append((name, round(float(row["share"]), 3), *_NONE[:2], int(holding["brought"].iloc[-1]), "share"))
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    return table.assign(n=table["n"].astype(int))


def decisions(
    claimed: "pd.DataFrame",
    k: "pd.DataFrame",
    cycle: Cycle,
    compared: "pd.DataFrame",
    listed: "pd.DataFrame",
    *,
    reward: float = float("nan"),
    currency: str = "",
) -> list[str]:
    """What to do, computed from the figures.

    Args:
        claimed: From `claims`.
        k: From `k_factor`.
        cycle: From `cycle_time`.
        compared: From `compare`.
        listed: From `top_inviters`.
        reward: As given to `break_even`.
        currency: Of the value.
    """
    verdict = dict(zip(claimed["claim"], claimed["verdict"], strict=True))
    half, growth, worth, best = verdict.values()
    year = claimed.iloc[0]
    lines = [_of_share(year, half), _of_growth(_longest(k), growth), _of_time(cycle)]
    lines += [_of_worth(_worth(compared), worth, currency), _of_reward(compared, reward, currency)]
    lines.append(_of_whom(best, listed))
    return lines


def _of_share(year: "pd.Series[Any]", verdict: str) -> str:
    if not year["n"]:
        return "Nobody signed up in the last 365 days: the share of referral **cannot be told**."
    figures = f"{plots.percent(year['estimate'])} ({plots.percent(year['low'])} to {plots.percent(year['high'])})"
    told = {
        "holds": f"Treat referral as the **main channel**: it brought {figures} of the new customers of the last 365 days.",
        "does not hold": f"Plan with **{figures}** of new customers by referral, the last 365 days' share, not with the half "
        "that others report.",
        "not enough data": f"Do not plan with **half** of new customers by referral yet: {figures} leaves it open.",
    }
    return told[verdict]


def _of_growth(row: "pd.Series[Any]", verdict: str) -> str:
    if row["k"] != row["k"]:
        return f"Whether referral grows by itself **cannot be told** until customers are {row['days']} days old."
    if verdict == "does not hold":
        return (
            f"Count on referral as a **multiplier**, not an engine: at K within {row['days']} days a hundred customers won "
            f"otherwise end as {plots.number(100 * row['amplification'])}. What wins the hundred still decides."
        )
    if verdict == "holds":
        return f"K within {row['days']} days is **above 1**: each generation outgrows the last. Watch where it ends."
    return f"K within {row['days']} days may lie on **either side of 1**: look again with more customers."


def _of_time(cycle: Cycle) -> str:
    half, naive = (cycle.days[cycle.days["measure"] == name].iloc[0] for name in ("half", NAIVE_WITHIN))
    if half["estimate"] != half["estimate"]:
        return "How long bringing takes **cannot be told**: nobody was brought within the horizon."
    return (
        f"Judge a referral programme no earlier than **day {half['estimate']:.0f}** of its customers: half of what it "
        f"brings within {half['horizon_days']} days comes later. The delays seen so far say day {naive['estimate']:.0f}: they "
        "leave out what is still to come."
    )


def _of_worth(worth: "pd.Series[Any]", verdict: str, currency: str) -> str:
    if worth["adjusted"] != worth["adjusted"]:
        return "Whether referred customers are worth more **cannot be told**: too few are old enough."
    figures = (
        f"{plots.money(worth['adjusted'], currency)} a customer ({plots.number(worth['adjusted_low'])} to "
        f"{plots.number(worth['adjusted_high'])})"
    )
    told = {
        "holds": f"Referred customers are worth **more** than others of their month, by {figures}: find more people like "
        "them. That the invitation made them so, this does not show.",
        "does not hold": f"Referred customers are worth **less** than others of their month, by {figures}: look at who is "
        "invited, and for what reward.",
        "not enough data": f"Value no referral higher than another sign-up: the difference of {figures} **may be chance**.",
    }
    return told[verdict]


def _of_reward(compared: "pd.DataFrame", reward: float, currency: str) -> str:
    worth = _worth(compared)["referred"]
    if worth != worth:
        return "What a referral may cost **cannot be told**: too few referred customers are old enough."
    if reward != reward:
        return (
            f"Pay no more than **{plots.money(worth / 2, currency)}** per referred sign-up while half of them might have come "
            "anyway; offer the reward to a random part of customers to learn how many would."
        )
    most = anyway_at_most(compared, reward=reward)
    if not most["value"]:
        return f"**Lower the reward** of {plots.money(reward, currency)}: a referred customer does not bring it back."
    return (
        f"The reward of {plots.money(reward, currency)} pays while no more than **{plots.percent(most['value'])}** "
        f"({plots.percent(most['low'])} to {plots.percent(most['high'])}) of the referred would have come anyway. How many "
        "would, only a reward kept from a random part of customers tells."
    )


def _of_whom(best: str, listed: "pd.DataFrame") -> str:
    whom = {
        "holds": "Ask the customers who **spend most** first: they bring more others.",
        "does not hold": "Do not look for inviters among those who **spend most**: they bring fewer others.",
        "not enough data": "Ask **everybody** to bring others: those who spend most are not seen to bring more.",
    }[best]
    if listed.empty:
        return whom
    odd = int((listed["look"] != "").sum())
    look = f" Look at {odd} of the {len(listed)} listed before paying them." if odd else ""
    return f"{whom} Thank the {len(listed)} who brought most by name.{look}"
