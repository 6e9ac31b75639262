"""A design of levels as a file: what earns growth value, where the levels begin, what they give and what that costs."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from opskit.errors import OpskitError, check, did_you_mean

FILE_NAME = "level_design.toml"
SOURCES, DRIVES, PER = ("orders", "events", "points"), ("welfare", "content", "function"), ("customer", "object")
_LEAST_WINDOW_MONTHS = 3  # a first step is timed before anything has lapsed, which needs some months


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

    def at(self, thresholds: Sequence[int]) -> "Design":
        """The same design with other thresholds, those of the levels above the lowest."""
        wanted = (0, *(int(threshold) for threshold in thresholds))
        levels = tuple(
            dataclasses.replace(level, at=at, share=None) for level, at in zip(self.levels, wanted, strict=True)
        )
        return _checked(dataclasses.replace(self, levels=levels))

    def changed(self, **fields: Any) -> "Design":
        """The same design with other fields, checked again."""
        return _checked(dataclasses.replace(self, **fields))

    def given_to(self, level: str) -> tuple[Benefit, ...]:
        """Benefits of a member at this level: its own and those of the levels below."""
        place = self.names.index(level)
        return tuple(benefit for benefit in self.benefits if self.names.index(benefit.level) <= place)


def read(source: str | Path) -> Design:
    """Read a design from a TOML file or its text.

    Args:
        source: A path, or text that holds a line break.

    Returns:
        The design, checked.

    Raises:
        OpskitError: Naming the value, the rule and what to do.

    >>> read(template()).names
    ('member', 'silver', 'gold', 'diamond')
    """
    text, told = str(source), "the design"
    if "\n" not in text:
        told = text
        try:
            text = Path(source).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OpskitError(
                f"design == {told!r}, must be a readable file. Write one: opskit template level_design"
            ) from error
    try:
        return _design(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise OpskitError(f"{told} is no TOML: {error}. Start from opskit template level_design.") from error


def template() -> str:
    """The design file that `opskit template level_design` writes: complete, with target shares, no money of one currency."""
    return resources.files(__package__).joinpath("template.toml").read_text(encoding="utf-8")


def write_template(out: Path, *, force: bool = False) -> Path:
    """Write `template` as level_design.toml.

    Args:
        out: A folder, or a file whose folder is meant.
        force: Replace a file that is there.

    Returns:
        The file written.

    Raises:
        OpskitError: It is there already, or the place cannot be written.
    """
    target = (out.parent if out.suffix else out) / FILE_NAME
    if target.exists() and not force:
        raise OpskitError(f"{target} is there already. Give another --out, or --force to replace it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(template(), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OpskitError(f"{target} cannot be written: {error.strerror}. Give another --out.") from error
    return target


_TOP = ("name", "value", "currency", "window_months", "keep_months", "goals", "earn", "levels", "benefits")


def _design(table: Mapping[str, Any]) -> Design:
    _known(table, _TOP, "the design")
    for name in ("earn", "levels"):
        if not isinstance(table.get(name), list) or not table[name]:
            raise OpskitError(
                f"the design has no [[{name}]]; at least one is needed. See opskit template level_design."
            )
    return _checked(
        Design(
            name=str(table.get("name", "levels")),
            value=str(table.get("value", "growth value")),
            currency=str(table.get("currency", "")),
            window_months=table.get("window_months", 12),
            keep_months=table.get("keep_months", 0),
            goals=_made(Goals, table.get("goals", {}), "goals"),
            earn=tuple(_made(Earn, row, f"earn {place}") for place, row in enumerate(table["earn"], 1)),
            levels=tuple(_made(Level, row, f"levels {place}") for place, row in enumerate(table["levels"], 1)),
            benefits=tuple(
                _made(Benefit, row, f"benefits {place}") for place, row in enumerate(table.get("benefits", []), 1)
            ),
        )
    )


def _known(table: Any, names: Sequence[str], where: str) -> None:
    if not isinstance(table, Mapping):
        raise OpskitError(f"{where} == {table!r}, must be a table of settings.")
    for name in table:
        if name not in names:
            raise OpskitError(f"{where} has {name!r}, which is no setting.{did_you_mean(str(name), names)}")


def _made[T: (Earn, Level, Benefit, Goals)](kind: type[T], row: Any, where: str) -> T:
    """One row of the file, its names, kinds and must-haves checked."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    _known(row, tuple(fields), where)
    for name, field in fields.items():
        if name not in row:
            if field.default is dataclasses.MISSING:
                raise OpskitError(f"{where} lacks {name!r}. See opskit template level_design.")
            continue
        kinds: Any = {str: str, bool: bool}.get(field.type, (int, float))  # type: ignore[arg-type]
        right = isinstance(row[name], kinds) and (field.type is bool or not isinstance(row[name], bool))
        if not right or (field.type in (int, int | None) and row[name] != int(row[name])):
            wanted = {str: "a text", bool: "true or false", int: "a whole number"}.get(field.type, "a number")  # type: ignore[arg-type]
            raise OpskitError(f"{where} {name} == {row[name]!r}, must be {wanted}.")
    return kind(**row)


