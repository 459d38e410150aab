"""`python -m rbm_lib data|train|evaluate|recommend`; see docs/command_line.md."""

import io
import sys

from rbm_lib.cli.main import main

if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A title that the terminal cannot show is no reason to stop.
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
