"""Run a notebook that may do anything by accident, within limits; attacks are not met."""

import asyncio
import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import psutil
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from rbm_lib.course.execute import kernel_environment, make_client
from rbm_lib.course.notebook import code_cells

# exit() ends the kernel a moment later, in a cell not to blame: here it does nothing.
NO_EXIT = "--IPKernelApp.exec_lines=get_ipython().ask_exit = lambda: None"


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    It is ended after ``seconds``, or when its processes have more ``gigabytes``. A cell has
    a quarter of the seconds. Of what it shows, ``megabytes`` are kept.
    """

    seconds: float = 600
    gigabytes: float = 4
    megabytes: float = 5


async def run_limited(notebook: NotebookNode, limits: Limits) -> str:
    """Run the code cells in place. Returns "ok", or why not all of them were run."""
    processes: set[psutil.Process] = set()
    watching = asyncio.create_task(_watch(processes, limits))
    with tempfile.TemporaryDirectory(prefix="rbm-", ignore_cleanup_errors=True) as own:
        work = Path(own, "work")
        work.mkdir()
        places = dict.fromkeys(("IPYTHONDIR", "TMPDIR", "TEMP", "TMP"), own)
        environment = kernel_environment("fast", own, **places)
        client = make_client(
            notebook,
            work,
            timeout=max(1, int(limits.seconds / 4)),
            allow_errors=True,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
            extra_arguments=[NO_EXIT],
        )
        client.megabytes = limits.megabytes
        kernel = client.async_setup_kernel(env=environment, stdout=DEVNULL, stderr=DEVNULL)
        try:
            async with kernel:
                assert client.km and isinstance(client.km.provisioner, LocalProvisioner)
                processes.add(psutil.Process(client.km.provisioner.pid))
                await client.run_cells()
                _kill(processes)  # at once: torch takes seconds to leave by itself
            written = [cell for _, cell in code_cells(notebook) if cell.source.strip()]
            return "ok" if all(cell.execution_count for cell in written) else "time limit"
        except DeadKernelError:
            task = asyncio.current_task()
            if task and task.cancelling():  # nbclient takes Ctrl-C for a death
                raise asyncio.CancelledError from None
            return watching.result() if watching.done() else "kernel died"
        except Exception as error:
            return f"could not run ({type(error).__name__})"
        finally:
            watching.cancel()
            _kill(processes)


async def _watch(processes: set[psutil.Process], limits: Limits) -> str:
    """Wait until the notebook is beyond a limit, end its processes, return the limit."""
    end = time.monotonic() + limits.seconds
    used = 0
    while time.monotonic() < end and used < limits.gigabytes * 2**30:
        await asyncio.sleep(0.1)
        used = 0
        for process in list(processes):
            with contextlib.suppress(psutil.Error):
                processes.update(process.children(recursive=True))
                used += process.memory_info().rss
    _kill(processes)
    return "time limit" if time.monotonic() >= end else "memory limit"


def _kill(processes: set[psutil.Process]) -> None:
    for process in list(processes):
        with contextlib.suppress(psutil.Error):
            processes.update(process.children(recursive=True))
    for process in processes:  # those, too, whose parent has ended
        with contextlib.suppress(psutil.Error):
            process.kill()
