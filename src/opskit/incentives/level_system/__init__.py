from opskit.incentives.level_system.design import Design, read, template
from opskit.incentives.level_system.growth import Growth, growth
from opskit.incentives.level_system.replay import replay, placed, usual, histogram
