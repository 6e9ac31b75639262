"""What every topic asks of the customers behind the orders: summary, rhythm, growth, concentration, who invited whom."""

from opskit.customers.concentration import Concentration, concentration, concentration_of
from opskit.customers.contribution import contribution
from opskit.customers.growth import Activity, activity, growth_accounting
from opskit.customers.history import on_or_before, order_days, summary, until
from opskit.customers.referral_graph import Referrals, downstream, reached, referrals
from opskit.customers.rhythm import Rhythm, gaps, rhythm
from opskit.customers.silence import silence
from opskit.customers.suppressed import suppressed
from opskit.customers.traits import ASSIGNED

__all__ = [
    "ASSIGNED",
    "Activity",
    "Concentration",
    "Referrals",
    "Rhythm",
    "activity",
    "concentration",
    "concentration_of",
    "contribution",
    "downstream",
    "gaps",
    "growth_accounting",
    "on_or_before",
    "order_days",
    "reached",
    "referrals",
    "rhythm",
    "silence",
    "summary",
    "suppressed",
    "until",
]
