"""A design of levels: what earns growth value, where the levels begin, what they give and what that costs."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opskit.errors import OpskitError
from opskit.incentives.level_system.soundness import checked

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Earn:
    """What earns growth value: so much for each, so much for a unit of revenue, and what stops it.

    Attributes:
        behaviour: The event's name, the behaviour as points call it, or any name for orders.
        source: Table that it is read from: orders, events or points.
        each: Growth value of one.
        per_revenue: Growth value of a unit of revenue after refunds; orders only.
        core: Whether it is the business that the levels are there for.
        daily_cap: So many count a day; 0: all.
        first_only: Only the first ever counts.
        repeat_minutes: So soon after the one before it does not count; 0: always counts.
        per: Whether only-first and repeats look at all of a customer's actions or at each object apart.
    """

    behaviour: str
    source: str
    each: float = 0.0
    per_revenue: float = 0.0
    core: bool = False
    daily_cap: int = 0
    first_only: bool = False
    repeat_minutes: float = 0.0
    per: str = "customer"


@dataclass(frozen=True)
class Level:
    """A level: its name and where it begins, or the share of members who should be at it (`at` then follows from history)."""

    name: str
    at: int | None = None
    share: float | None = None


@dataclass(frozen=True)
class Benefit:
    """What a level gives, from that level up.

    Attributes:
        name: Its name.
        level: The lowest level that has it.
        drive: welfare (money's worth), content (something to see or learn) or function (something works better).
        shows: The business that it puts before the member's eyes.
        cost: Of one use, in the currency.
        uses_per_month: Expected of a member with it.
        revenue_share: Part of what the member spends that it costs, a discount for instance.
        worth: Of one use to the member; empty: what it costs.
        takes_value: Growth value that a use takes away; anything above 0 makes growth value a currency.
    """

    name: str
    level: str
    drive: str
    shows: str = ""
    cost: float = 0.0
    uses_per_month: float = 0.0
    revenue_share: float = 0.0
    worth: float | None = None
    takes_value: float = 0.0


@dataclass(frozen=True)
class Goals:
    """What the design is held to; the defaults are rules of thumb, not laws.

    Attributes:
        first_step_days: The first step should be reached within so many days of the first action that counts ...
        first_step_share: ... by at least this share of members.
        top_share: Most members at the top level, as a share.
        least_share: Fewest members at any level, as a share.
        core_share: Least part of all growth value that the core business earns.
        cost_of_margin: Most that benefits may cost, over margin (over revenue where there is no margin).
        worth_of_spend: Least worth of the first step's benefits, over what its members spend.
        days_by_idling: Fewest days in which actions that bring no money may lead to the first step.
    """

    first_step_days: int = 90
    first_step_share: float = 0.25
    top_share: float = 0.05
    least_share: float = 0.005
    core_share: float = 0.5
    cost_of_margin: float = 0.15
    worth_of_spend: float = 0.01
    days_by_idling: int = 14


@dataclass(frozen=True)
class Design:
    """A design of levels.

    Attributes:
        name: Of the programme.
        value: What its growth value is called; it is never spent.
        currency: What its points for spending are called, if there are any; another name than value.
        window_months: Growth value of so many calendar months counts; 0: all of it, for ever.
        keep_months: A level once reached is kept for so many months more.
        goals: What it is held to.
        earn: What earns growth value.
        levels: From the lowest, which begins at 0, to the highest.
        benefits: What they give.
    """

    name: str
    value: str
    currency: str
    window_months: int
    keep_months: int
    goals: Goals
    earn: tuple[Earn, ...]
    levels: tuple[Level, ...]
    benefits: tuple[Benefit, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the levels, the lowest first."""
        return tuple(level.name for level in self.levels)

    @property
    def thresholds(self) -> tuple[int, ...]:
        """Where each level begins, in growth value.

        Raises:
            OpskitError: The design gives shares; `placed` works the thresholds out of history.
        """
        found = [0, *(level.at for level in self.levels[1:] if level.at is not None)]
        if len(found) < len(self.levels):
            raise OpskitError("the design gives target shares, not thresholds. Call level_system.placed first.")
        return tuple(found)

    def table(self) -> "pd.DataFrame":
        """The ladder: level, where it begins (missing while shares are asked for), target share, what it gives anew."""
        import pandas as pd

        new = {name: ", ".join(b.name for b in self.benefits if b.level == name) for name in self.names}
        rows = [(level.name, level.at, level.share, new[level.name]) for level in self.levels]
        table = pd.DataFrame(rows, columns=["level", "at", "share", "gives anew"])
        return table.assign(at=table["at"].fillna(0)).set_index("level").dropna(axis=1, how="all")

    def at(self, thresholds: Sequence[int]) -> "Design":
        """The same design with other thresholds, those of the levels above the lowest."""
        wanted = (0, *(int(threshold) for threshold in thresholds))
        levels = tuple(
            dataclasses.replace(level, at=at, share=None) for level, at in zip(self.levels, wanted, strict=True)
        )
        return checked(dataclasses.replace(self, levels=levels))

    def changed(self, **fields: Any) -> "Design":
        """The same design with other fields, checked again."""
        return checked(dataclasses.replace(self, **fields))

    def given_to(self, level: str) -> tuple[Benefit, ...]:
        """Benefits of a member at this level: its own and those of the levels below."""
        place = self.names.index(level)
        return tuple(benefit for benefit in self.benefits if self.names.index(benefit.level) <= place)
