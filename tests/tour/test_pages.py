"""The tour's own pages, and a site without the tour."""

from __future__ import annotations

import re

import pytest

from qapp.tour import sources, views
from qapp.tour.chapters import CHAPTERS, neighbours
from qapp.tour.proof import differences, proofs
from tests.conftest import Page, Serve, Visitor
from tests.web.tools import dangers_in, routes_of

SLUGS = [chapter.slug for chapter in CHAPTERS]


async def test_the_tour_lists_its_chapters(visitor: Visitor, pages: list[Page]) -> None:
    text = await visitor.text("/tour/")
    assert pages[-1].template == "tour/index.html"
    assert re.findall(r'<h3><a href="([\w-]+)">', text) == SLUGS
    assert '<a href="/tour/" aria-current="page">Tour</a>' in text


async def test_without_its_slash_it_leads_there(visitor: Visitor) -> None:
    response = await visitor.get("/tour")
    assert response.status_code == 308
    assert response.headers["Location"].endswith("/tour/")


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_chapter_is_whole(visitor: Visitor, slug: str) -> None:
    response = await visitor.get(f"/tour/{slug}")
    assert response.status_code == 200
    text = await response.get_data(as_text=True)
    for heading in ("When to use it", "On an event loop", "Goes wrong when"):
        section = re.search(rf"<h2 [^>]*>{heading}</h2>(.*?)</section>", text, re.DOTALL)
        assert section is not None
        assert len(re.sub(r"<[^>]*>", "", section[1])) > 100
    lede = re.search(r'<p class="lede">(.*?)</p>', text, re.DOTALL)
    assert lede is not None
    assert len(lede[1]) > 60
    assert text.count("<h1") == 1
    assert dangers_in(text) == []


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_chapter_shows_what_the_comparison_found(visitor: Visitor, slug: str) -> None:
    text = await visitor.text(f"/tour/{slug}")
    proof = proofs().get(slug)
    if proof is None:
        assert "compared steps" not in text
        return
    assert f'<span class="count">{proof.steps} of {proof.steps}</span> compared steps' in text
    assert ("Meant to differ" in text) is bool(proof.differences)
    for name in proof.differences:
        assert str(views.inline_code(differences()[name].what)) in text


async def test_the_chapters_lead_from_one_to_the_next(visitor: Visitor) -> None:
    slug: str | None = SLUGS[0]
    seen = []
    while slug:
        seen.append(slug)
        following = re.search(
            r'<a href="/tour/([\w-]+)" rel="next">', await visitor.text(f"/tour/{slug}")
        )
        slug = following and following[1]
    assert seen == SLUGS
    assert neighbours(CHAPTERS[0])[0] is None
    assert neighbours(CHAPTERS[-1])[1] is None


@pytest.mark.parametrize(
    "path",
    ["/tour/nothing", "/tour/Cookies", "/tour/..%2fapi", "/tour/%00", "/tour/<b>", "/tour/a/b"],
)
async def test_what_is_no_chapter_is_not_found(visitor: Visitor, path: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 404
    assert "<b>" not in await response.get_data(as_text=True)


async def test_the_sources_are_coloured_once(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_kept", {})
    real, sizes = sources.coloured, []

    def coloured(source: str) -> list[str]:
        sizes.append(len(source))
        return real(source)

    monkeypatch.setattr(sources, "coloured", coloured)
    for _ in range(3):
        assert (await visitor.get("/tour/application")).status_code == 200
    assert len(sizes) == 2


async def test_without_the_tour_its_routes_are_gone(serve: Serve) -> None:
    with_tour, without = await serve(), await serve(TOUR=False)
    gone = {r.path for r in routes_of(with_tour)} - {r.path for r in routes_of(without)}
    assert {"/tour/", "/hello", "/setcookie", "/admin", "/success"} <= gone
    visitor = Visitor(without)
    for path in gone - {"/admin"}:  # which then leads to the operator's page
        assert (await visitor.get(path)).status_code == 404, path
    page = await visitor.text("/")
    assert "Tour" not in page
    assert 'href="/about"' in page
