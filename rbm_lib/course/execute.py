"""Run a notebook's cells in a kernel of its own."""

import ast
import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

LIBRARY = str(Path(__file__).resolve().parents[2])
REPORT = """import sys
print(getattr(sys.modules.get("rbm_lib.course.lesson"), "data_sources", []))"""


@dataclass
class Execution:
    """The code cell that failed (0: no kernel) and why, and where data came from."""

    seconds: float = 0.0
    failed: int | None = None
    error: str = ""
    sources: list[str] = field(default_factory=list)


def kernel_environment(profile: str, scores: Path | str, **extra: str) -> dict[str, str]:
    """The environment variables of a headless kernel that writes scores to this folder.

    It has one thread by default, so that sums are the same to the last bit each time.
    """
    environment = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | dict(os.environ)
    # The kernel works in another folder, from which it must find library and data.
    paths = filter(None, [LIBRARY, os.environ.get("PYTHONPATH")])
    if environment.get("RBM_DATA"):
        environment["RBM_DATA"] = str(Path(environment["RBM_DATA"]).expanduser().resolve())
    own = {
        "RBM_PROFILE": profile,
        "RBM_HEADLESS": "1",
        "RBM_SCORES": str(Path(scores).resolve()),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(paths),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    return environment | own | extra


def run_async(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine in a loop that kernels' sockets can use, on Windows too."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(coroutine)


class Client(NotebookClient):
    """Runs the code cells of a notebook, and drops what a cell shows too much."""

    megabytes = 50.0
    shown = 0

    def create_kernel_manager(self) -> Any:
        manager = super().create_kernel_manager()
        # Without folders "python3" is this Python; those of JUPYTER_PATH may name another.
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
        return manager

    async def run_cells(self, after_cell: Callable[[], Any] = lambda: None) -> None:
        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type == "code":
                self.shown = 0
                await self.async_execute_cell(cell, index)
                after_cell()

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("stream", "display_data", "execute_result"):
            self.shown += sum(len(str(part)) for part in msg["content"].values())
            if self.shown > self.megabytes * 1e6:
                return None
        return super().process_message(msg, cell, cell_index)


def make_client(notebook: NotebookNode, folder: Path, timeout: int, **options) -> Client:
    """A client that runs a notebook in a folder, with so many seconds for each cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    resources = {"metadata": {"path": str(folder)}}
    options |= {"record_timing": False, "coalesce_streams": True, "kernel_name": "python3"}
    return Client(notebook, resources=resources, timeout=timeout, **options)


def execute(
    notebook: NotebookNode,
    folder: Path,
    environment: dict[str, str],
    timeout: int = 600,
    after_cell: Callable[[], Any] = lambda: None,
) -> Execution:
    """Execute a notebook in place, in ``folder``, up to its first failing cell.

    ``timeout`` is in seconds per cell, ``after_cell`` is called after each. Raises nothing.
    """
    result = Execution()
    start = time.perf_counter()
    # The kernel logs its errors, not its remarks on the transport.
    client = make_client(notebook, folder, timeout, extra_arguments=["--log-level=40"])

    async def run() -> None:
        async with client.async_setup_kernel(env=environment):
            await client.run_cells(after_cell)
            result.sources = await _data_sources(client)
            client.shutdown_kernel = "immediate"  # torch takes seconds to leave by itself

    try:
        run_async(run())
    except CellExecutionError as error:
        result.error = f"{error.ename}: {error.evalue}"
    except Exception as error:  # no kernel, a dead one, too slow: the others still run
        result.error = f"{type(error).__name__}: {error}"
    if result.error:
        result.failed = client.code_cells_executed
    result.seconds = time.perf_counter() - start
    return result


async def _data_sources(client: Client) -> list[str]:
    """Where the kernel's data came from, by one more cell, then taken away."""
    cells = client.nb.cells
    cells.append(new_code_cell(REPORT))
    try:
        await client.async_execute_cell(cells[-1], len(cells) - 1)
        return ast.literal_eval(cells[-1].outputs[0].text)
    except Exception:  # a notebook may do anything to its kernel: the table has a gap then
        return []
    finally:
        cells.pop()
