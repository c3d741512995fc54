"""``python -m simactors`` is the command ``simactors``."""

from simactors.cli import main

if __name__ == "__main__":
    main(prog_name="simactors")
