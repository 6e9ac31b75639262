"""Kernels forked from one that has imported everything do what fresh ones do, and leave nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from opskit.reports import warm
from opskit.reports.execution import Session, execute
from opskit.reports.pages import Page

pytestmark = pytest.mark.skipif(not warm.available(), reason="kernels are forked on Linux only")

LOOKS = (
    "import pandas as pd\nfrom matplotlib import pyplot as plt\nimport numpy as np\nimport ipywidgets",
    "pd.DataFrame(np.arange(60).reshape(3, 20)).add_prefix('a rather long name ')",
    "_ = pd.Series([1, 3, 2]).plot(title='会员')",
    "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(7)'], capture_output=True).stdout)",
    "import os, sys, multiprocessing\nprint(__name__, os.getcwd(), plt.get_backend())",
    "import warnings\nwarnings.warn('beware')\n%matplotlib inline\nipywidgets.IntSlider(3).value",
)


@pytest.fixture
def run(write_page, tmp_path):
    def outcome(*cells, warm=True):
        page = Page("page", write_page(tmp_path / "page.ipynb", *cells))
        return execute(page, {}, timeout_seconds=60, session=Session(warm=warm))

    return outcome


def outputs(outcome):
    """As text, without process ids; a stream that came in several pieces is one, for the clock decides how many."""
    assert outcome.status == "ok", outcome.reason
    return [_shown(cell.get("outputs", [])) for cell in outcome.notebook.cells]


def _shown(found):
    whole = []
    for output in map(dict, found):
        if whole and output["output_type"] == "stream" and whole[-1].get("name") == output["name"]:
            whole[-1]["text"] += output["text"]
        else:
            whole.append(output)
    return [re.sub(r"ipykernel_\d+/\d+", "", str(output)) for output in whole]


def test_outputs_equal_those_of_a_fresh_kernel(run):
    """Wide tables, figures, child processes, warnings, magics: whatever a library looked at when it was imported."""
    cold = outputs(run(*LOOKS, warm=False))
    assert outputs(run(*LOOKS)) == cold
    assert "image/png" in str(cold)


def test_pages_share_nothing_and_draw_their_own_random_numbers(run):
    draw = "import builtins, numpy as np\nprint(hasattr(builtins, 'seen'), np.random.random())\nbuiltins.seen = True"
    first, second = (outputs(run(draw)) for _ in range(2))
    assert first != second
    assert all("'False " in re.sub("text': ", "", str(cells)) for cells in (first, second))


def test_what_the_caller_has_in_its_environment_now_reaches_the_kernel(run, monkeypatch, tmp_path):
    monkeypatch.setenv("OPSKIT_TOKEN", "new")
    monkeypatch.chdir(tmp_path)
    assert f"new {tmp_path}" in str(outputs(run("import os\nprint(os.environ['OPSKIT_TOKEN'], os.getcwd())")))


def test_a_kernel_is_started_where_the_server_has_died(run, monkeypatch):
    def died(*_, **__):
        raise EOFError

    monkeypatch.setattr(warm, "Kernel", died)
    assert "ipykernel_launcher" in str(outputs(run("import sys\nprint(open('/proc/self/cmdline').read())")))


def test_a_temporary_folder_too_deep_for_a_socket_costs_the_speed_and_no_page(write_page, tmp_path):
    """Names of sockets hold a hundred-odd letters; three pages are enough for warm kernels."""
    environment = {**os.environ, "TMPDIR": str(tmp_path / ("d" * 120))}
    Path(environment["TMPDIR"]).mkdir()
    command = [sys.executable, "-c", "from opskit.reports import warm\nprint(warm.begin())"]
    assert subprocess.run(command, env=environment, capture_output=True, check=True).stdout == b"False\n"
    three = [str(write_page(tmp_path / f"{name}.ipynb", "1")) for name in "abc"]
    command = [sys.executable, "-m", "opskit", "run", *three, "--out", str(tmp_path / "out")]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert len(list((tmp_path / "out").rglob("[abc].html"))) == 3


PROGRAM = """
import sys, threading
print("begun", flush=True)
from pathlib import Path
from opskit.reports.execution import Session, execute
from opskit.reports.pages import Page
execute(Page("page", Path(sys.argv[1])), {}, timeout_seconds=60, session=Session(warm=True))
"""


def test_a_killed_program_leaves_no_kernel_and_is_not_run_again(write_page, tmp_path):
    """A program without a guard for ``__main__``, which multiprocessing would import in every child."""
    marker = tmp_path / "pid"
    source = f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    page = write_page(tmp_path / "page.ipynb", source)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(page)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (marker.is_file() and marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    kernel = psutil.Process(int(marker.read_text()))
    server = kernel.parent()
    os.kill(process.pid, signal.SIGKILL)
    assert process.communicate(timeout=10) == ("begun\n", "")
    _, alive = psutil.wait_procs([kernel, server], timeout=10)
    assert not alive
