"""Invitations sent against those who came: a ratio, since no table says which invitation brought whom."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.acquisition.referral.links import Links

if TYPE_CHECKING:
    import pandas as pd


def per_invitation(
    events: Any | None, found: Links, *, as_of: dt.date, event: str = "invite", confidence: float = 0.95
) -> "pd.DataFrame":
    """Sign-ups per invitation, and the share of those who invite that bring somebody.

    Args:
        events: Any engine's frame with customer_id, event and occurred_at; None where there is none.
        found: From `links`.
        as_of: Last day to count, inclusive.
        event: The event that is an invitation.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        measure, estimate, low, high, n: ``sign-ups per invitation`` (n invitations; above 1 where one invitation is
        passed on or many are not recorded) and ``of those who invite, share who brought somebody`` (n inviters). Sign-ups
        count from the day of the first recorded invitation. Empty where there is no such event.

    Assumes nothing about which invitation brought whom. The latest invitations may still be answered: the ratio is a
    little low. Its interval leaves out one sender at a time, with all sent and brought by that one.

    Source: Cochran (1977), "Sampling Techniques", for the ratio of two totals; Wilson (1927) for the share.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    columns = ["measure", "estimate", "low", "high", "n"]
    if events is None:
        return pd.DataFrame(columns=columns)
    lf = frames.lazy(events, "customer_id", "event", "occurred_at", table="events")
    lf = lf.filter(customers.on_or_before(lf, as_of, "occurred_at"), nw.col("event") == event)
    sent = frames.collect(
        lf.select("customer_id", frames.epoch_day("occurred_at").alias("first"))
        .group_by("customer_id")
        .agg(nw.len().alias("sent"), nw.col("first").min())
    )
    if sent.empty:
        return pd.DataFrame(columns=columns)
    came = found.invited[found.invited["day"] >= sent["first"].min()]
    brought = came.groupby("inviter_id").size().rename("brought")
    both = sent.set_index("customer_id")["sent"].to_frame().join(brought, how="outer").fillna(0.0)
    invitations, ratio = both["sent"].sum(), both["brought"].sum() / both["sent"].sum()
    error = float(np.sqrt(((both["brought"] - ratio * both["sent"]) ** 2).sum())) / invitations
    # On the scale of the logarithm, since a ratio of counts is never below 0.
    factor = float(np.exp(ndtri((1 + confidence) / 2) * error / ratio)) if ratio > 0 else np.nan
    senders = both[both["sent"] > 0]
    able = int((senders["brought"] > 0).sum())
    low, high = (float(bound) for bound in stats.wilson(able, len(senders), confidence=confidence))
    rows = [
        ("sign-ups per invitation", ratio, ratio / factor, ratio * factor, int(invitations)),
        ("of those who invite, share who brought somebody", able / len(senders), low, high, len(senders)),
    ]
    return pd.DataFrame(rows, columns=columns)
