"""Seconds and memory of a piece of work."""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any


def seconds(run: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median wall and processor seconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        started, used = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu)


def peak_gigabytes() -> float:
    """Largest resident memory of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e9 if sys.platform == "darwin" else used / 1e6
