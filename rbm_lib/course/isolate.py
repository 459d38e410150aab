"""Run a notebook that may do anything by accident, in processes and a folder of its own, with limits.

A guard against accidents, not against attacks: the notebook has all the rights of whoever runs it here.

This file is started as a script, too, in the process of its own (:func:`work`). It imports nothing of the
library at its top, so that the limits hold before anything large is loaded and thirty starts cost little.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SHOWN = ("stream", "display_data", "execute_result", "update_display_data", "error")
TIME, MEMORY, OUTPUT, DIED, FAILED = (
    "time limit",
    "memory limit",
    "output limit",
    "kernel died",
    "could not run",
)


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    ``seconds``: wall-clock, for the whole notebook. A cell is interrupted after a quarter of it, and the next
    cell runs; at the end of it everything is killed.
    ``gigabytes``: of memory, all its processes together: beyond it they are killed. A single process may have
    four fifths of it, where the system can hold it to that (Linux): then the cell ends in a MemoryError and
    the next one runs. On Windows and macOS only the killing is left.
    ``megabytes``: what one cell may print and show; beyond it the cell is interrupted and the next one runs.
    """

    seconds: float = 600
    gigabytes: float = 4
    megabytes: float = 5

    @property
    def cell_seconds(self):
        """Whole seconds for one cell."""
        return max(1, int(self.seconds / 4))


class Isolated:
    """Code cells running in a process of their own, from the moment this is made.

    ``cells``: a list of (source, label or None); what the cells with a label show as their value is kept.
    Call :meth:`poll` every tenth of a second until it returns the report, and :meth:`close` in any case.
    """

    def __init__(self, cells, limits):
        import psutil

        from rbm_lib.course.execute import kernel_environment

        self.limits, self.start = limits, time.monotonic()
        self._temporary = tempfile.TemporaryDirectory(prefix="rbm-score-", ignore_cleanup_errors=True)
        control, own = (Path(self._temporary.name).resolve() / name for name in ("control", "own"))
        for folder in (control, own / "work", own / "tmp"):
            folder.mkdir(parents=True)
        self._report = control / "report.json"
        order = {"cells": cells, "work": str(own / "work"), "cell_seconds": limits.cell_seconds}
        order |= {"gigabytes": limits.gigabytes, "megabytes": limits.megabytes}
        (control / "order.json").write_text(json.dumps(order), encoding="utf-8")
        temporary = {name: str(own / "tmp") for name in ("TMPDIR", "TEMP", "TMP")}
        # Settings, history and connection files of its own too: a killed kernel leaves some behind.
        jupyter = {"IPYTHONDIR": str(own / "ipython"), "JUPYTER_RUNTIME_DIR": str(own / "jupyter")}
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(control)],
            env=kernel_environment("fast", control / "scores", **temporary, **jupyter),
            cwd=own / "work",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who then close this
        )
        self._seen = {psutil.Process(self._process.pid)}

    def poll(self):
        """None while it runs; then the report, a dict: ``status`` ("ok" or what was hit), ``seconds``,
        ``values`` (label → {"value": the text shown or None, "message": what was printed}) and ``notes``
        (what went wrong in which cell)."""
        stopped = None
        if self._process.poll() is None:
            if time.monotonic() - self.start > self.limits.seconds:
                stopped = TIME
            elif self._memory() > self.limits.gigabytes * 2**30:
                stopped = MEMORY
            else:
                return None
        self._kill()
        try:
            report = json.loads(self._report.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it never began, or its disk is full
            report = {"status": FAILED, "values": {}, "notes": [], "running": None}
        running = report.pop("running")
        if stopped or (running is not None and report["status"] == "ok"):
            report["status"] = stopped or FAILED
            report["notes"].append(
                f"stopped in code cell {running}" if running else "stopped before any cell"
            )
        return report | {"seconds": round(time.monotonic() - self.start, 1)}

    def close(self):
        """End every process that is left and remove the folder."""
        self._kill()
        self._temporary.cleanup()

    def _memory(self):
        """Resident bytes of all processes; notes which there are."""
        import psutil

        with contextlib.suppress(psutil.Error):
            self._seen.update(psutil.Process(self._process.pid).children(recursive=True))
        used = 0
        for process in self._seen:
            with contextlib.suppress(psutil.Error):
                used += process.memory_info().rss
        return used

    def _kill(self):
        import psutil

        for process in list(self._seen):
            with contextlib.suppress(psutil.Error):
                self._seen.update(process.children(recursive=True))
        for process in self._seen:  # also those whose parent has ended, whom no tree leads to
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()


# ---- in the process of its own -------------------------------------------------------------------------


def work(control):
    """Run the cells of ``control/order.json``; keep ``control/report.json`` up to date after each."""
    order = json.loads((Path(control) / "order.json").read_text(encoding="utf-8"))
    _limit_memory(0.8 * order["gigabytes"])
    report = {"status": "ok", "values": {}, "notes": [], "running": 0}

    def write(**news):
        report.update(news)
        new = Path(control) / "report.new"
        new.write_text(json.dumps(report), encoding="utf-8")
        new.replace(Path(control) / "report.json")

    write()
    try:
        _run_cells(order, report, write)
    except Exception as error:
        write(status=DIED if type(error).__name__ == "DeadKernelError" else FAILED)
        where = f"code cell {report['running']}" if report["running"] else "no cell was run"
        report["notes"].append(f"{where}: {_short(f'{type(error).__name__}: {error}')}")
    write(running=None)


def _limit_memory(gigabytes):
    if not resource_limit_holds():
        return
    import resource

    # RLIMIT_DATA and not RLIMIT_AS: CUDA reserves far more addresses than it ever uses memory.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(gigabytes * 2**30)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def resource_limit_holds():
    """Whether the system keeps a process within RLIMIT_DATA: Linux does; macOS and Windows do not."""
    return sys.platform == "linux"


def _run_cells(order, report, write):
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source, _ in order["cells"]]
    client = _client(notebook, order)
    with client.setup_kernel():
        for index, (cell, (_, label)) in enumerate(zip(notebook.cells, order["cells"], strict=True)):
            write(running=index + 1)
            client.printed, client.flooded, start = 0, False, time.monotonic()
            client.execute_cell(cell, index)
            errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]
            hit = None
            if time.monotonic() - start >= order["cell_seconds"]:
                hit, errors = TIME, [f"stopped after {order['cell_seconds']} seconds"]
            elif client.flooded:
                hit, errors = OUTPUT, [f"stopped after printing {order['megabytes']:g} MB"]
            elif errors and errors[0].startswith("MemoryError"):
                hit = MEMORY
            if hit and report["status"] == "ok":
                report["status"] = hit
            report["notes"] += [f"code cell {index + 1}: {_short(error)}" for error in errors[:1]]
            if label is not None:
                report["values"][label] = _value(cell.outputs) | ({"value": None} if errors else {})
            cell.outputs = []
        write(running=None)


