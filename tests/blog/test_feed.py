"""The Atom feed: well-formed whatever is written, and complete in itself."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree

from qapp.blog import queries
from qapp.extensions import db
from tests.blog.tools import fill
from tests.conftest import Clock, Visitor

ATOM = {"a": "http://www.w3.org/2005/Atom"}


async def feed_of(visitor: Visitor) -> ElementTree.Element:
    response = await visitor.get("/feed.xml")
    assert (response.status_code, response.mimetype) == (200, "application/atom+xml")
    return ElementTree.fromstring(await response.get_data())  # noqa: S314 - our own answer


async def test_an_empty_feed_is_a_feed(visitor: Visitor) -> None:
    feed = await feed_of(visitor)
    assert feed.findtext("a:id", namespaces=ATOM) == "http://localhost/feed.xml"
    assert feed.findtext("a:updated", namespaces=ATOM)
    assert feed.findall("a:entry", ATOM) == []


async def test_an_entry_has_what_atom_asks_for(clock: Clock, alice: Visitor) -> None:
    number = await alice.add("Title", "Some *text*")
    feed = await feed_of(alice)
    (entry,) = feed.findall("a:entry", ATOM)
    url = f"http://localhost/post/{number}"
    assert entry.findtext("a:title", namespaces=ATOM) == "Title"
    assert entry.findtext("a:id", namespaces=ATOM) == url
    assert entry.findtext("a:author/a:name", namespaces=ATOM) == "alice"
    assert entry.findtext("a:author/a:uri", namespaces=ATOM) == "http://localhost/users/alice"
    content = entry.find("a:content", ATOM)
    assert content is not None
    assert (content.get("type"), content.text) == ("html", "<p>Some <em>text</em></p>\n")
    published = entry.findtext("a:published", namespaces=ATOM) or ""
    assert datetime.fromisoformat(published).timestamp() == clock.now_ms // 1000
    links = [link.get("href", "") for link in feed.iterfind(".//a:link", ATOM)]
    assert links == ["http://localhost/feed.xml", "http://localhost/", url]


async def test_a_change_moves_updated_not_published(clock: Clock, alice: Visitor) -> None:
    number = await alice.add()
    async with alice.app.app_context():
        version = (await queries.find_source(db, entry_id=number)).version
    clock.pass_s(3600)
    form = {"title": "New", "text": "New", "version": str(version)}
    await alice.post(f"/post/{number}/edit", form)
    feed = await feed_of(alice)
    times = {
        name: datetime.fromisoformat(feed.findtext(path, namespaces=ATOM) or "").timestamp()
        for name, path in {
            "feed": "a:updated",
            "updated": "a:entry/a:updated",
            "published": "a:entry/a:published",
        }.items()
    }
    assert times["feed"] == times["updated"] == times["published"] + 3600


async def test_it_holds_the_newest_20(alice: Visitor) -> None:
    await fill(alice.app, 25)
    feed = await feed_of(alice)
    titles = [title.text for title in feed.iterfind("a:entry/a:title", ATOM)]
    assert titles == [f"Entry {number}" for number in range(25, 5, -1)]


async def test_nothing_written_breaks_the_feed(alice: Visitor) -> None:
    nasty = [
        "<script>alert(1)</script>",
        "]]>",
        "<![CDATA[x]]>",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
        "&amp; &lt; &nbsp; & < > \" '",
        "\ufffe\uffff\x7f\x85\u2028\U0001ffff",
        "{{7919*7907}} {% raw %}",
        "'; DROP TABLE entries; --",
    ]
    for text in nasty:
        await alice.add(text, f"{text} <b title='&#1;&#12;&#xFFFF;&#x80;'>{text}</b> &#0; &#1;")
    feed = await feed_of(alice)
    titles = [title.text for title in feed.iterfind("a:entry/a:title", ATOM)]
    expected = [text.replace("\ufffe\uffff", "\ufffd\ufffd") for text in reversed(nasty)]
    assert titles == expected
    for content in feed.iterfind("a:entry/a:content", ATOM):
        assert "<script" not in (content.text or "")


async def test_addresses_are_those_of_the_host_asked_for(visitor: Visitor) -> None:
    feed = await (await visitor.get("/feed.xml", headers={"Host": "localhost:8000"})).get_data()
    assert b'href="http://localhost:8000/feed.xml"' in feed
