"""Which columns of customers are no trait of theirs."""

ASSIGNED = ("account_id", "owner")
"""Written beside customers by the business, the more so the more they bought: as a driver of buying, an outcome in disguise."""
