"""The papermill engine of reports: this interpreter's own kernel, killable from outside, asked for facts at the end."""

import ast
import logging
import subprocess
import sys
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger

from opskit.reports.execution import FACTS, Session


def register() -> None:
    """Make the engine known to papermill, and papermill silent: the runner does the talking."""
    logger.setLevel("CRITICAL")
    # nbclient leaves its polling task behind when a cell times out, and asyncio would say so at exit.
    logging.getLogger("asyncio").setLevel("CRITICAL")
    papermill_engines.register("opskit", _Engine)


class _ThisInterpreter(KernelSpecManager):
    """Starts kernels with the running interpreter, whatever kernel the user has registered as python3."""

    def __init__(self, *, warm: bool) -> None:
        super().__init__()
        self._metadata = {"kernel_provisioner": {"provisioner_name": "opskit-warm"}} if warm else {}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002 - there is only this one
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
        return KernelSpec(argv=command, display_name="Python 3", language="python", metadata=self._metadata)


class _Client(PapermillNotebookClient):
    session: Session

    def create_kernel_manager(self) -> Any:
        interpreter = _ThisInterpreter(warm=self.session.warm)
        self.km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=interpreter)
        return self.km

    def papermill_execute_cells(self) -> None:
        if self.session.cancelled.is_set():
            raise RuntimeError("cancelled")
        try:
            super().papermill_execute_cells()
            self.session.facts = self._facts()
        except CellTimeoutError:
            self.session.end()
            raise

    def _facts(self) -> dict[str, str]:
        """What the kernel answers to FACTS; what it does not know is left out."""
        client: Any = self.kc
        reply = self.wait_for_reply(client.execute("", silent=True, user_expressions=FACTS))
        answers = reply["content"].get("user_expressions", {}) if reply else {}
        return {
            name: str(ast.literal_eval(answer["data"]["text/plain"]))
            for name, answer in answers.items()
            if answer.get("status") == "ok"
        }


class _Engine(NBClientEngine):
    """Papermill's own engine, with the client above."""

    @classmethod
    def execute_managed_notebook(  # pyright: ignore[reportIncompatibleMethodOverride] - papermill passes names only
        cls, nb_man: Any, kernel_name: str, *, session: Session, execution_timeout: float, **_: Any
    ) -> Any:
        session.notebook = nb_man.nb
        client = _Client(nb_man, timeout=execution_timeout, startup_timeout=60, kernel_name=kernel_name, log=logger)
        client.session = session
        session.client = client
        return client.execute(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
