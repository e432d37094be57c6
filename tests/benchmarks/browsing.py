"""A Chromium that tells when code can be read, what was fetched for it, and how scrolling went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Playwright, ViewportSize

from marlin.local import browser as chromium
from tests.benchmarks.served import memory_of
from tests.browser.site import Person

VIEWPORT: ViewportSize = {"width": 1600, "height": 1000}

#: Runs before any script of the page. A message that was posted in a frame arrives when the frame is painted.
LISTEN = """
(() => {
  const found = (window.measured = { readable: null, settled: null, tasks: [] });
  const painted = (name) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => (found[name] = performance.now());
    channel.port2.postMessage(0);
  };
  const look = () => {
    const box = document.querySelector(SELECTOR)?.getBoundingClientRect();
    if (box && box.height > 0 && box.top < innerHeight) painted("readable");
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => painted("settled"))));
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) found.tasks.push(task.duration);
  }).observe({ type: "longtask", buffered: true });
})();
"""

#: Resolves when both are known. The page's policy forbids what wait_for_function does.
SHOWN = """
() => new Promise((done) => {
  const look = () => (measured.readable && measured.settled ? done() : requestAnimationFrame(look));
  look();
})
"""

#: From top to bottom as with a wheel that does not stop; so many pixels a frame.
SCROLL = """
async ([step, seconds]) => {
  const whole = document.scrollingElement;
  const pane = whole.scrollHeight > innerHeight + 10 ? whole : document.querySelector(".code-pane");
  const box = document.querySelector(".code-pane").getBoundingClientRect();
  const middle = [box.left + box.width / 2, innerHeight / 2];
  const frame = () => new Promise(requestAnimationFrame);
  const gaps = [];
  let blank = 0, looked = 0, still = 0;
  window.measured.tasks.length = 0;
  const began = performance.now();
  let last = await frame();
  for (let number = 0; still < 30 && performance.now() - began < seconds * 1000; number++) {
    const before = pane.scrollTop;
    pane.scrollTop += step;
    still = pane.scrollTop === before ? still + 1 : 0;
    const now = await frame();
    gaps.push(now - last);
    last = now;
    if (number % 10 === 0 && !still) {
      looked++;
      if (document.elementFromPoint(...middle)?.closest(".waiting")) blank++;
    }
  }
  await new Promise((done) => setTimeout(done, 500));
  return {
    pixels: pane.scrollTop, whole: still > 0, seconds: (performance.now() - began) / 1000, gaps,
    tasks: window.measured.tasks, blank: looked ? blank / looked : 0,
  };
}
"""

#: A key and everything that follows from it until the next frame is painted.
PRESS = """
(key) => new Promise((done) => {
  const began = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done((performance.now() - began) / 1000);
    channel.port2.postMessage(0);
  });
})
"""


@dataclass(frozen=True)
class Load:
    """One load of a page: seconds since the navigation began, bytes on the wire, DOM nodes once all was quiet."""

    readable: float
    settled: float
    requests: int
    bytes: int
    nodes: int
    longest: float


class Visit:
    """A fresh profile in a fresh browser: nothing of the page is known to it."""

    def __init__(self, browser: Browser, url: str, person: Person | None, selector: str) -> None:
        self.browser = browser
        context = browser.new_context(viewport=VIEWPORT)
        context.set_default_timeout(120_000)
        if person:
            context.add_cookies([{"name": "sessionid", "value": person.session, "url": url}])
        context.add_init_script(LISTEN.replace("SELECTOR", repr(selector)))
        self.page: Page = context.new_page()
        self.wire: CDPSession = context.new_cdp_session(self.page)
        self.requests: list[str] = []
        self.bytes = 0
        self.wire.send("Network.enable")
        self.wire.on("Network.requestWillBeSent", self._asked)
        self.wire.on("Network.loadingFinished", self._arrived)

    def load(self, url: str) -> Load:
        self.requests.clear()
        self.bytes = 0
        self.page.goto(url)
        self.page.evaluate(SHOWN)
        self.page.wait_for_load_state("networkidle")
        found: dict[str, Any] = self.page.evaluate("window.measured")
        return Load(
            readable=found["readable"] / 1000,
            settled=found["settled"] / 1000,
            requests=len(self.requests),
            bytes=self.bytes,
            nodes=self.nodes(),
            longest=max(found["tasks"], default=0) / 1000,
        )

    def scroll(self, step: int, seconds: float) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(SCROLL, [step, seconds])
        return found

    def press(self, key: str) -> float:
        return float(self.page.evaluate(PRESS, key))

    def nodes(self) -> int:
        self.wire.send("HeapProfiler.collectGarbage")
        return int(self.wire.send("Memory.getDOMCounters")["nodes"])

    def memory(self) -> int:
        """Bytes that the process of the page holds."""
        listed = self.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        return max(
            memory_of(int(process["id"]), "VmRSS") for process in listed if process["type"] == "renderer"
        )

    def _asked(self, event: dict[str, Any]) -> None:
        self.requests.append(event["request"]["url"])

    def _arrived(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])


@contextmanager
def visit(
    playwright: Playwright, program: Path, url: str, person: Person | None, selector: str
) -> Iterator[Visit]:
    browser = playwright.chromium.launch(executable_path=program, args=list(chromium.FLAGS))
    try:
        yield Visit(browser, url, person, selector)
    finally:
        browser.close()
