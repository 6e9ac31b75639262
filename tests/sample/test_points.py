"""The points programme of the sample shop: what holds for any seed."""

import numpy as np
import pandas as pd

from opskit.sample.farming import WAYS
from opskit.sample.tables import points as planted
from opskit.sample.truth import values
from opskit.sample.world import World

from .conftest import Shop


def test_postings_are_what_the_programme_says(any_shop: Shop) -> None:
    rows = any_shop.points
    assert (rows["points"] > 0).all()
    assert set(rows["kind"]) == set(planted.KINDS)
    earned = rows["kind"] == "earn"
    assert rows["expires_at"].notna().equals(earned)
    assert rows["behaviour"].notna().equals(earned)
    lasts = (pd.to_datetime(rows["expires_at"]) - rows["posted_at"].dt.normalize())[earned].dt.days
    assert (lasts == planted.VALID_DAYS + 1).all()
    assert (rows.loc[rows["kind"] == "redeem", "points"] % planted.STEP_POINTS == 0).all()
    assert (rows.loc[rows["kind"] == "expire", "posted_at"].dt.hour == 0).all()


def test_orders_earn_and_refunds_take_back(any_shop: Shop) -> None:
    rows, orders = any_shop.points, any_shop.paid.set_index("order_id")
    bought = rows[rows["behaviour"] == "order"]
    assert bought["order_id"].is_unique
    value = orders.loc[bought["order_id"], "revenue"].to_numpy()
    assert (bought["points"].to_numpy() == np.minimum(np.floor(value), planted.AT_MOST)).all()
    back = rows[rows["kind"] == "reverse"]
    earned = bought.set_index("order_id").loc[back["order_id"]]
    assert (back["points"].to_numpy() <= earned["points"].to_numpy()).all()
    assert (back["posted_at"].to_numpy() > earned["posted_at"].to_numpy()).all()
    assert (orders.loc[back["order_id"], "refund"] > 0).all()


def test_farming_varies_with_the_seed_and_leaves_the_rest_alone() -> None:
    ways, honest = [], []
    for seed in (1, 2, 3):
        for share in (0.02, 0.0):
            chunk = World({**values(), "points.farming_share": share}, 2000, 12, seed).chunk(0)
            table = chunk.table("points")
            if share:
                ways.append(np.bincount(table["farming"][table["farming"] >= 0], minlength=len(WAYS)).tolist())
            else:
                assert (table["farming"] == -1).all()
            orders = pd.Series(table["posted_at"])[pd.Series(table["behaviour"]) == "order"]
            honest.append((seed, tuple(orders)))
    assert ways[0] != ways[1] != ways[2]
    assert len(set(honest)) == 3, "earnings with orders do not depend on who farms"
