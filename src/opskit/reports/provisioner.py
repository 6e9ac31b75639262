"""How Jupyter starts a warm kernel; ``JUPYTER_DEFAULT_PROVISIONER_NAME=opskit-warm`` gives it to any of its programs."""

import os
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from opskit.reports import warm


class WarmProvisioner(LocalProvisioner):
    """Forks the kernel instead of starting an interpreter."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel with the arguments of the command; start an interpreter where that cannot be done."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        env, cwd = kwargs.get("env") or dict(os.environ), str(kwargs.get("cwd") or "")
        try:
            process: Any = warm.Kernel(arguments, env=env, cwd=cwd)
        except (OSError, EOFError):  # the server has died, most likely because it could not import
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid, self.pgid, self.cwd = process, process.pid, process.pid, cwd
        return self.connection_info
