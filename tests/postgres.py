"""A PostgreSQL server of its own for a test run: on a free port of this machine, gone when the run is."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

PASSWORD = "g3heim&Pw/9@ä"
"""With every sign that an address must not hold as it is."""


class Server:
    """Where it is, and a way to tell it things."""

    def __init__(self, port: int) -> None:
        self.port = port

    def address(self, user: str = "owner", password: str = "", database: str = "shop") -> str:
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "shop") -> list[tuple]:
        """Run statements as the owner; the rows of the last one."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.address(password=PASSWORD, database=database), autocommit=True) as connection:
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    rows = cursor.fetchall() if cursor.description else []
        return rows


def programs() -> Path | None:
    """The folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def missing() -> str:
    """What a test with a server lacks here, in words; '' when it has all."""
    try:
        import adbc_driver_postgresql  # noqa: F401
    except ImportError:
        return "the driver is not installed: pip install adbc-driver-postgresql"
    return "" if programs() else "the server is not installed: apt-get install postgresql"


@contextmanager
def started() -> Iterator[Server]:
    """A new server with a database `shop`; without the programs the test is skipped, and with SLOW=1 it fails."""
    if reason := missing():
        (pytest.fail if os.environ.get("SLOW") else pytest.skip)(reason)
    folder = Path(tempfile.mkdtemp(prefix="opskit-postgres-"))
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if os.geteuid() == 0:  # which the server refuses to run as
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        data = ["-D", str(folder / "data")]
        setup = [*data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", str(folder / "password")]
        subprocess.run(
            [*_as_server("initdb"), *setup, "-E", "UTF8", "--locale=C.UTF-8"], check=True, **_quietly(folder)
        )
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = subprocess.Popen([*_as_server("postgres"), *data, "-p", str(port), *options], **_quietly(folder))
        try:
            server = Server(port)
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_server(program: str) -> list[str]:
    """The command, as a user that is not root, and so that it ends with this process however that ends."""
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig=QUIT", str((programs() or Path()) / program)]


def _quietly(folder: Path) -> dict:
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}


def _wait(server: Server, process: subprocess.Popen) -> None:
    from adbc_driver_postgresql import dbapi

    for _ in range(300):
        try:
            server.run("CREATE DATABASE shop", database="postgres")
            return
        except dbapi.Error:
            assert process.poll() is None, "the server did not start"
            time.sleep(0.1)
    raise AssertionError("the server does not answer")
