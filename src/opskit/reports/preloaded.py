"""What the server of warm kernels imports: imported by it alone, in the surroundings that a kernel would give.

matplotlib reads its backend and pandas the width of its tables from them, once, when they are imported. The inline
backend itself is left to the kernel: it has to meet a running shell, or figures vanish.
"""

import builtins
import importlib
import os
import signal
import types

MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipywidgets",
    "duckdb",
    "narwhals",
    "pyarrow.parquet",
    "pandas",
    "matplotlib.pyplot",
    "seaborn",
    "scipy.optimize",
    "scipy.stats",
    "statsmodels.api",
    "sklearn.ensemble",
    "sklearn.isotonic",
    "sklearn.linear_model",
    "sklearn.mixture",
    "sklearn.pipeline",
    "opskit.dataset",
    "opskit.features",
    "opskit.plots",
    "opskit.reports",
)

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to answer
os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
builtins.get_ipython = lambda: types.SimpleNamespace(kernel=None)  # pyright: ignore[reportAttributeAccessIssue]
for _module in MODULES:
    importlib.import_module(_module)
del builtins.get_ipython  # pyright: ignore[reportAttributeAccessIssue]
