"""What touches rows is tested on every engine: whatever enters `frames.lazy` is reached from a test of the matrix."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from opskit.dataset.dataset import ENGINES
from opskit.frames import REFUSED

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "opskit"
ENTRANCES = {("frames", "lazy"), ("customers", "until"), ("", "lazy"), ("", "until")}
ELSEWHERE = {
    "target_users/first_users/recovery.py: _response",  # counts answers to one question of the sample shop
}


def words(node: ast.AST) -> tuple[set[str], bool]:
    """Every name that it mentions (the last part of a dotted one too), and whether it calls an entrance."""
    names: set[str] = set()
    enters = False
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=room), attr=name)):
                enters |= (room, name) in ENTRANCES
            case ast.Call(func=ast.Name(id=name)):
                enters |= ("", name) in ENTRANCES
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                names.add(name)
            case _:
                pass
    return names, enters


def definitions(path: Path, holding: str = "") -> Iterator[tuple[ast.FunctionDef | ast.ClassDef, set[str], bool]]:
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body if holding in text else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node, *words(node)


def reached(start: set[str], mentions: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += mentions.get(name, ())
    return found


def named_by_the_matrix() -> set[str]:
    """Names that a test which takes an engine mentions, itself or through helpers of its own file."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        mentions = {node.name: names for node, names, _ in definitions(path, holding="engine")}
        tests = {name for name, names in mentions.items() if name.startswith("test_") and "engine" in names}
        found |= reached(tests, mentions)
    return found


def test_every_row_level_function_is_in_the_matrix() -> None:
    mentions: dict[str, set[str]] = defaultdict(set)
    row_level: dict[str, str] = {}
    for path in (path for path in SRC.rglob("*.py") if "sample" not in path.parts):
        for node, names, enters in definitions(path):
            mentions[node.name] |= names
            if enters:
                row_level[f"{path.relative_to(SRC).as_posix()}: {node.name}"] = node.name
    known = reached(named_by_the_matrix(), mentions)
    missing = {place for place, name in row_level.items() if name not in known} - ELSEWHERE
    assert len(row_level) > 150
    assert not missing, "test these on every engine, with the fixture `engine`:\n" + "\n".join(sorted(missing))


def test_the_documentation_lists_every_engine_and_why_others_are_refused() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f'"{engine}"' in text for engine in ENGINES)
    rows = [line for line in text.splitlines() if "| refused: " in line]
    assert [row.split(" | ")[:2] for row in rows] == [[f"| {one.engine}", f"refused: {one.reason}"] for one in REFUSED]
