"""What every topic asks of the customers behind the orders: summary, rhythm, growth accounting, concentration."""

from opskit.customers.concentration import Concentration, concentration
from opskit.customers.growth import Activity, activity, growth_accounting
from opskit.customers.history import summary, until

__all__ = [
    "Activity",
    "Concentration",
    "activity",
    "concentration",
    "growth_accounting",
    "summary",
    "until",
]
