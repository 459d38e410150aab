"""`python -m rbm_lib data|train|evaluate|recommend`; see docs/command_line.md."""

import io
import os
import sys

from rbm_lib.cli.main import main

if __name__ == "__main__":
    for name in ("stdin", "stdout", "stderr"):  # None if the shell has closed it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A title that the terminal cannot show is no reason to stop.
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
