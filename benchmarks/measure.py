"""One case in a process of its own, so that its memory is its own: prints one JSON object.

python -m benchmarks.measure retention summary --shop FOLDER
"""

import argparse
import gc
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from benchmarks.case import groups
from benchmarks.clock import peak_gigabytes, seconds

from opskit.dataset.load import group_in_one_scan


def measure(group: str, name: str, shop: Path, *, repeats: int, memory_limit: str, people: bool) -> dict[str, Any]:
    """Compare the answers, then time each way.

    Returns:
        rows, memory (GB of the whole process after ours ran once), and of each way its wall and processor seconds.
    """
    module = groups()[group]
    with tempfile.TemporaryDirectory(dir=shop) as spill:
        con = duckdb.connect(
            config={"temp_directory": spill} | ({"memory_limit": memory_limit} if memory_limit else {})
        )
        group_in_one_scan(con)  # as opskit.open sets it, and for both sides
        for table, columns in module.TABLES.items():
            con.sql(f"create view {table} as select {columns} from '{shop / table}.parquet'")
        case = module.cases(con)[name]
        ways = {"ours": case.ours, "by_hand": case.by_hand}
        if people and case.as_people_do:
            ways["as_people_do"] = case.as_people_do
        found = {"ours": ways["ours"]()}
        memory = peak_gigabytes()
        found |= {way: run() for way, run in ways.items() if way != "ours"}
        case.same(*found.values())
        found.clear()
        gc.collect()
        counted: Any = con.sql(f"select count(*) from {module.ROWS}").fetchall()
        once = {"as_people_do": 1}
        times = {way: seconds(run, once.get(way, repeats)) for way, run in ways.items()}
    return {"rows": counted[0][0], "memory": memory} | {
        way: {"wall": wall, "cpu": cpu} for way, (wall, cpu) in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group")
    parser.add_argument("case")
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-limit", default="")
    parser.add_argument("--people", action="store_true")
    given = parser.parse_args()
    options = {"repeats": given.repeats, "memory_limit": given.memory_limit, "people": given.people}
    json.dump(measure(given.group, given.case, given.shop, **options), sys.stdout)


if __name__ == "__main__":
    main()
