"""Run a notebook's cells in a kernel of their own: a program that test_conditions.py starts.

Arguments: the notebook, the kernel's working folder, and how: "once", "twice" (each cell two times in a row)
or "interrupted" (run again, stopped after each of AFTER seconds if it takes so long, and then run whole).
Prints one line of JSON: [cell number, error or None, outputs, whether it was interrupted] of each execution,
up to the first error.
"""

import asyncio
import json
import re
import sys

import nbformat
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient

AFTER = (0.2, 3)
PASSING = re.compile(  # what may differ:
    r"\bT_[0-9a-f]{5}|\b0x[0-9a-f]{6,}"  # the id of a styled table, an address in memory
    r"|(?<= not here )\(.*?\)"  # why a stand-in is used
    r"|^(mkdir -p failed|Matplotlib created) .*",  # matplotlib in a home that is locked
    re.MULTILINE,
)


def texts(cell):
    """What a cell printed and showed, pictures by their alternative texts."""
    shown = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return [text for text in (PASSING.sub("", text).strip() for text in shown) if text]


async def execute(client, index, number, interrupt_after=None):
    """One execution of one cell, as the module says."""
    cell, stop = client.nb.cells[index], interrupt_after is not None
    # An interrupt in the instant in which a cell ends can cost the kernel's answer: then go on without it.
    client.timeout, client.interrupt_on_timeout = (300 if stop else 900), stop
    client.error_on_timeout = {"ename": "", "evalue": "", "traceback": []} if stop else None
    running = asyncio.create_task(client.async_execute_cell(cell, index))
    done, _ = await asyncio.wait([running], timeout=interrupt_after)
    if not done:
        await ensure_async(client.km.interrupt_kernel())
    await running
    errors = [f"{o.ename}: {o.evalue}"[:500] for o in cell.outputs if o.output_type == "error"]
    return [number, errors[0] if errors else None, texts(cell), not done]


async def run(path, folder, how):
    """The executions of all code cells."""
    client = NotebookClient(
        nbformat.read(path, as_version=4), kernel_name="python3", allow_errors=True,
        coalesce_streams=True, resources={"metadata": {"path": folder}}, extra_arguments=["--log-level=40"],
    )  # fmt: skip
    code = [index for index, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
    executions = []
    async with client.async_setup_kernel():
        for number, index in enumerate(code, start=1):
            executions.append(await execute(client, index, number))
            # After one whole run: an import cut short, by a cell or later by torch, cannot be repeated.
            for seconds in AFTER if how == "interrupted" else ():
                executions.append(await execute(client, index, number, seconds))
                if not executions[-1][3]:
                    break
            if how == "twice" or executions[-1][3]:
                executions.append(await execute(client, index, number))
            if any(error and not interrupted for _, error, _, interrupted in executions):
                break
    return executions


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(*sys.argv[1:]))))
