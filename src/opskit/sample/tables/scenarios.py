"""The worksheet of scenes: where young parents gather when the need comes up, and what could reach them there."""

from typing import Any, NamedTuple

import numpy as np

from opskit.sample.world import Chunk, Column

ROW = "way to people: a scene, a gathering place and a candidate channel"


class Way(NamedTuple):
    """One row of the worksheet, as the shop's team has scored it."""

    scene: str
    place: str
    channel: str
    reach: float
    precision: float
    cost: float
    team_fit: float
    side: str
    step: str
    source: str


_TALK, _TRIED = "talk with 12 mothers", "tried in spring 2025"
WAYS = (
    Way("expecting the first child", "maternity class", "course material", 2, 5, 3, 3, "offline", "upstream", _TALK),
    Way("expecting the first child", "maternity class", "sample bag", 2, 5, 4, 4, "offline", "upstream", _TRIED),
    Way("expecting the first child", "pregnancy app", "paid article", 4, 4, 5, 2, "online", "upstream", "media kit"),
    Way("first weeks at home", "mothers' chat groups", "group leaders", 3, 5, 2, 5, "online", "at", _TRIED),
    Way("first weeks at home", "mothers' chat groups", "questions and answers", 3, 4, 1, 4, "online", "at", _TALK),
    Way("first weeks at home", "community clinic", "leaflet with code", 3, 4, 2, 2, "offline", "at", _TALK),
    Way("choosing formula", "parenting forum", "expert posts", 4, 4, 2, 4, "online", "at", _TRIED),
    Way("choosing formula", "short-video live room", "live tasting", 5, 3, 4, 3, "online", "at", _TRIED),
    Way("choosing formula", "baby shop in the mall", "shelf card", 2, 4, 3, 1, "offline", "at", _TALK),
    Way("weekend with the child", "early-learning centre", "joint class", 2, 4, 3, 2, "offline", "downstream", _TALK),
    Way("weekend with the child", "indoor playground", "poster", 3, 2, 3, 2, "offline", "downstream", _TALK),
    Way("weekend with the child", "parents' photo feed", "picture contest", 4, 2, 2, 4, "online", "downstream", _TALK),
)
COLUMNS = {
    "scene": Column("category", "situation in which the need comes up"),
    "place": Column("category", "where these people gather then"),
    "channel": Column("category", "candidate channel that reaches them there"),
    "reach": Column("number", "how many of them it reaches, 1 to 5"),
    "precision": Column("number", "how many of those reached have the need, 1 to 5"),
    "cost": Column("number", "what it costs, 1 cheap to 5 dear"),
    "team_fit": Column("number", "how good the team is at it, 1 to 5"),
    "side": Column("category", "online or offline"),
    "step": Column("category", "upstream, at or downstream of the need"),
    "source": Column("category", "where the scores come from"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """All rows, with the first chunk."""
    ways = WAYS if chunk.index == 0 else ()
    return {
        name: np.array([getattr(way, name) for way in ways], dtype=float if column.kind == "number" else object)
        for name, column in COLUMNS.items()
    }
