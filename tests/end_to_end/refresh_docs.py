"""Writes what the commands of pages print today into them; leave out by hand what is too long.

python -m tests.end_to_end.refresh_docs [PAGE...]
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.end_to_end.command import ROOT
from tests.end_to_end.guide import FOLDERS, TOKEN, walk
from tests.end_to_end.test_docs import GIVEN, prepare


def main() -> None:
    """Write what isn't as it is shown: in the pages that are named, or in all."""
    for page in sys.argv[1:] or GIVEN:
        refresh(page)


def refresh(name: str) -> None:
    """One page."""
    file = ROOT / name
    page = file.read_text()
    read = 0
    with tempfile.TemporaryDirectory() as folder:
        prepare(name, Path(folder))
        for ran in walk(page, Path(folder)):
            print("as shown:" if ran.is_as_shown else "new:", ran.command)
            start = page.index(f"$ {ran.command}\n", read) + len(f"$ {ran.command}\n")
            if not ran.is_as_shown:
                page = page[:start] + _short(ran.printed) + page[start + len(ran.shown) :]
            read = start
    file.write_text(page)


def _short(printed: str) -> str:
    """Without what differs each time, without folders, and without the ends of tokens."""
    text = FOLDERS.sub(".../", re.sub(r" at 0x[0-9a-f]+>", " at 0x...>", printed))
    return TOKEN.sub(
        lambda token: f"{token[0][:12]}...", "\n".join(map(str.rstrip, text.splitlines())) + "\n"
    )


if __name__ == "__main__":
    main()
