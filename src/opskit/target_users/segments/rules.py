"""Named segments: one table of rules over recency, frequency and money that puts every customer into exactly one."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

LEVELS = ("low", "middle", "high")
NOT_YET = "not yet a customer"


class Segment(NamedTuple):
    """What a named segment means and what to do about it."""

    chinese: str
    meaning: str
    action: str


# In the order of the tables and figures: from the liveliest to the sleepiest.
SEGMENTS = {
    "champions": Segment(
        "重要价值客户",
        "bought lately, often, and spend well",
        "early access and thanks, no discount; ask for reviews and invitations",
    ),
    "loyal": Segment(
        "忠诚客户",
        "bought lately and come back regularly",
        "show the next product of their kind; offer a membership",
    ),
    "promising": Segment(
        "潜力客户",
        "bought lately and seldom so far, but for much",
        "a personal word after the delivery, and the one product that fits",
    ),
    "new": Segment(
        "新客与偶购客户",
        "bought lately and seldom so far, for less",
        "help with the purchase; remind them when the next is due",
    ),
    "need_attention": Segment(
        "需要关注客户",
        "come back regularly, and are late",
        "remind them within their own rhythm; ask what was missing",
    ),
    "about_to_sleep": Segment(
        "即将沉睡客户",
        "bought seldom, and not lately",
        "one reminder with a reason to come, then leave them alone",
    ),
    "cannot_lose": Segment(
        "不能流失客户",
        "bought often and for much, and stopped",
        "call in person; find out why before offering anything",
    ),
    "at_risk": Segment(
        "流失风险客户",
        "came back regularly, and stopped",
        "win back as a test: contact some, hold some out",
    ),
    "hibernating": Segment(
        "沉睡客户",
        "bought seldom, long ago",
        "spend nothing on them one by one; only what reaches everybody",
    ),
}
NAMES = tuple(SEGMENTS)
# segment, levels of recency, of frequency, of money: every combination stands in exactly one line.
RULES = (
    ("champions", ("high",), ("high",), ("middle", "high")),
    ("loyal", ("high",), ("high",), ("low",)),
    ("loyal", ("high",), ("middle",), LEVELS),
    ("promising", ("high",), ("low",), ("high",)),
    ("new", ("high",), ("low",), ("low", "middle")),
    ("need_attention", ("middle",), ("middle", "high"), LEVELS),
    ("about_to_sleep", ("middle",), ("low",), LEVELS),
    ("cannot_lose", ("low",), ("high",), ("high",)),
    ("at_risk", ("low",), ("high",), ("low", "middle")),
    ("at_risk", ("low",), ("middle",), LEVELS),
    ("hibernating", ("low",), ("low",), LEVELS),
)


def level(score: int, bins: int) -> str:
    """Whether a score lies in the lower, middle or upper third of its scale.

    Args:
        score: From 1 (least) to the number of bins.
        bins: How many scores there are.

    >>> [level(score, 5) for score in range(1, 6)], [level(score, 2) for score in (1, 2)]
    (['low', 'low', 'middle', 'high', 'high'], ['low', 'high'])
    """
    place = (score - 0.5) / bins
    return LEVELS[0] if place < 1 / 3 else LEVELS[2] if place > 2 / 3 else LEVELS[1]


def cells(bins: "dict[str, int]") -> "pd.DataFrame":
    """Every combination of scores with its segment.

    Args:
        bins: How many scores recency, frequency and money have.

    Returns:
        recency_score, frequency_score, money_score, segment: each combination once. Where everybody bought equally
        often, nobody counts as frequent.
    """
    import pandas as pd

    rows: list[tuple[int, int, int, str]] = []
    for r in range(1, bins["recency"] + 1):
        for f in range(1, bins["frequency"] + 1):
            often = level(f, bins["frequency"]) if bins["frequency"] > 1 else LEVELS[0]
            lately = level(r, bins["recency"])
            rows += [(r, f, m, segment(lately, often, level(m, bins["money"]))) for m in range(1, bins["money"] + 1)]
    return pd.DataFrame(rows, columns=["recency_score", "frequency_score", "money_score", "segment"])


def segment(recency: str, frequency: str, money: str) -> str:
    """The segment of three levels.

    >>> segment("low", "high", "high")
    'cannot_lose'
    """
    (name,) = [
        name for name, *levels in RULES if recency in levels[0] and frequency in levels[1] and money in levels[2]
    ]
    return name


def guide() -> "pd.DataFrame":
    """The rules as a table: segment, chinese, recency, frequency, money (levels), meaning, action."""
    import pandas as pd

    def said(levels: tuple[str, ...]) -> str:
        return "any" if levels == LEVELS else " or ".join(levels)

    rows = [(name, SEGMENTS[name].chinese, *map(said, levels), *SEGMENTS[name][1:]) for name, *levels in RULES]
    return pd.DataFrame(rows, columns=["segment", "chinese", "recency", "frequency", "money", "meaning", "action"])
