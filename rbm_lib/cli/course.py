"""`course`: the lessons, in a folder of one's own."""

import importlib.util
from argparse import Namespace

from rbm_lib.cli.output import print_record
from rbm_lib.course.handout import hand_out


def course(options: Namespace) -> int:
    """Copy the lessons, and say how to open them."""
    new = hand_out(options.folder)
    record = {"folder": str(options.folder), "new_lessons": len(new)}
    if importlib.util.find_spec("jupyterlab") is None:
        record["install"] = 'pip install "rbm-lib[notebooks]"'
    record["open"] = f"jupyter lab {options.folder / '00_start_here.ipynb'}"
    print_record(record, options.json)
    return 0
