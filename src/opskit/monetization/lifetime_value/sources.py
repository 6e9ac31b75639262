"""Which tables beside orders there are, and what those that are missing would unlock."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit.errors import did_you_mean

if TYPE_CHECKING:
    from opskit.dataset import Dataset


class Sources(NamedTuple):
    """Optional tables of a dataset, as the page uses them."""

    spend: Any  # None where there is none
    accounts: Any  # the customers table, None where there is none
    by: str  # the column to group by; empty where customers cannot be grouped
    notes: tuple[str, ...]  # what is missing, and what it would unlock


def sources(ds: "Dataset", *, by: str = "channel") -> Sources:
    """The optional tables that are there.

    Args:
        ds: The dataset.
        by: Column of the customers table to group by; empty: do not group.

    Returns:
        ``spend``, ``accounts``, ``by`` (empty where it cannot be used) and ``notes`` for the reader.

    >>> import opskit
    >>> sources(opskit.open("cdnow")).by
    ''
    """
    spend, accounts = (getattr(ds, name) if name in ds.tables else None for name in ("spend", "customers"))
    notes: list[str] = []
    if spend is None:
        notes.append(
            "No table spend (date, channel, spend, purpose): what customers cost, and payback, cannot be told."
        )
    if accounts is None:
        notes.append(
            "No table customers (customer_id, signed_up_at, channel, …): no groups, and prospects are unknown."
        )
        return Sources(spend, None, "", tuple(notes))
    columns = _columns(accounts)
    if by and by not in columns:
        notes.append(f"customers has no column {by!r}, so customers are not grouped.{did_you_mean(by, columns)}")
        return Sources(spend, accounts, "", tuple(notes))
    if by and spend is not None and by not in _columns(spend):
        notes.append(f"spend has no column {by!r}: what customers cost is known for all of them together only.")
    return Sources(spend, accounts, by, tuple(notes))


def _columns(table: Any) -> list[str]:
    return nw.from_native(table).collect_schema().names()
