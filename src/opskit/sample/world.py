"""The shop as a whole (settings, calendar, sign-ups) and one chunk of its customers at a time."""

import importlib
import pkgutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opskit.sample import acquisition_plan, seasons
from opskit.sample.purchases import Purchases, simulate
from opskit.sample.seasons import Floats

LAST_DAY = date(2025, 12, 31)
CHUNK = 10_000  # customers drawn together; part of the definition of a shop: another size draws another shop


class Column(NamedTuple):
    """A column of a sample table: Arrow type by name, and what it means."""

    kind: str
    about: str


class Signups(NamedTuple):
    """Every account in order of sign-up."""

    at: Floats
    channel: NDArray[np.int8]
    referrer: NDArray[np.int32]


@dataclass(frozen=True)
class World:
    """One shop: everything that follows from the truth, the size and the seed."""

    truth: Mapping[str, float]
    customers: int
    months: int
    seed: int

    @property
    def first_day(self) -> date:
        """First day of the shop."""
        month = LAST_DAY.year * 12 + LAST_DAY.month - self.months
        return date(month // 12, month % 12 + 1, 1)

    @property
    def days(self) -> int:
        """Days from the first to the last."""
        return (LAST_DAY - self.first_day).days + 1

    @cached_property
    def busy(self) -> Floats:
        """How busy each day is."""
        return seasons.intensity(self.first_day, self.days, self.truth)

    @cached_property
    def clock(self) -> seasons.Clock:
        """Even time to calendar time."""
        return seasons.Clock.of(self.busy)

    @cached_property
    def plan(self) -> acquisition_plan.Plan:
        """Media plan and expected sign-ups."""
        return acquisition_plan.plan(self.busy, self.truth)

    @cached_property
    def signups(self) -> Signups:
        """Who signed up when, by which channel, invited by whom; 13 bytes a customer for the whole shop."""
        rng = self.rng("signups")
        per_day = self.plan.signups.sum(axis=1)
        even = np.interp(
            np.sort(rng.random(self.customers)), np.concatenate([[0], np.cumsum(per_day)]), np.arange(self.days + 1)
        )
        shares = np.cumsum(self.plan.signups / per_day[:, None], axis=1)
        day = np.minimum(even.astype(np.int64), self.days - 1)
        drawn = rng.random(self.customers)
        channel = np.zeros(self.customers, dtype=np.int8)
        for column in range(shares.shape[1] - 1):
            channel += drawn > shares[day, column]
        channel[0] = 0  # nobody was there to invite the first
        return Signups(seasons.within_day(even), channel, self._referrers(rng, channel))

    def _referrers(self, rng: np.random.Generator, channel: NDArray[np.int8]) -> NDArray[np.int32]:
        """For each invited account an earlier one, -1 for the others; a few people invite very many."""
        influence = np.cumsum(rng.pareto(1.6, self.customers) + 0.05)
        invited = np.flatnonzero(channel == acquisition_plan.CHANNELS.index("referral"))
        drawn = rng.random(len(invited)) * influence[invited - 1]
        referrer = np.full(self.customers, -1, dtype=np.int32)
        referrer[invited] = np.minimum(np.searchsorted(influence, drawn), invited - 1)
        return referrer

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.customers // CHUNK)

    def chunk(self, index: int) -> "Chunk":
        """The customers of one chunk."""
        return Chunk(self, index)

    def rng(self, stream: str, part: int = 0) -> np.random.Generator:
        """Random numbers of one stream: named, so that a new stream leaves the others as they are."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(zlib.crc32(stream.encode()), part)))

    def moment(self, days: Any) -> NDArray[np.datetime64]:
        """Calendar time in whole seconds; a missing number is a missing time."""
        missing = np.isnan(days)
        seconds = np.floor(np.where(missing, 0, days) * 86_400).astype("timedelta64[s]")
        moments = (np.datetime64(self.first_day, "s") + seconds).astype("datetime64[us]")
        moments[missing] = np.datetime64("NaT", "us")
        return moments


@dataclass(frozen=True)
class Chunk:
    """Up to CHUNK customers and everything they do; tables ask each other for columns through it."""

    world: World
    index: int
    _tables: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def start(self) -> int:
        """Number of the first customer."""
        return self.index * CHUNK

    @property
    def size(self) -> int:
        """Number of customers."""
        return min(CHUNK, self.world.customers - self.start)

    def rng(self, stream: str) -> np.random.Generator:
        """Random numbers of one stream in this chunk."""
        return self.world.rng(stream, self.index)

    @cached_property
    def signed_up(self) -> Floats:
        """Calendar time of sign-up."""
        return self.world.signups.at[self.start : self.start + self.size]

    @cached_property
    def channel(self) -> NDArray[np.int8]:
        """Channel of sign-up, as place in CHANNELS."""
        return self.world.signups.channel[self.start : self.start + self.size]

    @cached_property
    def purchases(self) -> Purchases:
        """Paid orders in calendar time, and until when each customer is interested."""
        world = self.world
        channel_mix = world.plan.signups[self.signed_up.astype(np.int64)]
        return simulate(self.rng("purchases"), self.signed_up, self.channel, channel_mix, world.clock, world.truth)

    @cached_property
    def customer_ids(self) -> NDArray[np.object_]:
        """Ids of the chunk's customers."""
        return customer_ids(np.arange(self.start, self.start + self.size))

    def table(self, name: str) -> dict[str, Any]:
        """Columns of a table for these customers, those not written included."""
        if name not in self._tables:
            self._tables[name] = builders()[name].build(self)
        return self._tables[name]


def without(values: NDArray[np.object_], empty: NDArray[np.bool_]) -> NDArray[np.object_]:
    """A copy of a text column with some cells empty."""
    kept = values.astype(object)
    kept[empty] = None
    return kept


def customer_ids(numbers: Any) -> NDArray[np.object_]:
    """Ids of customers by number."""
    return np.array([f"C{number + 1:07d}" for number in numbers], dtype=object)


def builders() -> dict[str, ModuleType]:
    """Modules of opskit.sample.tables by name; each has ROW, COLUMNS and build(chunk)."""
    from opskit.sample import tables

    names = sorted(module.name for module in pkgutil.iter_modules(tables.__path__))
    return {name: importlib.import_module(f"{tables.__name__}.{name}") for name in names}