def _checked(design: Design) -> Design:
    for name in ("window_months", "keep_months"):
        check(getattr(design, name), name, ge=0)
        if getattr(design, name) != int(getattr(design, name)):
            raise OpskitError(f"{name} == {getattr(design, name)!r}, must be a whole number of months.")
    if 0 < design.window_months < _LEAST_WINDOW_MONTHS:
        raise OpskitError(
            f"window_months == {design.window_months}, must be 0 (for ever) or >= {_LEAST_WINDOW_MONTHS}."
        )
    if design.currency and design.currency == design.value:
        raise OpskitError(
            f"currency == {design.currency!r}, must be another name than value: what is spent is no growth value."
        )
    for name in ("first_step_share", "top_share", "least_share", "core_share", "cost_of_margin", "worth_of_spend"):
        check(getattr(design.goals, name), f"goals {name}", ge=0, le=1)
    for name in ("first_step_days", "days_by_idling"):
        check(getattr(design.goals, name), f"goals {name}", ge=1)
    _check_earn(design.earn)
    _check_levels(design.levels)
    for row in design.benefits:
        where = f"benefits {row.name!r}"
        check(row.drive, f"{where} drive", among=DRIVES)
        check(row.level, f"{where} level", among=design.names)
        for name in ("cost", "uses_per_month", "takes_value", "worth"):
            if getattr(row, name) is not None:
                check(getattr(row, name), f"{where} {name}", ge=0)
        check(row.revenue_share, f"{where} revenue_share", ge=0, le=1)
    return design


def _check_earn(rules: Sequence[Earn]) -> None:
    for row in rules:
        where = f"earn {row.behaviour!r}"
        check(row.source, f"{where} source", among=SOURCES)
        check(row.per, f"{where} per", among=PER)
        for name in ("each", "per_revenue", "daily_cap", "repeat_minutes"):
            check(getattr(row, name), f"{where} {name}", ge=0)
        if not (row.each or row.per_revenue):
            raise OpskitError(f"{where} earns nothing: give each or per_revenue, or leave it out.")
        if row.per_revenue and row.source != "orders":
            raise OpskitError(
                f"{where} per_revenue == {row.per_revenue}: only orders bring revenue. Give each instead."
            )
    pairs = [(row.source, row.behaviour) for row in rules]
    orders = [row for row in rules if row.source == "orders"]
    if len(set(pairs)) < len(pairs) or len(orders) > 1:
        twice = next((name for source, name in pairs if pairs.count((source, name)) > 1), "orders")
        raise OpskitError(
            f"[[earn]] names {twice!r} twice; one rule a behaviour, and one for orders. Put them together."
        )


def _check_levels(levels: Sequence[Level]) -> None:
    names = [level.name for level in levels]
    if len(levels) < 2 or len(set(names)) < len(names):
        raise OpskitError(f"levels == {', '.join(names)}: two or more are needed, each with a name of its own.")
    above = levels[1:]
    if levels[0].at not in (None, 0) or levels[0].share is not None:
        raise OpskitError(
            f"levels {names[0]!r} is the lowest: it begins at 0 and holds who is left. Take at and share away."
        )
    by_share = [level.share is not None for level in above]
    if any((level.at is None) == (level.share is None) for level in above) or len(set(by_share)) > 1:
        raise OpskitError("levels above the lowest need at, or share, the same for all of them.")
    for level in above:
        if level.share is not None:
            check(level.share, f"levels {level.name!r} share", gt=0, lt=1)
    if all(by_share) and sum(level.share or 0.0 for level in above) >= 1:
        raise OpskitError(
            "levels: the shares above the lowest add up to 1 or more; somebody must be at the lowest. Lower them."
        )
    last = 0
    for level in above:
        if level.at is not None:
            check(level.at, f"levels {level.name!r} at", gt=last)
            last = level.at
