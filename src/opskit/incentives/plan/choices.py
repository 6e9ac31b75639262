"""What other hold-outs would show, and the base of the plan beside a truth that was planted."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opskit.errors import check
from opskit.incentives.plan.audience import Audience
from opskit.incentives.plan.expected import expected
from opskit.incentives.plan.reached import HELD_OUT, SENT
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd


def with_holdout(found: Audience, share: float, *, seed: int = 7) -> Audience:
    """The same audience with this share held out of every row.

    Args:
        found: From `audience`.
        share: From 0 to 0.9.
        seed: As given to `audience`.
    """
    from opskit.incentives.plan.audience import drawn

    check(share, "share", ge=0, le=0.9)
    people = found.people
    asked = people["status"].isin([SENT, HELD_OUT])
    aside = drawn(people["customer_id"], seed=seed) < share
    status = people["status"].where(~asked, SENT).where(~(asked & aside), HELD_OUT)
    plan = found.plan.assign(holdout=share)
    return dataclasses.replace(found, plan=plan, people=people.assign(status=status))


def holdouts(
    found: Audience,
    base: "pd.DataFrame",
    *,
    shares: Sequence[float] = (0.1, 0.2, 0.35, 0.5),
    seed: int = 7,
    power: float = 0.8,
    alpha: float = 0.05,
) -> "pd.DataFrame":
    """The smallest effect that each row could show if other shares were held out.

    Args:
        found: From `audience`.
        base: From `before`.
        shares: Hold-outs to try.
        seed: As given to `audience`.
        power: As in `expected`.
        alpha: As in `expected`.

    Returns:
        row, hoped, and a column for each share with the smallest effect visible, as a share of the base.
    """
    import pandas as pd

    options: dict[str, Any] = {"power": power, "alpha": alpha}
    tried = {
        f"{share:.0%} held out": expected(with_holdout(found, share, seed=seed), base, **options)["visible"]
        for share in shares
    }
    return pd.DataFrame({"row": found.plan["row"], "hoped": found.plan["hoped_effect"], **tried})


def recovery(found: Audience, figures: "pd.DataFrame", truth: Mapping[str, Any]) -> "pd.DataFrame":
    """The base of each row that is judged by buyers, beside the truth of the sample shop.

    Args:
        found: From `audience`.
        figures: From `expected`.
        truth: ``truth`` of the dataset; empty for data without a planted truth.

    Returns:
        name (as in truth.json), estimate, low, high, n, truth, inside.
    """
    rows = figures[figures["kpi"] == "buyers"]
    names = found.plan["segment"].loc[rows.index].str.replace(", ", "_").str.replace(" ", "_")
    table = rows.assign(name="plan.base." + names, estimate=rows["base"])[["name", "estimate", "low", "high", "n"]]
    return beside_truth(table.reset_index(drop=True), truth)
