"""Tables as data, and the checks made from them."""

from opskit.contract.checks import violations
from opskit.contract.privacy import is_personal, mask, mask_frame, mask_value
from opskit.contract.tables import Column, Table, normalized, table, tables
from opskit.contract.template import write_template

__all__ = [
    "Column",
    "Table",
    "is_personal",
    "mask",
    "mask_frame",
    "mask_value",
    "normalized",
    "table",
    "tables",
    "violations",
    "write_template",
]
