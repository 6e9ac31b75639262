"""What those at the top are like, and the best themselves, against everybody."""

from typing import TYPE_CHECKING, Any

from opskit.target_users.first_users.bands import UNKNOWN
from opskit.target_users.first_users.judged import Judged, top_tenth
from opskit.target_users.first_users.panel import Panel
from opskit.target_users.segments import cross

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TOP, BEST, OTHERS = "top tenth", "best", "others"


def profile(found: Panel, judged: Judged, *, confidence: float = 0.95) -> "pd.DataFrame":
    """How often each answer and attribute occurs among the best and in the top tenth by score, against everybody.

    Args:
        found: From `panel`.
        judged: From `judge`; scores are those of models that have not seen the account.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per column and value: column, value, accounts, base (share of all accounts), best_share, index (of the best:
        1 is as everybody), low, high, verdict (``over``, ``under``, ``as everybody``), top_share, top_index, top_low,
        top_high, top_verdict. What sets the best apart most surely comes first.

    Assumes as `opskit.target_users.segments.cross`; verdicts are kept together for all values of a column. The best are
    what was observed; the top tenth is what the model makes of it, and values that it leaned on by chance show there
    alone. An index says who they are, not what made them so.
    """
    import pandas as pd

    over = found.rows[found.rows["over"]].reset_index(drop=True)
    bands = judged.model.bands_.transform(over[found.columns])
    top = top_tenth(judged.rows["folded"].to_numpy(dtype=float))
    parts = [
        _crossed(bands, over["best"].to_numpy(dtype=bool), BEST, confidence),
        _crossed(bands, top, TOP, confidence),
    ]
    best, named = (part.set_index(["column", "value"]) for part in parts)
    names = {"share": "top_share", "index": "top_index", "low": "top_low", "high": "top_high", "verdict": "top_verdict"}
    table = best.rename(columns={"share": "best_share"}).join(named[list(names)].rename(columns=names)).reset_index()
    sure = pd.Series(table["low"].where(table["index"] > 1, 1 / table["high"].clip(lower=1e-9)), dtype=float)
    told = table.assign(sure=sure.where(table["value"] != UNKNOWN, 0))
    told = told.sort_values(["sure", "accounts"], ascending=False, kind="stable", ignore_index=True)
    return told.drop(columns="sure")


def _crossed(bands: "pd.DataFrame", inside: "np.ndarray[Any, Any]", name: str, confidence: float) -> "pd.DataFrame":
    """Each column crossed with being inside."""
    import numpy as np
    import pandas as pd

    ids = pd.DataFrame({"customer_id": np.arange(len(bands))})
    assigned = ids.assign(part=np.where(inside, name, OTHERS))
    parts: list[pd.DataFrame] = []
    for column in map(str, bands):
        values = ids.assign(value=bands[column].to_numpy())
        table = cross(assigned, values, attribute="value", by="part", most_values=20, confidence=confidence)
        accounts = table["value"].map(values["value"].value_counts())
        parts.append(table.assign(column=column, accounts=accounts)[table["part"] == name])
    columns = ["column", "value", "accounts", "base", "share", "index", "low", "high", "verdict"]
    return pd.concat(parts, ignore_index=True)[columns]


def traits(table: "pd.DataFrame", *, most: int = 8) -> "pd.DataFrame":
    """Values that the best have clearly more often than everybody, the surest first; each column once.

    Args:
        table: From `profile`.
        most: Rows to keep at most.
    """
    over = table[(table["verdict"] == "over") & (table["value"] != UNKNOWN)]
    over = over.drop_duplicates("column").drop_duplicates(["accounts", "index"])  # two columns may say the same
    return over.head(most).reset_index(drop=True)
