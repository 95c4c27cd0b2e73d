"""A headless Chromium and as much of its DevTools protocol as tests need, over a pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Optional

PHONE = 375  # pixels
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it shows our own page only, and root has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
)
PATIENCE = 60.0  # seconds: for a browser that hangs, not for one that is slow


def find() -> Optional[str]:
    """The browser to use: $CHROME, or one by its usual names."""
    names = [os.environ["CHROME"]] if os.environ.get("CHROME") else NAMES
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """A running Chromium with one tab; a context manager.

    Attributes:
        events: everything that the tab has reported since the last `open`.
    """

    def __init__(self, path: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="mxproof-browser-")
        orders, self._write = os.pipe()
        self._read, answers = os.pipe()
        # The browser reads from 3 and writes to 4; the shell puts them there.
        command = f'exec "$0" "$@" 3<&{orders} 4>&{answers}'
        arguments = [path, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", command, *arguments],
            pass_fds=(orders, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(orders)
        os.close(answers)
        os.set_blocking(self._read, False)
        self._buffer, self._count, self._session = b"", 0, None
        self.events: List[Dict[str, Any]] = []
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in pages if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            os.close(self._write)  # without its pipe it ends
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **params: Any) -> Dict[str, Any]:
        """A command, and its result.

        Raises:
            RuntimeError: the browser refuses, has ended, or does not answer.
        """
        self._count += 1
        message: Dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: Dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _receive(self) -> Dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            try:
                more = os.read(self._read, 1 << 20)
            except BlockingIOError:
                time.sleep(0.002)
                if time.monotonic() > end:
                    raise RuntimeError("the browser does not answer") from None
                continue
            if not more:
                raise RuntimeError(f"the browser ended: {self._process.wait()}")
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\0", 1)
        found: Dict[str, Any] = json.loads(line)
        return found

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Show a file, and wait until it is loaded."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        mobile = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        self.events.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.events.append(self._receive())

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """A key, down and up; `text` is what it types."""
        codes = {"Tab": 9, "Enter": 13, " ": 32, "ArrowRight": 39, "ArrowLeft": 37, "End": 35}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes.get(key, 0),
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def named(self, *methods: str) -> List[Dict[str, Any]]:
        """What the tab has reported under these names."""
        self.evaluate("0")  # whatever is under way has arrived before the answer
        return [e["params"] for e in self.events if e["method"] in methods]

    def screenshot(self, path: Path) -> None:
        """The whole page."""
        height = self.evaluate("document.documentElement.scrollHeight")
        width = self.evaluate("innerWidth")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))


def complaints(browser: Browser) -> List[Any]:
    return browser.named("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


def undisturbed(browser: Browser, page: Path, width: int) -> None:
    """With all of it unfolded, it says nothing, asks for nothing, and is as wide as the window."""
    browser.open(page, width=width)
    browser.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert complaints(browser) == []
    asked = [e["request"]["url"] for e in browser.named("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]
    # Not innerWidth: a phone zooms out until all of a page that is too wide is in it.
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
