"""Four prices of the photo book, shown by lot."""

from typing import Any

from opskit.sample import photo_book
from opskit.sample.world import Chunk, World


def variants(world: World) -> list[dict[str, Any]]:
    """A row per price."""
    start = max(0.0, photo_book.first_test_day(world))
    return [
        {
            "variant": variant,
            "planned_share": 1 / len(photo_book.TEST_PRICES),
            "price": price,
            "unit_cost": world.truth["photo_book.unit_cost"],
            "metric": "profit per customer",
            "started_at": start,
            "ended_at": min(start + photo_book.RECRUITING_DAYS, world.days - 1.0),
        }
        for variant, price in photo_book.TEST_PRICES.items()
    ]


def assign(chunk: Chunk) -> dict[str, Any]:
    """Who was shown which price from when on."""
    return photo_book.tested(chunk)._asdict()
