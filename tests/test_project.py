"""The project keeps its own promises: floors, pins, light import, no machine's or registry's name."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "opskit"

TOPICS = ("target_users", "acquisition", "loyalty", "incentives", "monetization")
FLOORS = {
    **dict.fromkeys(("errors", "frames", "locks", "stats", "truth"), 0),
    **dict.fromkeys(("contract", "dataset", "customers", "features", "plots"), 1),
    **dict.fromkeys(TOPICS, 2),
    **dict.fromkeys(("overview", "data_health", "reports", "sample"), 3),
    **dict.fromkeys(("cli", "__main__"), 4),
}
WITHIN_A_FLOOR = {
    ("dataset", "contract"),
    ("features", "customers"),
    ("frames", "errors"),
    ("stats", "errors"),
    ("stats", "frames"),
    ("__main__", "cli"),
}


def room(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        parts = [name.split(".") for name in names]
        found |= {part[1] for part in parts if part[0] == "opskit" and len(part) > 1 and part[1] in FLOORS}
    return found


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda path: path.relative_to(SRC).as_posix())
def test_imports_only_go_down(path: Path) -> None:
    if path == SRC / "__init__.py":
        return
    here = room(path)
    assert here in FLOORS, f"{here} has no floor"
    for other in imported_rooms(path) - {here}:
        allowed = FLOORS[other] < FLOORS[here] or (here, other) in WITHIN_A_FLOOR
        assert allowed, f"{path.relative_to(SRC)} (floor {FLOORS[here]}) imports {other} (floor {FLOORS[other]})"


def test_a_module_stays_readable() -> None:
    long = {
        path.relative_to(SRC).as_posix(): lines
        for path in SRC.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_import_opskit_brings_nothing_heavy() -> None:
    heavy = (
        "pandas numpy duckdb pyarrow narwhals matplotlib scipy sklearn statsmodels seaborn papermill pydantic".split()
    )
    code = f"import sys, opskit; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_help_brings_nothing_heavy() -> None:
    heavy = (
        "pandas duckdb pyarrow matplotlib scipy sklearn statsmodels seaborn papermill nbconvert jupyter_client".split()
    )
    code = (
        "import sys\nsys.argv = ['opskit', '--help']\nfrom opskit.cli import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    pass\nprint([name for name in {heavy} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip().endswith("[]")


def requirements(lines: list[str]) -> dict[str, str]:
    return {
        match[1].lower(): match[2]
        for line in lines
        if (match := re.match(r"\s*-?\s*([A-Za-z0-9_.-]+)\s*>=\s*([\d.]+)", line))
    }


def test_environment_yml_is_in_step_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = requirements(project["project"]["dependencies"])
    offered = requirements((ROOT / "environment.yml").read_text(encoding="utf-8").splitlines())
    assert needed.items() <= offered.items()
    development = requirements(project["dependency-groups"]["dev"])
    assert offered.items() - needed.items() <= development.items()


def test_constraints_pin_every_dependency_at_or_above_its_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower(): line.split("==")[1].split(" ")[0] for line in lines if "==" in line}
    for name, floor in requirements([line for group in groups for line in group]).items():
        version = [int(part) for part in re.findall(r"\d+", pinned[name])]
        assert version >= [int(part) for part in floor.split(".")], name


def tracked_text() -> list[Path]:
    names = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    return [ROOT / name for name in names if not name.endswith((".parquet", ".ttf", ".otf", ".png", ".svg"))]


def test_no_file_names_a_registry_or_a_path_of_a_machine() -> None:
    try:
        files = tracked_text()
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("not a git checkout")
    registry = re.compile(r"(index|find-links|registry).{0,12}(https?://|file://)|https?://[^ ]*/(simple|packages)/")
    machine = re.compile(re.escape(str(ROOT.parent) + "/") + "|" + re.escape(str(Path.home()) + "/"))
    for path in files:
        if path.is_file() and path != Path(__file__):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not registry.search(text), path
            assert not machine.search(text), path


def test_an_old_python_gets_one_sentence() -> None:
    """Both entry points are readable by old Pythons up to the sentence that sends them away."""
    code = (
        "import sys, runpy; sys.version_info = (3, 11, 7, 'final', 0)\nrunpy.run_path(sys.argv[1], run_name='__main__')"
    )
    for entry in (ROOT / "start.py", SRC / "__init__.py"):
        done = subprocess.run([sys.executable, "-c", code, str(entry)], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "needs Python 3.12 or newer, and this is Python 3.11: install" in done.stderr
        ast.parse(entry.read_text(encoding="utf-8"), feature_version=(3, 7))
