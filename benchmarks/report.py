"""benchmarks/results.json, and the page and chart made from it."""

import json
import math
import os
import platform
import statistics
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Found = dict[str, Any]
_KEYS = ("group", "case", "size", "memory_limit")
_LARGE = 10**7
_LIBRARIES = ("duckdb", "narwhals", "pandas", "numpy", "pyarrow")


def add(folder: Path, found: Found) -> None:
    """Keep one result, in the place of an earlier one of the same case and size."""
    found["size"] = round(math.log10(found["rows"])) if found.get("rows") else 0
    found["on"] = _machine()
    kept = [other for other in _all(folder) if any(other.get(key) != found.get(key) for key in _KEYS)]
    text = json.dumps(sorted([*kept, found], key=lambda one: [str(one.get(key)) for key in _KEYS]), indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def _all(folder: Path) -> list[Found]:
    path = folder / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _machine() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {libraries}"


def ratio(found: Found, way: str = "by_hand") -> float:
    """How many times as long ours takes, in processor seconds."""
    return found["ours"]["cpu"] / found[way]["cpu"]


def write(folder: Path) -> None:
    """Write README.md and ratios.png from the results."""
    found = _all(folder)
    cases = [one for one in found if "by_hand" in one and not one["memory_limit"]]
    sizes = sorted({one["size"] for one in cases})
    if not sizes:
        return
    large = [one for one in cases if one["size"] == min(7, sizes[-1])]
    _chart(large, folder / "ratios.png")
    text = (folder / "page.md").read_text(encoding="utf-8")
    parts = {
        "machine": "; ".join(sorted({one["on"] for one in found})),
        "summary": _summary(cases, sizes),
        "cases": _table(cases),
        "heavy": _heavy([one for one in found if one["size"] >= 8]),
        "people": _people([one for one in cases if "as_people_do" in one]),
        "peers": _peers([one for one in found if one["group"] == "peers"]),
        "runs": _runs([one for one in found if one["group"] == "runs"]),
    }
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    (folder / "README.md").write_text(text, encoding="utf-8")


def _summary(cases: list[Found], sizes: list[int]) -> str:
    rows: list[list[str]] = []
    for size in sizes:
        ratios = {f"{one['group']}: {one['case']}": ratio(one) for one in cases if one["size"] == size}
        worst = max(ratios, key=lambda name: ratios[name])
        mean = statistics.geometric_mean(ratios.values())
        rows.append([f"10^{size}", str(len(ratios)), f"{mean:.2f}", f"{ratios[worst]:.2f} ({worst})"])
    return _markdown(["rows", "functions", "geometric mean of opskit / SQL", "largest"], rows)


def _table(cases: list[Found]) -> str:
    rows: list[list[str]] = []
    for one in sorted(cases, key=lambda one: (one["group"], one["case"], one["size"])):
        growth = _growth(one, cases)
        rows.append(
            [
                f"{one['group']}: {one['case']}",
                f"{one['rows']:,} {one['counted']}",
                f"{one['ours']['cpu']:.2f} ({one['ours']['wall']:.2f})",
                f"{one['by_hand']['cpu']:.2f} ({one['by_hand']['wall']:.2f})",
                f"{ratio(one):.2f}",
                f"{one['memory']:.2f}",
                growth,
            ]
        )
    return _markdown(["function", "rows", "opskit, s", "SQL, s", "ratio", "memory, GB", "growth"], rows)


def _growth(one: Found, cases: list[Found]) -> str:
    """Exponent of processor time against rows, from the next smaller size."""
    same = [other for other in cases if (other["group"], other["case"]) == (one["group"], one["case"])]
    smaller = [other for other in same if other["size"] < one["size"]]
    if not smaller:
        return ""
    least = max(smaller, key=lambda other: other["size"])
    more = math.log(one["ours"]["cpu"] / least["ours"]["cpu"]) / math.log(one["rows"] / least["rows"])
    return f"{more:.2f}"


def _heavy(found: list[Found]) -> str:
    rows = [
        [
            f"{one['group']}: {one['case']}",
            f"{one['rows']:,}",
            one["memory_limit"] or "none",
            f"{one['ours']['wall']:.0f}",
            f"{one['memory']:.2f}",
            f"{ratio(one):.2f}",
        ]
        for one in found
    ]
    return _markdown(
        ["function", "rows", "limit of DuckDB", "opskit, s on the clock", "memory, GB", "ratio to SQL"], rows
    )


def _people(cases: list[Found]) -> str:
    rows = [
        [f"{one['group']}: {one['case']}", f"{one['rows']:,}", f"{one['as_people_do']['cpu']:.1f}",
         f"{one['ours']['cpu']:.1f}", f"{1 / ratio(one, 'as_people_do'):.1f}"]
        for one in cases
    ]  # fmt: skip
    return _markdown(["function", "rows", "pandas, s", "opskit, s", "times as fast"], rows)


def _peers(found: list[Found]) -> str:
    rows = [
        [one["case"], f"{one['rows']:,}", f"{one['theirs']['cpu']:.1f} ({one['theirs']['wall']:.1f})",
         f"{one['ours']['cpu']:.2f} ({one['ours']['wall']:.2f})", f"{one['theirs']['cpu'] / one['ours']['cpu']:.1f}",
         f"{one['theirs']['wall'] / one['ours']['wall']:.1f}", one["equal"]]
        for one in found
    ]  # fmt: skip
    whole = sorted((one for one in found if one.get("whole")), key=lambda one: one["rows"])
    largest = {one["case"]: one for one in whole}.values()
    times = {kind: sorted(one["theirs"][kind] / one["ours"][kind] for one in largest) for kind in ("cpu", "wall")}
    said = ""
    if len(largest) > 1:
        cpu, wall, less_cpu, less_wall = (
            statistics.geometric_mean(ratios[:end]) for end in (None, -1) for ratios in times.values()
        )
        said = (
            f"\n\nGeometric mean of the work end to end, each at its largest size ({len(largest)} rows): {cpu:.1f} times in "
            f"processor seconds, {wall:.1f} on the clock; without the row furthest apart {less_cpu:.1f} and {less_wall:.1f}."
        )
    head = ["work", "rows", "peer, s", "opskit, s", "times as fast", "on the clock", "what was equal"]
    return _markdown(head, rows) + said


def _runs(found: list[Found]) -> str:
    rows = [
        [one["case"], f"{theirs:.0f}", f"{ours:.0f}", f"{theirs / ours:.1f}"]
        for one in found
        for theirs, ours in [(one["theirs"]["wall"], one["ours"]["wall"])]
    ]
    return _markdown(["reports", "papermill in a loop, s", "opskit, s", "times as fast"], rows)


def _markdown(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if len(lines) > 2 else "Not measured."


def _chart(cases: list[Found], path: Path) -> None:
    from opskit import plots

    ratios = sorted((ratio(one), f"{one['group']}: {one['case']}") for one in cases)
    mean = statistics.geometric_mean([value for value, _ in ratios])
    ax = plots.axes(size=(8, 1 + 0.3 * len(ratios)))
    for place, (value, _) in enumerate(ratios):
        ax.plot([1, value], [place, place], color="0.75", lw=2, zorder=1)
        ax.annotate(
            f"{value:.2f}", (max(value, 1), place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8
        )
    ax.scatter([value for value, _ in ratios], range(len(ratios)), s=36, zorder=2)
    ax.axvline(1, color="black", lw=1)
    ax.axvline(2, color="0.5", lw=1, ls=":")
    ax.set_yticks(range(len(ratios)), [name for _, name in ratios], fontsize=8)
    ax.set_xlim(0, max(2.4, ratios[-1][0] * 1.1))
    ax.set_xlabel("processor seconds of opskit / of DuckDB SQL written by hand")
    size = round(math.log10(cases[0]["rows"]))
    plots.title(ax, f"At $10^{size}$ rows the portable form costs {mean:.2f} times hand-written SQL")
    ax.figure.savefig(path, dpi=110, bbox_inches="tight")
