"""Run a notebook's cells in a fresh kernel of their own."""

import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

LIBRARY = str(Path(__file__).resolve().parents[2])
REPORT = "import json; from rbm_lib.course.lesson import kernel_report; print(json.dumps(kernel_report()))"


@dataclass
class Execution:
    """What came of it: ``failed`` is the number of the failing cell (0: the kernel did not start) or None,
    ``memory`` the peak in MB or None, ``sources`` where data came from."""

    seconds: float = 0.0
    failed: int | None = None
    error: str = ""
    memory: float | None = None
    sources: list = field(default_factory=list)


def kernel_environment(profile, scores, **extra):
    """The environment variables of a headless kernel; scores go to the folder ``scores``.

    One thread, unless the caller says otherwise: faster for machines of this size, and sums then come out the
    same to the last bit, whatever else the computer does.
    """
    environment = (
        {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        | os.environ
        | {
            "RBM_PROFILE": profile,
            "RBM_HEADLESS": "1",
            "RBM_SCORES": str(Path(scores).resolve()),
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            # The kernel works in another folder: it must still find this library, and relative names.
            "PYTHONPATH": os.pathsep.join(filter(None, [LIBRARY, os.environ.get("PYTHONPATH")])),
        }
    )
    if os.environ.get("RBM_DATA"):
        environment["RBM_DATA"] = str(Path(os.environ["RBM_DATA"]).resolve())
    return environment | extra


def execute(notebook, folder, environment, timeout=600, after_cell=lambda: None):
    """Execute ``notebook`` in place, in ``folder``, up to its first failing cell. Returns an Execution.

    ``timeout``: seconds per cell. ``after_cell`` is called after every code cell. Never raises for a cell.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    _no_proactor_loop()
    result, number, start = Execution(), 0, time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=40"],  # the kernel's own errors, not its remarks on the transport
    )
    try:
        with client.setup_kernel(env=environment):
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    number += 1
                    client.execute_cell(cell, index)
                    after_cell()
            result.memory, result.sources = _report(client)
    except CellExecutionError as error:
        result.failed, result.error = number, f"{error.ename}: {plain(error.evalue)}"
    except CellTimeoutError:
        result.failed, result.error = number, f"it takes more than {timeout} seconds"
    except DeadKernelError:
        result.failed, result.error = number, "the kernel died (out of memory?)"
    except Exception as error:  # no kernel, no port, ...: the other notebooks still run
        result.failed, result.error = number, f"{type(error).__name__}: {error}"
    result.seconds = time.perf_counter() - start
    return result


def _report(client):
    """Ask the kernel for its peak memory and data sources, by one more cell that is then taken away."""
    import json

    import nbformat

    cells = client.nb.cells
    cells.append(nbformat.v4.new_code_cell(REPORT))
    try:
        client.execute_cell(cells[-1], len(cells) - 1)
        report = json.loads(cells[-1].outputs[0].text)
        return report["memory"], report["sources"]
    except Exception:  # a notebook may do anything to its kernel; the table then has a gap
        return None, []
    finally:
        cells.pop()


def plain(text):
    """Text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text or "")


def _no_proactor_loop():
    # On Windows the kernel's sockets need the selector event loop, which is not the default there.
    if sys.platform == "win32" and sys.version_info < (3, 14):
        import asyncio

        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
