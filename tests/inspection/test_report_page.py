"""The report in a real browser; skipped where there is none."""

import pytest

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.inspection import estimator_report

PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def report(fundus, tmp_path_factory):
    net = FIQDRClassifier(
        backbone="shufflenet_v2_x0_5", image_size=48, max_epochs=2, random_state=0
    ).fit(fundus.data, fundus.target)
    made = estimator_report(
        net, fundus.data, fundus.target, groups=fundus.groups, n_bootstraps=50
    )
    return made.save(tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def page(browser, report, request):
    """Return the page, opened; it notes faults and what it asks of others."""
    page = browser.new_page(**getattr(request, "param", {}))
    page.faults, page.asked = [], []
    page.on("console", lambda m: page.faults.append(m.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("request", lambda r: page.asked.append(r.url))
    page.goto(report.as_uri())
    yield page
    page.close()


def test_it_asks_nothing_of_others_and_every_picture_loads(page, report):
    assert page.faults == []
    assert [url for url in page.asked if not url.startswith("data:")] == [
        report.as_uri()
    ]
    sizes = page.eval_on_selector_all(
        "img", "images => images.map(i => [i.naturalWidth, i.alt])"
    )
    assert len(sizes) >= 9
    assert all(width > 0 and alt for width, alt in sizes)


def test_the_navigation_leads_to_every_section(page):
    links = page.eval_on_selector_all("nav a", "all => all.map(a => a.hash.slice(1))")
    ids = page.eval_on_selector_all("section", "all => all.map(s => s.id)")
    assert links == ids
    page.click("nav a:last-child")
    page.wait_for_function("window.scrollY > 500")


@pytest.mark.parametrize("page", [{"viewport": PHONE}], indirect=True)
def test_on_a_phone_wide_pictures_scroll_and_the_page_does_not(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide = page.locator("figure.wide")
    assert wide.count() > 0
    assert all(
        figure.evaluate("it => it.scrollWidth > it.clientWidth")
        and figure.bounding_box()["width"] < PHONE["width"]
        for figure in wide.all()
    )


@pytest.mark.parametrize(
    ("page", "dark"),
    [({"color_scheme": "dark"}, True), ({"color_scheme": "light"}, False)],
    indirect=["page"],
)
def test_it_follows_the_colours_that_are_preferred(page, dark):
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(part) for part in ground.strip("rgb()").split(",")]
    assert (max(channels) < 60) == dark


def test_it_prints_on_pages_without_the_navigation(page):
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") >= 3
    page.emulate_media(media="print")
    assert not page.is_visible("nav")
