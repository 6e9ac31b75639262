"""Everything that the data tell of how often customers are written to, whatever tables there are."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.acquisition.reach.messages import media, opt_outs_known, usual_medium
from opskit.acquisition.reach.observed import observed
from opskit.acquisition.reach.trial import Trial, experiments, no_trial, trial
from opskit.errors import TooLittleDataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

USES = ("touchpoints", "contacts", "customers", "orders", "spend", "suppressions", "assignments")
"""Tables that the page reads where they are there."""


class Frequency(NamedTuple):
    """Messages of one medium: as they happened, and as a test had them."""

    medium: str  # "" where nothing can be told of messages
    observed: "pd.DataFrame"  # sums for `observed_rates`, the arms of the test left out
    trial: Trial  # without arms where there is no test
    notes: tuple[str, ...]  # what was taken for what, and what is missing


def frequency(
    tables: Mapping[str, Any], *, as_of: dt.date, medium: str = "", arms: str = "", test_days: int = 28
) -> Frequency:
    """Read messages and a test of their frequency from the tables there are.

    Args:
        tables: Any engine's frames by name; contacts, and where they are there suppressions, assignments, orders.
        as_of: Last day to count, inclusive.
        medium: Whose messages; empty: that of the arms, else the one with most messages.
        arms: Campaigns that are arms of one test, drawn by lot, with commas between; those the data lack are passed
            over. Or the name of an experiment in assignments, whose variants are the arms.
        test_days: Follow each customer of the test so many days.

    Returns:
        Frequency; empty sums where there are no contacts, or they do not say what was answered.

    Raises:
        OpskitError: A column is missing, an option is out of range, or a medium is not there.
    """
    nothing = _no_sums()
    if "contacts" not in tables:
        return Frequency("", nothing, no_trial(), ("Nothing is known of messages: fatigue needs table contacts.",))
    contacts, suppressions = tables["contacts"], tables.get("suppressions")
    sent = media(contacts, as_of=as_of)
    if sent.empty:
        return Frequency("", nothing, no_trial(), (f"contacts has no message sent up to {as_of}.",))
    named = [name.strip() for name in arms.split(",") if name.strip()]
    experiment = named[0] if len(named) == 1 and named[0] in experiments(tables.get("assignments")) else ""
    present = [name for name in named if (sent["campaign"] == name).any()] if not experiment else []
    of_arms = sent[sent["campaign"].isin(present)]
    medium = usual_medium(of_arms if len(of_arms) and not medium else sent, medium)
    known = opt_outs_known(contacts, suppressions)
    given: dict[str, Any] = {"as_of": as_of, "medium": medium, "opt_outs_known": known}
    try:
        sums = observed(contacts, suppressions, without=present, window_days=test_days, **given)
    except TooLittleDataError as problem:
        return Frequency("", nothing, no_trial(), (str(problem),))
    notes = [f"Messages of {medium}."]
    if not known:
        notes.append("Nothing tells who opted out: contacts need opted_out, or suppressions since.")
    found = no_trial()
    if experiment or len(present) > 1:
        also = {"assignments": tables.get("assignments"), "orders": tables.get("orders"), "suppressions": suppressions}
        found = trial(contacts, arms=present, experiment=experiment, test_days=test_days, **also, **given)
    return Frequency(medium, sums, found, (*notes, *_of_trial(found, named, present, sent, experiment)))


def _no_sums() -> "pd.DataFrame":
    import pandas as pd

    columns = ["got", "group", "messages", "responded", "opted_out", "customers", "weeks"]
    return pd.DataFrame({column: pd.Series(dtype="float64") for column in columns})


def _of_trial(found: Trial, named: list[str], present: list[str], sent: "pd.DataFrame", experiment: str) -> list[str]:
    """What was taken for a test, or why there is none."""
    if not experiment and len(present) < 2:
        campaigns = sorted(name for name in sent["campaign"].unique() if name)
        hint = did_you_mean(named[0], campaigns) if named and not present else ""
        return [
            "No test of frequency: arms names neither two campaigns of contacts nor an experiment of assignments."
            f"{hint} Without one nothing can be said of what more messages cause."
        ]
    counts = found.counts.set_index("what")["customers"]
    told = [
        f"Arms by {found.source}: {', '.join(found.arms['arm'])}; {counts['used']:,} customers followed for "
        f"{found.days} days, {counts['in several arms']:,} in several arms and {counts['not over']:,} not over left out."
    ]
    missing = [name for name in named if name not in present]
    if missing and not experiment:
        told.append(f"Not in the data: {', '.join(missing)}.")
    if not found.there and not counts["used"]:
        told.append(f"Nobody's {found.days} days are over yet: wait, or count fewer with test_days.")
    elif not found.there:
        told.append("No two arms differ in messages a week, so there is nothing to compare.")
    return told