def _client(notebook, order):
    """An nbclient that goes on after a cell that raises or takes too long, and keeps no flood of output."""
    import asyncio

    from jupyter_core.utils import ensure_async
    from nbclient import NotebookClient

    class Client(NotebookClient):
        printed, flooded = 0, False

        def process_message(self, message, cell, cell_index):
            if message["msg_type"] not in SHOWN:
                return super().process_message(message, cell, cell_index)
            self.printed += sum(len(str(part)) for part in message["content"].values())
            if self.printed > order["megabytes"] * 1e6:
                self.printed, self.flooded = 0, True  # from zero: one who goes on is interrupted again
                asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))
            return None if self.flooded else super().process_message(message, cell, cell_index)

    if sys.platform == "win32" and sys.version_info < (3, 14):  # as in execute.py
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    return Client(
        notebook,
        timeout=order["cell_seconds"],
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
        allow_errors=True,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        # exit() would end the kernel a moment later, in a cell not to blame for it: it does nothing.
        extra_arguments=["--IPKernelApp.exec_lines=get_ipython().ask_exit = lambda: None"],
        resources={"metadata": {"path": order["work"]}},
    )


def _value(outputs):
    """The value that a cell shows, as text, and what it prints, as one line."""
    values = [o.data.get("text/plain") for o in outputs if o.output_type == "execute_result"]
    printed = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")
    return {"value": values[-1] if values else None, "message": _short(printed, 500)}


def _short(text, length=160):
    text = " ".join(str(text).split())
    return text if len(text) <= length else text[: length - 3] + "..."


if __name__ == "__main__":
    work(sys.argv[1])
