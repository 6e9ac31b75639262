"""Levels before they are launched: does the product suit them, what would a design have done, which principle does it break."""

from opskit.incentives.level_system.audit import JUDGE, audit
from opskit.incentives.level_system.comparison import compare
from opskit.incentives.level_system.design import FILE_NAME, Benefit, Design, Earn, Goals, Level, read, template, write_template
from opskit.incentives.level_system.growth import Growth, growth
from opskit.incentives.level_system.measures import (
    benefit_costs,
    demotions,
    flows,
    ratios,
    shares,
    sums,
    times,
    times_at,
)
from opskit.incentives.level_system.replay import Replay, histogram, placed, replay, usual
from opskit.incentives.level_system.suitability import suitability, verdict
