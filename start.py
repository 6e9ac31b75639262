"""Set opskit up in .venv and use it.

    python start.py          installs, then makes reports of the sample shop and of real customers
    python start.py test     installs, then passes the tests (SLOW=1 adds the slow ones)

Only the standard library, in words old Pythons can read, so that they get a clear sentence too.
"""

import hashlib
import os
import subprocess
import sys

if sys.version_info < (3, 12):
    sys.exit(
        "opskit needs Python 3.12 or newer, and this is Python %d.%d: install a newer one from python.org "
        "(or use conda, see README.md) and run start.py with it." % sys.version_info[:2]
    )

from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

NBVAL = "--nbval --nbval-current-env --nbval-cell-timeout=300"
CHECKS = (
    ("lint", "ruff check"),
    ("format", "ruff format --check"),
    ("types", "basedpyright"),
    ("tests", "pytest -n auto --dist worksteal"),
    ("stored notebooks", "pytest -n auto --dist loadfile " + NBVAL + " notebooks"),
)


def install(groups):
    """Make .venv and install opskit into it, once per change of what it needs."""
    needs = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    key = hashlib.sha256(needs + repr(sys.version_info[:2]).encode()).hexdigest()
    marker = VENV / "opskit-installed"
    if PYTHON.is_file() and marker.is_file():
        installed = marker.read_text().split()
        if installed[0] == key and set(groups) <= set(installed[1:]):
            return
    say("Installing opskit into .venv (once, a few minutes) ...")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    run(pip + ["--upgrade", "pip"])
    run(pip + ["--editable", "."] + [part for group in groups for part in ("--group", group)])
    marker.write_text(" ".join([key] + list(groups)))


def say(line):
    """Print a line at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command):
    """Run a command in the repository; its failure ends this one."""
    code = subprocess.run(command, cwd=ROOT).returncode
    if code:
        sys.exit(code)


def main(arguments):
    """Do what the command line says."""
    if arguments == []:
        install(())
        run([str(PYTHON), "-m", "opskit", "run", "--data", "shop", "--data", "cdnow", "--out", "reports"])
    elif arguments == ["test"]:
        install(("dev", "browser", "spark") if os.environ.get("SLOW") else ("dev",))
        for name, command in CHECKS:
            say("== %s: %s" % (name, command))
            run([str(PYTHON), "-m"] + command.split())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
