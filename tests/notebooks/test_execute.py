import json

import pytest


@pytest.fixture
def shelf(execute, tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["execute.py"])
    return tmp_path


def test_reruns_are_byte_identical_and_check_changes_nothing(execute, shelf, write_page, monkeypatch, capsys):
    path = write_page(
        shelf / "topic/page.ipynb", "x = {'a':1,\n 'b' : 2}\nprint( sorted(x) )", "import os; os.listdir()"
    )
    assert execute.main() == 0
    stored = path.read_bytes()
    assert b"sorted(x))" in stored, "formatted"
    assert b'"[]"' in stored, "runs in an empty folder"
    assert execute.main() == 0
    assert path.read_bytes() == stored
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["stored", "same"]

    path.write_bytes(stored.replace(b"['a', 'b']", b"['a', 'c']"))
    changed = path.read_bytes()
    monkeypatch.setattr("sys.argv", ["execute.py", "topic", "--check"])
    assert execute.main() == 1
    assert path.read_bytes() == changed
    out = capsys.readouterr().out
    assert out.startswith("differs")
    assert "['a', 'c']" in out
    assert "['a', 'b']" in out


def test_a_failing_page_is_left_as_it_was(execute, shelf, write_page, capsys):
    path = write_page(shelf / "page.ipynb", "1 / 0")
    before = path.read_bytes()
    assert execute.main() == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_nothing_of_the_run_is_stored(execute, shelf, write_page):
    path = write_page(shelf / "page.ipynb", "import ipywidgets\nipywidgets.IntSlider()", ("own", "1"))
    execute.main()
    notebook = json.loads(path.read_bytes())
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{i:02d}" for i in range(1, 5)]
    assert notebook["metadata"] == execute.METADATA
    assert [cell["metadata"] for cell in notebook["cells"]] == [{}, {"tags": ["parameters"]}, {}, {"tags": ["own"]}]
    assert notebook["cells"][2]["outputs"] == []


def test_an_unknown_page_is_refused(execute, shelf, write_page, monkeypatch):
    write_page(shelf / "page.ipynb", "1")
    monkeypatch.setattr("sys.argv", ["execute.py", "pge"])
    with pytest.raises(SystemExit, match="no page 'pge'; there are page"):
        execute.main()
