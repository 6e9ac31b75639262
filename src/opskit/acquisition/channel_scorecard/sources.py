"""Which tables there are, and what those that are missing would unlock."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import MissingTableError, OpskitError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from opskit.dataset import Dataset

_UNLOCKS = {
    "spend": "Everything but cost is here: CAC, payback and value over cost need the table spend (date, channel, spend, purpose).",
    "touchpoints": "Touches by owned, paid and earned media need the table touchpoints (customer_id, channel, touched_at, media).",
}


class Sources(NamedTuple):
    """The tables that the page uses; None where there is none."""

    accounts: Any
    spend: Any
    touchpoints: Any
    notes: tuple[str, ...]


def sources(ds: "Dataset") -> Sources:
    """The tables beside orders.

    Args:
        ds: The dataset; customers with a channel must be there.

    Returns:
        ``accounts``, ``spend``, ``touchpoints`` and ``notes``, which say what is missing, why, and what it would unlock.

    Raises:
        MissingTableError: There are no customers, or they have no channel.
    """
    accounts = ds.customers
    columns = nw.from_native(accounts).collect_schema().names()
    if "channel" not in columns:
        raise MissingTableError(
            f"customers of {ds.name} has no column channel, so there are no channels to compare; it has "
            f"{', '.join(columns)}.{did_you_mean('channel', columns)} Map it in opskit.toml under [tables.customers.columns]."
        )
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name, unlocks in _UNLOCKS.items():
        try:
            found[name] = getattr(ds, name)
        except OpskitError as reason:
            found[name] = None
            # That a table was never there needs no reason; that a filter or a day takes it away does.
            absent = isinstance(reason, MissingTableError) and "has no table" in str(reason)
            notes.append(unlocks if absent else f"{reason} {unlocks}")
    return Sources(accounts, found["spend"], found["touchpoints"], tuple(notes))


def read_values(path: str | Path) -> "pd.DataFrame | None":
    """Forecast of what each customer is still worth, such as the list that the page lifetime_value writes.

    Args:
        path: A .csv or .parquet file with customer_id and lifetime_value; empty: none.

    Returns:
        customer_id and lifetime_value, or None without a path.

    Raises:
        OpskitError: The file is not there, of another kind, or lacks a column.
    """
    import pandas as pd

    if not path:
        return None
    file = Path(path)
    readers = {".csv": lambda: pd.read_csv(file, dtype={"customer_id": str}), ".parquet": lambda: pd.read_parquet(file)}
    if not file.is_file() or file.suffix.lower() not in readers:
        raise OpskitError(f"values_from == {str(path)!r}, must be a .csv or .parquet file that is there.")
    table = readers[file.suffix.lower()]()
    frames.require_columns(map(str, table.columns), ("customer_id", "lifetime_value"), table=file.name)
    return table[["customer_id", "lifetime_value"]]
