"""Strict comparison of stored outputs has teeth."""

import re
import subprocess
import sys

import pytest

CELLS = (
    "import pandas as pd\nfrom opskit import reports",
    'row = {"name": "Customers", "value": 12345.0, "low": 12000.0, "high": 12700.0, "n": 800, "unit": ""}',
    ("headline", "reports.headline(pd.DataFrame([row]))"),
)


def nbval(folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    command += ["--rootdir", str(folder), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@pytest.mark.slow
def test_one_changed_number_fails(execute, write_page, tmp_path, monkeypatch):
    path = write_page(tmp_path / "page.ipynb", *CELLS)
    path.write_text(execute.text_of(execute.executed(execute.formatted(path), timeout_seconds=60)), encoding="utf-8")
    stored = path.read_text(encoding="utf-8")
    for name, number in (
        ("json", '"value": 12345'),
        ("html", "<strong>12,345</strong>"),
        ("text", "Customers  12,345"),
    ):
        assert number in stored
        changed = stored.replace(number, re.sub("5(?=\\D*$)", "6", number))
        (tmp_path / f"{name}.ipynb").write_text(changed, encoding="utf-8")
    run = nbval(tmp_path)
    failed = set(re.findall(r"^FAILED (\w+).ipynb::", run.stdout, re.MULTILINE))
    assert failed == {"json", "html", "text"}, run.stdout
