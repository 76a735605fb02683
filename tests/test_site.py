"""The built documentation, in a real browser; skipped where either is missing."""

import http.server
import re
import threading
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

SITE = Path(__file__).parents[1] / "docs" / "_build" / "html"
PAGES = ["index", "tutorial", "faq", "user_guide/method", "auto_examples/index"]

pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="docs/_build/html has not been built"
)


@pytest.fixture(scope="module")
def site():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=SITE)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(browser, site):
    """Return a page that notes what goes wrong and what it asks of others."""
    page = browser.new_page()
    page.faults = []
    page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("requestfailed", lambda request: page.faults.append(request.url))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((site, "data:", "blob:"))
            or page.faults.append(f"asks for {request.url}")
        ),
    )
    yield page
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_whole_without_errors_and_without_other_hosts(page, site, name):
    page.goto(f"{site}/{name}.html", wait_until="networkidle")
    assert page.locator("h1").count() == 1
    broken = page.evaluate(
        "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
    )
    assert broken == []
    assert page.faults == []


def test_formulas_are_set_without_a_network(page, site):
    page.goto(f"{site}/user_guide/method.html", wait_until="networkidle")
    assert page.locator("mjx-container").count() > 0
    assert page.faults == []


def test_the_search_box_finds_the_estimator(page, site):
    page.goto(f"{site}/search.html?q=FIQDRClassifier", wait_until="networkidle")
    result = page.locator("#search-results a", has_text="FIQDRClassifier").first
    result.wait_for(timeout=20_000)
    result.click()
    page.wait_for_load_state("networkidle")
    assert "FIQDRClassifier" in page.locator("h1").inner_text()


def test_the_navigation_leads_to_the_examples(page, site):
    page.goto(f"{site}/index.html", wait_until="networkidle")
    page.locator("header a", has_text="Examples").first.click()
    page.wait_for_load_state("networkidle")
    assert page.locator(".sphx-glr-thumbcontainer").count() >= 8
    page.locator(".sphx-glr-thumbcontainer a").first.click()
    page.wait_for_load_state("networkidle")
    assert page.locator("img.sphx-glr-single-img, img.sphx-glr-multi-img").count() > 0


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_width_of_a_phone(page, site, name):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site}/{name}.html", wait_until="networkidle")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_the_dark_theme_is_dark(page, site):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{site}/index.html", wait_until="networkidle")
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", color)[:3])) < 80


class Links(HTMLParser):
    """What a page links to, and the anchors that it offers."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs.get("id"), attrs.get("name")}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])


def test_every_internal_link_leads_somewhere():
    pages = {path.resolve(): Links(path) for path in SITE.rglob("*.html")}
    lost = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            target, anchor = urldefrag(unquote(link))
            file = (path.parent / target).resolve() if target else path
            known = pages[file].anchors if file in pages else {anchor}
            if not file.exists() or anchor not in known:
                lost.append(f"{path.relative_to(SITE)}: {link}")
    assert lost == []
