"""The example of docs/local.md does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_GUIDE = Path(__file__).parents[2] / "docs" / "local.md"


def test_the_example_prints_what_its_comment_says() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", _GUIDE.read_text(), re.DOTALL)
    (promised,) = re.findall(r"print\(.*\)  # (.*)", program)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == promised
