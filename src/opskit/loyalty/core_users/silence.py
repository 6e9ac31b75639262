"""Who of the core has gone silent against their own rhythm, and whom to speak to first, with the reason."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.customers import silence as silence
from opskit.loyalty.core_users.components import Components
from opskit.loyalty.core_users.score import core

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

STATES = ("late", "silent", "on time", "never ordered")  # in the order in which to speak to them
_ROLES = {"value": "heavy spender", "contribution": "contributor", "influence": "inviter"}


def at_risk(
    found: Components, scored: "pd.DataFrame", silent: "pd.DataFrame", size: int, *, confidence: float = 0.95
) -> "pd.DataFrame":
    """How many of the core are late or silent, beside the other buyers.

    Args:
        found: From `components`.
        scored: From `score`.
        silent: From `customers.silence`.
        size: Customers in the core.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        group (core, other buyers), n (buyers of it with a rhythm of their own), silent, silent_share, low, high, late,
        on_time, too_new (buyers without a rhythm of their own), never_ordered.
    """
    import pandas as pd

    states = _states(found, silent)
    member = core(scored, size)
    rows: list[dict[str, Any]] = []
    for group, inside in (("core", member), ("other buyers", ~member)):
        part = states[inside]
        own = part.loc[part["basis"] == "own rhythm", "state"].value_counts()
        gone, n = int(own.get("silent", 0)), int(own.sum())
        low, high = (float(bound) for bound in stats.wilson(gone, n, confidence=confidence))
        row = {"group": group, "n": n, "silent": gone, "silent_share": gone / n if n else float("nan")}
        row |= {"low": low, "high": high, "late": int(own.get("late", 0)), "on_time": int(own.get("on time", 0))}
        never = int((part["state"] == "never ordered").sum()) if group == "core" else 0
        bought = int((part["state"] != "never ordered").sum())
        rows.append({**row, "too_new": bought - n, "never_ordered": never})
    return pd.DataFrame(rows)


def _states(found: Components, silent: "pd.DataFrame") -> "pd.DataFrame":
    """State of everybody in the components' table, in its order."""
    states = found.table[["customer_id"]].merge(silent, on="customer_id", how="left")
    return states.assign(state=states["state"].fillna("never ordered"), basis=states["basis"].fillna("no order"))


def audience(
    found: Components, scored: "pd.DataFrame", silent: "pd.DataFrame", firm: "Vector", size: int
) -> "pd.DataFrame":
    """The core in the order in which to speak to them, each with the reason and what to do.

    Args:
        found: From `components`.
        scored: From `score`.
        silent: From `customers.silence`.
        firm: From `firmness`.
        size: Customers in the core.

    Returns:
        place, customer_id, role (the component that weighs most in the score), reason, step, state, score, rank (by
        score), firm (share of all weights under which the customer belongs to the core), value, contribution, direct,
        downstream, brought, days_since_last_order, gap_days. Those late come first, for they can still be reached in time, then those silent, then the others, each by score.
    """
    import numpy as np

    states = _states(found, silent)
    table = scored.head(size).drop(columns="known_since")
    place = table.index.to_numpy()
    columns = ["state", "days_since_last_order", "gap_days", "times"]
    table = table.assign(**{name: states[name].to_numpy()[place] for name in columns}, firm=firm[place])
    parts = table[[f"scaled_{name}" for name in found.measured]]
    table["role"] = [_ROLES[found.measured[at]] for at in parts.to_numpy(dtype=float).argmax(axis=1)]
    table["reason"] = [_reason(row, found.measured) for row in table.to_dict("records")]
    table["step"] = [_step(row["role"], row["state"]) for row in table.to_dict("records")]
    urgency = {state: at for at, state in enumerate(STATES)}
    table = table.assign(_urgency=table["state"].map(urgency)).sort_values(["_urgency", "rank"], kind="stable")
    first = ["customer_id", "role", "reason", "step", "state", "score", "rank", "firm", "value", "contribution"]
    rest = ["direct", "downstream", "brought", "days_since_last_order", "gap_days"]
    table = table[[*first, *rest]].reset_index(drop=True)
    table.insert(0, "place", np.arange(1, len(table) + 1))
    return table


def _reason(row: dict[Any, Any], measured: tuple[str, ...]) -> str:
    said: list[str] = []
    if row["value"] > 0:
        said.append(f"spent {row['value']:,.0f}")
    if "contribution" in measured and row["contribution"] > 0:
        said.append(f"contributed {row['contribution']:.0f}×")
    if "influence" in measured and row["downstream"] > 0:
        people = "customer" if row["downstream"] == 1 else "customers"
        said.append(f"brought {row['downstream']:.0f} {people} who spent {row['brought']:,.0f}")
    if row["state"] in ("silent", "late"):
        said.append(f"no order for {row['days_since_last_order']:.0f} days, usual gap {row['gap_days']:.0f}")
    return "; ".join(said)


def _step(role: str, state: str) -> str:
    if state == "silent":
        return "call and listen: why silent?"
    if state == "never ordered":
        return "thank for the invitations; offer a first order" if role == "inviter" else "offer a first order"
    thanks = {
        "heavy spender": "early access",
        "contributor": "feature the contribution",
        "inviter": "thank for invitations",
    }
    return f"{thanks[role]}, with a personal reminder" if state == "late" else thanks[role]
