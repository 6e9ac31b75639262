"""The figures beside a truth that was planted, where there is one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit.acquisition.referral.cycle import Cycle
from opskit.acquisition.referral.growth import EVERYBODY
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd


def recovery(
    k: "pd.DataFrame",
    cycle: Cycle,
    compared: "pd.DataFrame",
    shares: "pd.DataFrame",
    invited: "pd.DataFrame",
    *,
    truth: Mapping[str, Any],
    value_days: int = 180,
) -> "pd.DataFrame":
    """Figures that follow from what is planted in the sample shop, estimated from the data, beside the truth.

    Args:
        k: From `k_factor`.
        cycle: From `cycle_time`.
        compared: From `compare`.
        shares: From `referred_share`.
        invited: From `per_invitation`; empty without invitations.
        truth: ``truth`` of the dataset; empty for data without a planted truth.
        value_days: As given to `links`.

    Returns:
        name (as in truth.json), estimate, low, high, truth, inside (whether the interval holds it); both are empty
        without a truth. Figures that the truth knows for other windows only are left out.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = [("recorded_share.referral", *shares.iloc[0][["share", "low", "high"]])]
    everybody = k[k["among"] == EVERYBODY]
    rows += [
        (f"referral.k_within.{days}_days", *bounds)
        for days, *bounds in everybody[["days", "k", "low", "high"]].itertuples(index=False, name=None)
    ]
    half = cycle.days[cycle.days["measure"] == "half"].iloc[0]
    if half["horizon_days"] == 365:
        rows.append(("referral.half_cycle_days", *half[["estimate", "low", "high"]]))
    if len(invited):
        rows.append(("referral.signups_per_invitation", *invited.iloc[0][["estimate", "low", "high"]]))
    if value_days == 180:
        names = {"ordered at all": "ordered", "orders": "orders", "value": "value"}
        for row in compared.to_dict("records"):
            bounds = (row["adjusted"], row["adjusted_low"], row["adjusted_high"])
            rows.append((f"referral.{names[row['measure']]}_difference", *bounds))
        worth = compared[compared["measure"] == "value"].iloc[0]
        rows.append(("referral.value", *worth[["referred", "referred_low", "referred_high"]]))
    table = pd.DataFrame(rows, columns=["name", "estimate", "low", "high"])
    return beside_truth(table, truth)
