"""Tables as data, and the checks made from them."""

from opskit.contract.tables import Column, Table, table, tables

__all__ = ["Column", "Table", "table", "tables"]
