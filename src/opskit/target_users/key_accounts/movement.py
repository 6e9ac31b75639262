"""Who came onto the list and who left it between two reviews, by which rule, and how much of that is chance."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opskit.errors import check
from opskit.target_users.key_accounts.ledger import Ledger
from opskit.target_users.key_accounts.rules import Rules, crossed, met, reviewed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

ENTERED, LEFT, STAYED = "entered", "left", "stayed"
_COLUMNS = ("account", "kind", "move", "reason", "share_before", "share_now", "orders_before", "orders_now")


def moves(found: Ledger, rules: Rules, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Accounts on the list at the latest review or at the one before, with the rules they crossed.

    Args:
        found: From `ledger`.
        rules: The rules of entry.
        confidence: 1 less the chance of calling any change real where nothing has changed, between 0 and 1.

    Returns:
        account, kind, move (entered, left, stayed), reason (the rules crossed, with what was and what is), share_before,
        share_now (of all profit of the window), orders_before, orders_now, profit_before, profit_now, change, low, high (of
        the change, each account by itself), more_than_chance (of all accounts that were looked at together). Entered
        first, then left, then stayed, each by profit. Empty where orders cover one review only.

    Assumes orders of an account come independently of each other, at an even pace: then only orders that the later window
    has and the earlier one has not, or the reverse, make a change, and their squared profits add up to its variance. A
    move that is more than chance may still be a season's.

    Source: normal approximation to a compound Poisson process; Bonferroni for the accounts together.
    """
    import pandas as pd

    if len(found.periods.reviews) < 2:
        return pd.DataFrame(columns=[*_COLUMNS, "profit_before", "profit_now", *_CHANGE])
    before, now = reviewed(found, 1), reviewed(found, 0)
    was, is_ = (met(standing, rules) for standing in (before, now))
    member_before, member_now = (flags.all(axis=1) for flags in (was, is_))
    both = now[["account", "kind"]].assign(
        move=pd.Series(STAYED, index=now.index).mask(~member_before, ENTERED).mask(~member_now, LEFT),
        **{f"{name}_before": before[name] for name in ("share", "orders", "profit")},
        **{f"{name}_now": now[name] for name in ("share", "orders", "profit")},
    )
    changed = (was != is_).to_dict("index")
    both["reason"] = [
        crossed(then, today, rules, [str(name) for name, other in changed[at].items() if other]) if moved else ""
        for at, (then, today, moved) in enumerate(
            zip(before.to_dict("records"), now.to_dict("records"), member_before != member_now, strict=True)
        )
    ]
    squares = found.table["squares_came"] + found.table["squares_went"]
    change = _changed(both["profit_now"] - both["profit_before"], squares, member_before | member_now, confidence)
    both = both.assign(**change)[member_before | member_now]
    place = both["move"].map({ENTERED: 0, LEFT: 1, STAYED: 2})
    both = both.assign(_place=place).sort_values(["_place", "profit_now", "account"], ascending=[True, False, True])
    return both[[*_COLUMNS, "profit_before", "profit_now", *_CHANGE]].reset_index(drop=True)


_CHANGE = ("change", "low", "high", "more_than_chance")


def _changed(
    change: "pd.Series[Any]", squares: "pd.Series[Any]", looked_at: "pd.Series[Any]", confidence: float
) -> dict[str, Any]:
    """The change with its interval, and whether it stands out of those looked at together."""
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr, ndtri

    check(confidence, "confidence", gt=0, lt=1)
    error = np.sqrt(squares.to_numpy(dtype=float))
    half = ndtri((1 + confidence) / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, 2 * ndtr(-np.abs(change.to_numpy(dtype=float) / error)), 1.0)
    more, inside = pd.Series(data=False, index=change.index), looked_at.to_numpy()
    if inside.any():
        more[inside] = p[inside] <= (1 - confidence) / inside.sum()
    return {"change": change, "low": change - half, "high": change + half, "more_than_chance": more}


def listings(found: Ledger, rules: Rules, *, keep: float = 0.7) -> "pd.DataFrame":
    """How much the list changes from review to review under three ways to apply the rules.

    Args:
        found: From `ledger`.
        rules: The rules of entry.
        keep: With a band, an account stays while it has this part of what entry asks for.

    Returns:
        way (one line: in or out at the same rules; band: out only below `keep` of them; two reviews: in or out only when it
        was so at the review before, too), reviews, size (mean), now (accounts at the latest review), entered, left (sums over
        the reviews after the first), changes_per_review, turned_back (accounts that came and went, or went and came). Counts of
        what these rules do to these accounts. Empty where orders cover one review only.
    """
    import numpy as np
    import pandas as pd

    days = range(len(found.periods.reviews))[::-1]
    standings = [reviewed(found, at) for at in days]
    enter = np.array([met(standing, rules).all(axis=1) for standing in standings])
    stay = np.array([met(standing, rules.relaxed(keep)).all(axis=1) for standing in standings])
    if len(enter) < 2:
        return pd.DataFrame(columns=list(_LISTING))
    ways = {"one line": enter, "band": _held(enter, stay), "two reviews": _confirmed(enter)}
    return pd.DataFrame([_listing(way, member) for way, member in ways.items()])


_LISTING = ("way", "reviews", "size", "now", "entered", "left", "changes_per_review", "turned_back")


def _held(enter: "Vector", stay: "Vector") -> "Vector":
    import numpy as np

    member = [enter[0]]
    for into, remain in zip(enter[1:], stay[1:], strict=True):
        member.append(into | (member[-1] & remain))
    return np.array(member)


def _confirmed(enter: "Vector") -> "Vector":
    import numpy as np

    member = [enter[0]]
    for was, is_ in pairwise(enter):
        member.append(np.where(was == is_, is_, member[-1]))
    return np.array(member)


def _listing(way: str, member: "Vector") -> dict[str, Any]:
    import numpy as np

    steps = np.diff(member.astype(int), axis=0)
    entered, left = int((steps > 0).sum()), int((steps < 0).sum())
    turned = int((np.abs(steps).sum(axis=0) > 1).sum())
    sizes = member.sum(axis=1)
    row = (way, len(member), float(sizes.mean()), int(sizes[-1]), entered, left, (entered + left) / len(steps), turned)
    return dict(zip(_LISTING, row, strict=True))
