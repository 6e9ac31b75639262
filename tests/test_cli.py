import os
import subprocess
import sys
from pathlib import Path

import pytest

from opskit import cli
from opskit.reports import pages


@pytest.fixture
def opskit(tmp_path, monkeypatch, capsys):
    """Runs the command line in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["opskit", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return exit_.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def shelf(tmp_path, monkeypatch, write_page):
    """Two pages in place of opskit's own."""
    root = tmp_path / "shelf"
    write_page(root / "overview.ipynb", 'ds.require("orders")', "print(seed)", title="Overview")
    write_page(root / "loyalty/retention.ipynb", "ds.orders", title="Retention")
    monkeypatch.setattr(pages, "folder", lambda: root)
    return root


def test_list_shows_questions_and_tables(opskit, shelf):
    code, out, _ = opskit("list")
    assert code == 0
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["overview", "Does", "it", "work?", "orders"],
        ["loyalty/retention", "Does", "it", "work?", "orders"],
    ]


def test_copy_gives_an_editable_page_that_runs(opskit, shelf, write_page, tmp_path):
    write_page(shelf / "overview.ipynb", "print('from', data, seed)")
    code, out, _ = opskit("copy", "overview")
    assert (code, out) == (0, "Edit overview.ipynb, then: opskit run ./overview.ipynb\n")
    assert (tmp_path / "overview.ipynb").read_bytes() == (shelf / "overview.ipynb").read_bytes()
    code, out, err = opskit("run", "./overview.ipynb", "-p", "seed=99", "--out", "here")
    assert code == 0, err
    assert out.splitlines()[-1] == f"Open {tmp_path / 'here' / 'index.html'}"
    assert "from shop 99" in (tmp_path / "here/shop/overview.html").read_text(encoding="utf-8")


def test_copy_never_overwrites(opskit, shelf, tmp_path):
    (tmp_path / "retention.ipynb").write_text("mine")
    assert opskit("copy", "loyalty/retention")[::2] == (
        2,
        "error: retention.ipynb is already here: rename or move it first.\n",
    )
    assert (tmp_path / "retention.ipynb").read_text() == "mine"
    assert "Did you mean 'overview'?" in opskit("copy", "overviw")[2]


def test_sample_writes_a_shop(opskit, tmp_path):
    code, out, err = opskit("sample", "mini", "--customers", "60", "--months", "3", "--seed", "5")
    assert code == 0, err
    assert (tmp_path / "mini" / "opskit.toml").is_file()
    assert "opskit run --data mini" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "overviw"], "There is no page 'overviw'. Did you mean 'overview'?"),
        (["run", "-p", "sed=1"], "no chosen page has a parameter 'sed'. Did you mean 'seed'?"),
        (["run", "-p", "seed=x"], "seed == 'x', must be int for overview (default 7)."),
        (["run", "--data", "nowhere"], "data == 'nowhere': there is no such file or folder"),
        (["run", "--out", "file"], "--out file is a file; give a folder."),
        (["run", "--compare", "."], "--compare .: there is no headlines.csv."),
        (["run", "--batch", "none.csv"], "none.csv cannot be read as a table of parameters"),
        (["run", "--jobs", "0"], "--jobs == 0, must be >= 1."),
        (["run", "--timeout-seconds", "0"], "--timeout-seconds == 0.0, must be > 0."),
        (["run", "./none.ipynb"], "./none.ipynb is not a file."),
        (["sample", "x", "--customers", "0"], "customers == 0, must be >= 1."),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(opskit, shelf, tmp_path, arguments, message):
    (tmp_path / "file").touch()
    code, out, err = opskit(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert out == ""
    assert not (tmp_path / "reports").exists(), "nothing has started"


def test_a_failed_page_is_exit_code_1(opskit, write_page, tmp_path):
    write_page(tmp_path / "bad.ipynb", "1 / 0")
    code, out, _ = opskit("run", "bad.ipynb")
    assert code == 1
    assert "failed  shop  bad" in out
    assert "ZeroDivisionError: division by zero" in out


def test_the_unexpected_is_one_sentence_too(opskit, monkeypatch, tmp_path):
    monkeypatch.setattr(pages, "pages", lambda: {}[0])
    code, _, err = opskit("list")
    assert code == 3
    assert err.startswith("error: KeyError: 0 (full traceback in ")
    saved = Path(err.split("full traceback in ")[1].rstrip(")\n"))
    assert "Traceback" in saved.read_text(encoding="utf-8")
    saved.unlink()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "utf-8"])
def test_no_console_encoding_crashes_it(shelf, write_page, tmp_path, encoding):
    write_page(tmp_path / "留存.ipynb", "1", title="留存 – é ✓")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "opskit", "run", "留存.ipynb", "-p", "seed=x"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert run.returncode == 2
    assert b"Traceback" not in run.stderr
    assert b"must be int" in run.stderr


def test_help_is_quick():
    heavy = {"pandas", "papermill", "nbconvert", "duckdb", "matplotlib", "pydantic", "scipy"}
    code = (
        "import sys; sys.argv = ['opskit', '--help']\nfrom opskit.cli import main\n"
        f"try: main()\nexcept SystemExit: print('heavy:', sorted({heavy!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert run.stdout.splitlines()[-1] == "heavy: []"
