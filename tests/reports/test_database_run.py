"""A run on a database: its password is in nothing that the run writes, prints or leaves behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import nbformat
import pandas as pd
import pytest
from postgres import PASSWORD, Server, started

pytestmark = pytest.mark.slow

SHOP = """
CREATE TABLE orders AS
SELECT i AS order_id, (i * 7919) % 300 AS customer_id, timestamp '2024-01-01' + (i * 7919 % 600) * interval '1 day' AS ordered_at,
       (5 + i % 40)::numeric(12, 2) AS revenue, CASE WHEN i % 3 = 0 THEN 'North' ELSE 'South' END AS region
FROM generate_series(1, 3000) AS i
"""
SHOW = "import opskit\nds = opskit.open(data, as_of=as_of, where=where)\nprint(ds.name, len(ds.orders.fetchall()), ds.notes)"
FIGURE = (
    "import pandas as pd\nfrom opskit import reports\nn = len(ds.orders.fetchall())\n"
    "reports.headline(pd.DataFrame([dict(name='N', value=n, low=n, high=n, n=n, unit='')]))"
)
COMMAND_LINE = "import psutil\nopen('seen', 'a').write(str(psutil.Process().cmdline()))"
"""Other users of the machine may see it; the environment, where the password is, they may not."""
REFUSED = "from opskit.dataset.postgresql import Server\nServer(data).ask('SELECT nothing', 'this')"
FORMS = {PASSWORD.encode(), quote(PASSWORD, safe="").encode(), PASSWORD.encode("unicode_escape"), b"g3heim"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as found:
        found.run(SHOP)
        yield found


@pytest.fixture
def opskit(tmp_path: Path):
    """Runs the command with temporary files, history and shared tables where they can be looked through."""
    for name in ("tmp", "home", "shared", "work"):
        (tmp_path / name).mkdir()
    own = {
        "TMPDIR": "tmp",
        "HOME": "home",
        "IPYTHONDIR": "home",
        "JUPYTER_RUNTIME_DIR": "home",
        "OPSKIT_SHARED": "shared",
    }

    def run(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "OPSKIT_"))}
        env |= {name: str(tmp_path / folder) for name, folder in own.items()} | given
        command = [sys.executable, "-m", "opskit", *arguments]
        done = subprocess.run(command, cwd=tmp_path / "work", env=env, capture_output=True, text=True, check=False)
        (tmp_path / "streams").open("a").write(done.stdout + done.stderr)
        return done

    return run


def files_with_the_password(folder: Path, *, apart: str = "") -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != apart]
    assert len(found) > 5
    return [str(path) for path in found if any(form in path.read_bytes() for form in FORMS)]


@pytest.fixture
def pages(write_page, tmp_path: Path) -> list[str]:
    """A page that shows what it has, one that fails in the middle of reading, and one whose table is missing."""
    good = write_page(tmp_path / "work" / "good.ipynb", SHOW, COMMAND_LINE, ("headline", FIGURE))
    bad = write_page(tmp_path / "work" / "bad.ipynb", SHOW, REFUSED)
    skipped = write_page(tmp_path / "work" / "skipped.ipynb", SHOW, "ds.require('surveys')")
    return [str(path) for path in (good, bad, skipped)]


@pytest.mark.parametrize("way", ["--data", "-p", "--batch"])
def test_a_password_on_the_command_line_is_nowhere_to_be_found(
    opskit, pages, server: Server, tmp_path: Path, way: str
) -> None:
    address = server.address(password=PASSWORD)
    batch = tmp_path / "work" / "runs.csv"
    pd.DataFrame({"data": [address], "confidence": [0.9]}).to_csv(batch, index=False)
    given = {"--data": ["--data", address], "-p": ["-p", f"data={address}"], "--batch": ["--batch", str(batch)]}[way]
    done = opskit("run", *pages, *given, "--out", "out")
    assert done.returncode == 1, done.stderr
    told = pd.read_csv(tmp_path / "work/out/headlines.csv").set_index("page")
    assert told["status"].to_dict() == {"good": "ok", "bad": "failed", "skipped": "skipped"}
    assert told.loc["good", "value"] == 3000
    (failed,) = (tmp_path / "work/out").rglob("bad.html")
    assert "does not exist" in failed.read_text(encoding="utf-8")
    assert not files_with_the_password(tmp_path, apart=batch.name)
    if way != "--data":
        return
    again = opskit("run", *pages[:1], *given, "--out", "out", "--resume")
    assert "Finished before." in again.stdout, again.stdout + again.stderr
    server.run("UPDATE orders SET revenue = revenue + 1 WHERE order_id = 1")
    changed = opskit("run", *pages[:1], *given, "--out", "out", "--resume", OPSKIT_SHARED=str(tmp_path / "tmp"))
    assert "Finished before." not in changed.stdout
    assert changed.returncode == 0, changed.stderr
    assert not files_with_the_password(tmp_path, apart=batch.name)


def test_a_variable_in_opskit_toml_and_every_command(opskit, server: Server, tmp_path: Path) -> None:
    """From `init` to a page of opskit's own, for every region, without and with the password."""
    made = opskit("init", server.address(password=PASSWORD))
    assert "the password is not written: set PGPASSWORD" in made.stdout, made.stderr
    toml = tmp_path / "work" / "opskit.toml"
    toml.write_text(toml.read_text().replace("owner@", "owner:${SHOP_PASSWORD}@"))
    refused = opskit("check", ".")
    assert (refused.returncode, "needs the environment variable SHOP_PASSWORD" in refused.stderr) == (2, True)
    wrong = opskit("check", ".", SHOP_PASSWORD=PASSWORD + "x")
    assert (wrong.returncode, "password authentication failed" in wrong.stderr) == (2, True)
    assert opskit("check", ".", SHOP_PASSWORD=PASSWORD).returncode == 0
    done = opskit("run", "loyalty/retention", "--data", ".", "--each", "region", "--out", "out", SHOP_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    stored = nbformat.read(next((tmp_path / "work/out").rglob("retention.ipynb")), as_version=4)
    injected = next(cell for cell in stored.cells if cell.id == "injected-parameters")
    assert 'data = "."' in injected.source
    wrong = opskit("run", "overview", "--data", server.address(password=PASSWORD + "x"), "--out", "out")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    mistyped = server.address(password=PASSWORD).replace("postgresql", "postgres-ql")
    assert opskit("run", "overview", "--data", mistyped, "--out", "out").returncode == 2
    assert not files_with_the_password(tmp_path)
