"""A headless Chromium, driven over a pipe by its DevTools protocol: what a person sees and clicks, without a driver."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_PATIENCE_S = 60.0


class Page:
    """One page; errors of its scripts are kept in `errors`."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._heard = b""
        self._calls = 0
        self._session: str | None = None
        self.errors: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Runtime.enable")
        self._ask("Page.enable")

    def open(self, path: Path, width: int = 1200, height: int = 900) -> float:
        """Load a file; how many seconds it took until its scripts had run and a frame was drawn."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **metrics)
        began_s = time.perf_counter()
        self._ask("Page.navigate", url=path.as_uri())
        self.wait_for("document.readyState === 'complete'")
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )
        return time.perf_counter() - began_s

    def dark(self) -> None:
        """As somebody sees it who likes it dark."""
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        self._ask("Emulation.setEmulatedMedia", features=features)

    def evaluate(self, script: str) -> Any:
        """The value of a script, awaited."""
        told = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until a script says something true."""
        ends_s = time.monotonic() + _PATIENCE_S
        while not self.evaluate(condition):
            assert time.monotonic() < ends_s, f"never came true: {condition}"
            time.sleep(0.02)  # another process is waited for

    def middle_of(self, selector: str) -> tuple[float, float]:
        """Where to click on an element, once it is scrolled into view."""
        found = f"document.querySelector({json.dumps(selector)})"
        x, y = self.evaluate(
            f"(() => {{ const e = {found}; e.scrollIntoView({{block: 'center'}}); "
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return x, y

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """``mousePressed``, ``mouseReleased``, ``mouseMoved``, ``mouseWheel``."""
        self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector: str) -> None:
        """Press and let go."""
        x, y = self.middle_of(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Into a field."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self._ask("Input.insertText", text=text)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._calls += 1
        number = self._calls
        call: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            call["sessionId"] = self._session
        os.write(self._write, json.dumps(call).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(told["params"]["exceptionDetails"]))
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                return dict(told["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            piece = os.read(self._read, 1 << 20)
            assert piece, "Chromium has ended"
            self._heard += piece
        first, _, self._heard = self._heard.partition(b"\0")
        return dict(json.loads(first))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A new Chromium with a profile in `folder`; without a network."""
    assert CHROMIUM is not None
    ours, theirs = os.pipe(), os.pipe()  # what it reads, what it writes
    command = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-pipe",
        f"--user-data-dir={folder}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--no-first-run",
    ]

    def descriptors() -> None:
        """It reads from descriptor 3 and writes to descriptor 4."""
        read, write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (ours[0], theirs[1]))
        os.dup2(read, 3)
        os.dup2(write, 4)

    process = subprocess.Popen(
        command,
        preexec_fn=descriptors,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(ours[0])
    os.close(theirs[1])
    try:
        yield Page(theirs[0], ours[1])
    finally:
        os.close(ours[1])
        process.terminate()
        process.wait(_PATIENCE_S)
        os.close(theirs[0])
