"""URL building beyond the live routes: every way to ask for an address."""

from __future__ import annotations

from functools import partial

from tests.parity import scenario
from tests.parity.scenario import Step, get

CHAPTER = "url-building"
Scenario = partial(
    scenario.Scenario,
    CHAPTER,
    flask="qapp.tour.originals.urls:create_app",
    here="qapp.tour.apps.urls:create_app",
)
LONG = "x" * 2000


def build(endpoint: str, *queries: str) -> tuple[Step, ...]:
    return tuple(get(f"/build/{endpoint}?{query}") for query in queries)


SCENARIOS = (
    Scenario("builds addresses of all kinds", (get("/"), Step("HEAD", "/"), Step("OPTIONS", "/"))),
    Scenario(
        "puts unknown values into the query",
        build(
            "urls.search",
            "",
            "q=tea",
            "q=red+tea&page=2",
            "q=a%26b%3Dc%23d%3Fe%2Ff%25g%2Bh",
            "q=%C3%A6%E6%97%A5%F0%9F%98%80",
            "q=",
            "q=a&q=b&q=c",
            "q=%3Cscript%3Ealert(1)%3C/script%3E",
            "q=..%2f..%2f",
            "q=%00",
            "q=%FF%FE",
            "%C3%A6=1&a%20b=2",
            f"q={LONG}",
        ),
    ),
    Scenario(
        "quotes what stands in the path",
        (
            *build(
                "urls.word",
                "word=plain",
                "word=a%20b",
                "word=a/b",
                "word=%C3%B8",
                "word=%3Cb%3E",
                "word=..",
                "word=..%2f..%2f",
                "word=%00",
                "word=%25",
                "word=~!$'()*%2B,;:@",
                "word=%5B%5D%7B%7D%7C%5C%5E%60%22",
                "word=a&word=b",
                "word=a&other=b",
                "word=",
                f"word={LONG}",
            ),
            *build("urls.file", "path=a/b/c", "path=/a//b", "path=a%20b/%C3%B8", "path=..%2f.."),
        ),
    ),
    Scenario(
        "converts values, or finds no address",
        (
            *build("urls.item", "item_id=7", "item_id=007", "item_id=-7", "item_id=7&x=1"),
            *build("urls.item", "item_id=seven", ""),
            *build("urls.price", "value=3", "value=3.5", "value=1e3", "value=nan"),
            *build("urls.listing", "page=1", "page=2", ""),
        ),
    ),
    Scenario(
        "says that there is no address, and which it may have been",
        (
            *build("urls.items", "item_id=7", ""),
            *build("urls.item", "id=7"),
            *build("nowhere", "", "a=%3Cb%3E"),
            *build("%3Cb%3E", ""),
            *build(".nowhere", ""),
            *build("..item", ""),
            *build("%C3%A6", ""),
            *build("%00", ""),
            *build("urls.notes", "_method=DELETE"),
            get("/build/"),
            get("/build"),
            get("/build/urls.item/"),
        ),
    ),
    Scenario(
        "adds anchors",
        build(
            "urls.search",
            "_anchor=notes",
            "_anchor=",
            "_anchor=a+b",
            "_anchor=%C3%B8%23x%3Fy%25",
            "_anchor=%3Cb%3E%22",
            "_anchor=x&q=tea",
            f"_anchor={LONG}",
        ),
    ),
    Scenario(
        "makes absolute addresses",
        (
            *build("urls.item", "item_id=7&_external=1", "item_id=7&_external="),
            *build("urls.item", "item_id=7&_scheme=https&_external="),
            *build("urls.item", "item_id=7&_scheme=https", "item_id=7&_scheme=ftp"),
            *build("urls.item", "item_id=7&_scheme=https&_external=1&_anchor=x"),
            get("/build/urls.item?item_id=7&_external=1", headers={"Host": "LocalHost:81"}),
            get("/build/urls.item?item_id=7&_external=1", headers={"Host": "b\u00fccher.example"}),
            get("/build/urls.item?item_id=7", headers={"Host": "other.example"}),
        ),
    ),
    Scenario(
        "chooses the rule by its method",
        (
            *build("urls.notes", "", "_method=GET", "_method=POST", "_method=PUT", "_method=post"),
            get("/notes"),
            Step("HEAD", "/notes"),
            Step("OPTIONS", "/notes"),
            Step("POST", "/notes"),
            get("/notes/add"),
            Step("OPTIONS", "/notes/add"),
            Step("POST", "/notes/add"),
            Step("BREW", "/notes"),
        ),
    ),
    Scenario(
        "remembers the language of an address",
        (
            get("/en/page/tea"),
            get("/da/page/te"),
            get("/%C3%A6/page/%C3%B8"),
            get("/%3Cb%3E/page/%3Cb%3E"),
            get("/..%2f..%2f/page/x"),
            get("/%00/page/%00"),
            get("/en/page/"),
            get("/en/page"),
            get("/en/page/tea/"),
            Step("HEAD", "/en/page/tea"),
            Step("OPTIONS", "/en/page/tea"),
            Step("POST", "/en/page/tea"),
            *build("pages.show", "name=tea", "name=tea&language=da", "name=tea&language=", ""),
        ),
    ),
    Scenario(
        "redirects to what it has built",
        (
            get("/go/tea", follow=True),
            get("/go/red%20tea"),
            get("/go/a%26b%23c"),
            get("/go/%C3%A6%E6%97%A5%F0%9F%98%80"),
            get("/go/%3Cb%3E"),
            get("/go/..%2f..%2f"),
            get("/go/%0d%0aX:%20y"),
            get("/go/%00"),
            get(f"/go/{LONG}"),
            Step("HEAD", "/go/tea"),
            Step("OPTIONS", "/go/tea"),
            Step("POST", "/go/tea"),
        ),
    ),
    Scenario(
        "goes to the one address of a page",
        (
            get("/listing/"),
            get("/listing"),
            get("/listing/1"),
            get("/listing/2"),
            get("/listing/2/"),
            get("/listing/x"),
            get("/item/7/"),
            get("/item/x"),
            get("/item/-1"),
            get("/price/3"),
            get("/price/3.50"),
            get("/file/a//b"),
            get("/word/a%2Fb"),
            get("/search?q=a&q=b&=c&d"),
        ),
    ),
)
