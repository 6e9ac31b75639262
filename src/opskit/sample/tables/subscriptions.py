"""Contracts of the subscription boxes: a row per stretch of one plan at one price."""

from typing import Any

import numpy as np

from opskit.sample import subscribing
from opskit.sample.world import Chunk, Column

ROW = "stretch of a contract with one plan and one price"
COLUMNS = {
    "contract_id": Column(
        "string", "the contract; a change of plan or price keeps it, a return after a pause gets a new one"
    ),
    "customer_id": Column("string", "who"),
    "plan": Column("category", "diaper_box and care_box are paid monthly, year_box yearly"),
    "started_at": Column("date", "first day"),
    "ended_at": Column("date", "last day, a day before a billing date; empty while running on the last day"),
    "billing_period": Column("category", "month or year"),
    "price": Column("money", "price of a billing period"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's rows by customer and time, with what other tables need: each payment's customer, day and amount."""
    rng, world = chunk.rng("subscriptions"), chunk.world
    where = (world.first_day, world.days, world.truth)
    signed = subscribing.contracts(rng, chunk.purchases.customer, chunk.purchases.at, *where)
    paid = subscribing.payments(rng, signed, *where)
    new = np.flatnonzero(
        (np.diff(paid.contract, prepend=-1) != 0)
        | (np.diff(paid.plan, prepend=-1) != 0)
        | (np.diff(paid.price, prepend=-1) != 0)
    )
    contract = paid.contract[new]
    until = np.append(new, len(paid.contract))[1:] - 1  # last payment of the stretch
    months = subscribing.MONTHS[signed.plan[contract]]
    end = subscribing.due(world.first_day, signed.start[contract], (paid.number[until] + 1) * months) - 1
    number = np.arange(len(signed.customer)) - np.searchsorted(signed.customer, signed.customer)
    pairs = zip(signed.customer + chunk.start + 1, number + 1, strict=True)
    ids = np.array([f"S{who:07d}{place:02d}" for who, place in pairs], dtype=object)
    plans = np.array(subscribing.PLAN_NAMES, dtype=object)
    return {
        "contract_id": ids[contract],
        "customer_id": chunk.customer_ids[signed.customer[contract]],
        "plan": plans[paid.plan[new]],
        "started_at": world.moment(paid.day[new].astype(float)),
        "ended_at": world.moment(np.where(end < world.days - 1, end, np.nan).astype(float)),
        "billing_period": np.where(months == 1, "month", "year").astype(object),
        "price": paid.price[new],
        "contracts": signed,
        "payer": signed.customer[paid.contract],
        "paid_on": paid.day,
        "amount": paid.price,
    }
