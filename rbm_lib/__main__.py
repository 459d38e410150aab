"""`python -m rbm_lib` is `rbm-lib`; see docs/command_line.md."""

from rbm_lib.cli.main import console

if __name__ == "__main__":
    console()
