"""Headlines of this run against those of an earlier one."""

from pathlib import Path
from typing import TYPE_CHECKING

from opskit.errors import OpskitError
from opskit.reports.tables import inert

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["run", "page", "name", "unit"]
COLUMNS = ["run", "page", "status", "name", "value", "low", "high", "n", "unit"]


def read_headlines(folder: Path) -> "pd.DataFrame":
    """The headlines.csv of an earlier run.

    Raises:
        OpskitError: There is none, or it is not one.
    """
    import pandas as pd

    path = folder / "headlines.csv"
    if not path.is_file():
        raise OpskitError(
            f"--compare {folder}: there is no headlines.csv. Give the --out folder of an earlier `opskit run`."
        )
    text = {"run": str, "page": str, "status": str, "name": str, "unit": str}
    try:
        table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={c: [""] for c in COLUMNS[4:8]})
        if missing := [column for column in COLUMNS if column not in table]:
            raise ValueError(f"it lacks the column {missing[0]!r}")
        numbers = {column: pd.to_numeric(table[column]) for column in COLUMNS[4:8]}
    except (ValueError, OSError) as error:
        raise OpskitError(f"{path} is not a headlines.csv of opskit: {error}.") from error
    return table.assign(**numbers)[COLUMNS]


def changes(now: "pd.DataFrame", before: "pd.DataFrame") -> "pd.DataFrame":
    """What became of every figure since an earlier run.

    Args:
        now: Headlines as in headlines.csv.
        before: Headlines of the earlier run.

    Returns:
        One row per figure of either: run, page, name, unit, value_before, low_before, high_before, value, low, high,
        change (in the unit), relative_change (share of the value before), intervals_overlap (True, False, or missing
        when one has no interval), found ("both", "new" or "gone").
    """
    import pandas as pd

    current = now[now["name"] != ""].assign(**{key: now[key].map(inert) for key in KEYS})
    earlier = before[before["name"] != ""]
    figures = ["value", "low", "high"]
    both = current[[*KEYS, *figures]].merge(
        earlier[[*KEYS, *figures]], on=KEYS, how="outer", suffixes=("", "_before"), indicator="found", sort=False
    )
    order = {key: position for position, key in enumerate(zip(*(current[key] for key in KEYS), strict=True))}
    rank = [order.get(key, len(order)) for key in zip(*(both[key] for key in KEYS), strict=True)]
    both = both.assign(rank=rank).sort_values(["rank", *KEYS], ignore_index=True)
    change = both["value"] - both["value_before"]
    known = both[["low", "high", "low_before", "high_before"]].notna().all(axis="columns")
    overlap = (both["low"] <= both["high_before"]) & (both["low_before"] <= both["high"])
    both = both.assign(
        change=change,
        relative_change=change / both["value_before"].abs().where(both["value_before"] != 0),
        intervals_overlap=overlap.astype("boolean").where(known, pd.NA),
        found=both["found"].map({"both": "both", "left_only": "new", "right_only": "gone"}).astype(str),
    )
    earlier_figures = [f"{name}_before" for name in figures]
    return both[[*KEYS, *earlier_figures, *figures, "change", "relative_change", "intervals_overlap", "found"]]
