"""Guessing which table a file holds and which column is which, in English and Chinese."""

import re
from collections.abc import Container, Iterable, Mapping

from opskit import contract
from opskit.contract import normalized

TIMES = " * "


def guess_columns(headers: Iterable[str], table: contract.Table) -> dict[str, str]:
    """Contract column → header, for every column whose name or one of its other spellings is there.

    >>> guess_columns(["买家会员名", "订单付款时间", "买家实际支付金额"], contract.table("orders"))
    {'customer_id': '买家会员名', 'ordered_at': '订单付款时间', 'revenue': '买家实际支付金额'}
    >>> guess_columns(["CustomerID", "InvoiceDate", "Quantity", "UnitPrice"], contract.table("orders"))["revenue"]
    'Quantity * UnitPrice'
    """
    free = {normalized(header): header for header in reversed(list(headers))}
    found: dict[str, str] = {}
    for name in table.columns:  # a column's own name always wins over another column's spelling
        if normalized(name) in free:
            found[name] = free.pop(normalized(name))
    for name, column in table.columns.items():
        spelling = next((word for word in map(normalized, column.names) if word in free), None)
        if name not in found and spelling:
            found[name] = free.pop(spelling)
        elif name not in found and column.product_of:
            factors = [_spelled(factor, free) for factor in column.product_of]
            if all(factors):
                found[name] = TIMES.join(factors)
    return {name: found[name] for name in table.columns if name in found}


def _spelled(place: str, free: Mapping[str, str]) -> str:
    """The free header that spells a column given as table.column, or ''."""
    table, _, column = place.partition(".")
    words = (column, *contract.table(table).columns[column].names)
    return next((free[word] for word in map(normalized, words) if word in free), "")


def guess_table(headers: Iterable[str], stem: str) -> str | None:
    """The table a file holds: by its name when a required column is there, else by its columns.

    A table that lacks just one required column is still recognized, so that the error can name that column.

    >>> guess_table(["order_date", "user_id", "amount"], "export"), guess_table(["id", "city"], "users")
    ('orders', 'customers')
    """
    have = list(headers)
    ranks: dict[str, tuple[bool, bool, int, bool, bool]] = {}
    for name, table in contract.tables().items():
        found = guess_columns(have, table)
        absent = len(missing(found, table))
        if absent == len(table.required):
            continue
        named = _named(stem, table)
        if table.own_columns and not named:
            continue
        complete = absent == 0
        if named or complete or (absent == 1 and len(table.required) >= 3):
            several = complete and len(table.required) > 1
            # A column made of two others has taken three headers' worth of evidence.
            evidence = len(found) + 2 * sum(TIMES in header for header in found.values())
            ranks[name] = (named, several, evidence, complete, name == "orders")
    return max(ranks, key=lambda name: ranks[name]) if ranks else None


def not_sales(statuses: Iterable[str], column: contract.Column) -> list[str]:
    """Statuses that mark an order as unpaid, closed or cancelled."""
    return [status for status in statuses if any(word in status.lower() for word in column.not_sales)]


def missing(columns: Container[str], table: contract.Table) -> list[str]:
    """Required columns that were not found."""
    return [name for name in table.required if name not in columns]


def _named(stem: str, table: contract.Table) -> bool:
    """Whether a file's name holds one of the table's names as a word, or a Chinese one anywhere."""
    words = re.split(r"[\W_\d]+", stem.lower())
    return any(
        name.replace("_", " ") in " ".join(words) if name.isascii() else name in stem for name in table.file_names
    )
