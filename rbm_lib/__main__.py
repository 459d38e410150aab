"""``python -m rbm_lib data|train|evaluate|recommend``; see docs/command_line.md."""

import sys

from rbm_lib.cli.main import main

if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a title that the terminal cannot show is no reason to stop
    sys.exit(main())
