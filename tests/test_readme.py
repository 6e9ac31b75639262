"""What the READMEs say is true: links, functions, commands and code."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from opskit.dataset.config import read

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
EXPORT = "订单编号,买家会员名,订单付款时间,买家实际支付金额 ,订单状态,region\n" + "".join(
    f"{number},会员{number % 40},2025/{1 + number % 9}/{1 + number % 28} 10:30,￥{10 + number % 90},"
    f"{'交易关闭' if number % 25 == 0 else '交易成功'},{('North', 'South')[number % 40 < 15]}\n"
    for number in range(600)
)


def fenced(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(path: Path) -> list[str]:
    lines = "".join(fenced(path, "sh")).splitlines()
    return [" ".join(shlex.split(line, comments=True)) for line in lines]


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_functions_named_exist(path: Path) -> None:
    for name in re.findall(r"\[`(opskit[\w.]*)`\]", path.read_text(encoding="utf-8")):
        importlib.import_module(name)


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_every_page_is_in_the_table(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for notebook in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in notebook.parts:
            assert notebook.relative_to(ROOT).as_posix() in text


def test_both_languages_show_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])


def test_the_two_commands_are_what_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in commands(READMES[0]) if line.startswith("python start.py")] == [
        "python start.py",
        "python start.py test",
    ]
    assert {"python start.py", "python start.py test"} <= set(ci)


def test_the_library_example_runs() -> None:
    (code,) = fenced(READMES[0], "python")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"MPLBACKEND": "Agg", "PATH": ""}
    )
    assert done.returncode == 0, done.stderr


def test_the_configuration_example_is_valid_and_complete(tmp_path: Path) -> None:
    (example,) = fenced(READMES[0], "toml")
    (tmp_path / "opskit.toml").write_text(example, encoding="utf-8")
    config = read(tmp_path / "opskit.toml")
    assert set(config.model_fields_set) == set(type(config).model_fields)
    orders = config.tables["orders"]
    assert set(orders.model_fields_set) == set(type(orders).model_fields)


def test_every_command_works_on_a_foreign_export(tmp_path: Path) -> None:
    """The commands as written, in order, in a folder that holds nothing but an export in GBK."""
    (tmp_path / "my_orders.csv").write_bytes(EXPORT.encode("gbk"))
    own = [line for line in commands(READMES[0]) if line.startswith("opskit ")]
    assert len(own) >= 9
    for line in own:
        if line.startswith("opskit sample"):
            line = line.replace("100000", "200")  # the size is not the point here
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "reports" / "index.html").is_file()
    assert (tmp_path / "opskit.toml").is_file()
