"""Put a realistic load on a site: people who browse, write and search, programs, live readers.

Have your own server make room for it, since all of it comes from one address:

    QAPP_RATE_LIMITS=off .venv/bin/hypercorn -c hypercorn.toml qapp.asgi

Then, with charts at http://127.0.0.1:8089, or without:

    .venv/bin/locust -f tests/load/locustfile.py --host http://127.0.0.1:8000
    .venv/bin/locust -f tests/load/locustfile.py --host http://127.0.0.1:8000 \
        --headless --users 200 --spawn-rate 20 --run-time 2m

It registers users named load-… (QAPP_REGISTRATION), who write entries: don't aim it at a site that
is in use. An answer is a failure unless its status is good and it holds what it is asked for.
"""

from __future__ import annotations

import html
import json
import random
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import gevent
from locust import FastHttpUser, HttpUser, between, constant, task
from locust.exception import StopUser
from requests.exceptions import RequestException

PASSWORD = "a password for load tests"
CSRF_FIELD = 'name="csrf_token"'
CSRF_TOKEN = re.compile(CSRF_FIELD + r'[^>]* value="([^"]+)"')
API_TOKEN = re.compile(r'id="new-token" value="([^"]+)"')
STATIC = re.compile(r'(?:href|src)="(/static/[^"]+)"')
ENTRY = re.compile(r'href="(/post/\d+)"')
AUTHOR = re.compile(r'href="(/users/[^"]+)"')
OLDER = re.compile(r'href="(/\?before=\d+)"')
WORDS = ("tea", "bread", "a garden", "rain", "the sea", "music", "quartz", "milk and honey")
ENTRIES = "/api/v1/entries"
# A live reader comes back after so long, as people open and leave pages.
LONGEST_READING_S = 60
# When this process sent its newest entries, by their titles.
SENT_S: dict[str, float] = {}
MOST_SENT = 1000


def new_title() -> str:
    """Return a title that nothing else has, and note that it is sent now."""
    title = f"Tea {secrets.token_hex(4)}"
    SENT_S[title] = time.monotonic()
    if len(SENT_S) > MOST_SENT:
        del SENT_S[next(iter(SENT_S))]
    return title


def text_of(answer: Any, *, good: int = 200, holds: str = "") -> str:
    """Return an answer's text. With another status, or without what it should hold, it has failed.

    :return: nothing, if it has failed.
    """
    status, text = answer.status_code, answer.text or ""
    if status == 0:  # nobody answered, which Locust itself counts, with the reason
        return ""
    if status == 429:
        answer.failure("status 429: set QAPP_RATE_LIMITS=off where the site runs")
    elif status != good:
        answer.failure(f"status {status}")
    elif holds not in text:
        answer.failure(f"no {holds} in it")
    else:
        return str(text)
    return ""


class Person(FastHttpUser):
    """Somebody with a browser, which keeps cookies."""

    abstract = True
    wait_time = between(1, 5)

    def page(self, path: str, name: str | None = None, *, holds: str = "</html>") -> str:
        """Open a page; all of one kind count under one name. One that failed is empty."""
        with self.client.get(path, name=name, catch_response=True) as answer:
            return text_of(answer, holds=holds)

    def form_page(self, path: str) -> str:
        """Open a page for the form it has."""
        return self.page(path, holds=CSRF_FIELD)

    def send(self, path: str, form_page: str, fields: dict[str, str]) -> str:
        """Send a form of a page, with the page's token; return the page that it leads to.

        It is empty if the form was refused, or the page could not be opened.
        """
        token = CSRF_TOKEN.search(form_page)
        if token is None:
            return ""
        form = {"csrf_token": html.unescape(token[1]), **fields}
        with self.client.post(path, data=form, catch_response=True) as answer:
            return text_of(answer, holds="</html>")

    def register(self) -> str:
        """Become a user with a new name; return the front page.

        :raises StopUser: if that was refused, since nothing else can be done then.
        """
        self.username = f"load-{secrets.token_hex(8)}"
        fields = {"username": self.username, "password": PASSWORD, "confirm": PASSWORD}
        if front := self.send("/register", self.form_page("/register"), fields):
            return front
        raise StopUser


class Browser(Person):
    """Reads the front page, then what it leads to."""

    weight = 10

    def on_start(self) -> None:
        """Begin at the front page, and load what a browser then keeps."""
        self.seen = self.page("/")
        for path in STATIC.findall(self.seen):
            self.page(path, "/static/…", holds="")

    @task(4)
    def front_page(self) -> None:
        """Look what is new."""
        self.seen = self.page("/")

    @task(8)
    def entry(self) -> None:
        """Read an entry."""
        if paths := ENTRY.findall(self.seen):
            self.page(random.choice(paths), "/post/…")

    @task(2)
    def older(self) -> None:
        """Go on to older entries, or begin anew at the last."""
        match = OLDER.search(self.seen)
        self.seen = self.page(match[1], "/?before=…") if match else self.page("/")

    @task(1)
    def author(self) -> None:
        """Look what else somebody wrote."""
        if paths := AUTHOR.findall(self.seen):
            self.page(random.choice(paths), "/users/…")

    @task(1)
    def feed(self) -> None:
        """Fetch the feed, as a reader of feeds does."""
        self.page("/feed.xml", holds="</feed>")


class Searcher(Person):
    """Looks for words, and reads what was found."""

    weight = 3

    @task
    def search(self) -> None:
        """Search, and open a hit."""
        query = random.choice(WORDS)
        hits = self.page(f"/search?q={query.replace(' ', '+')}", "/search?q=…")
        if paths := ENTRY.findall(hits):
            self.page(paths[0], "/post/…")


class Writer(Person):
    """Registers, reads as a user who is logged in, and now and then writes."""

    weight = 2

    def on_start(self) -> None:
        """Register, and write, which is what one registers for."""
        self.seen = self.register()
        self.write()

    @task(3)
    def front_page(self) -> None:
        """Look what is new."""
        self.seen = self.page("/")

    @task(1)
    def write(self) -> None:
        """Add an entry, which then has to be on the writer's own page."""
        form_page = self.form_page("/")
        title, text = new_title(), ", ".join(random.sample(WORDS, 3))
        if self.send("/add", form_page, {"title": title, "text": text}):
            self.page(f"/users/{self.username}", "/users/… (own)", holds=title)


class Program(Person):
    """Uses the API, with a token that it got on the account page."""

    weight = 2

    def on_start(self) -> None:
        """Register, make a token, and look what is there."""
        self.register()
        fields = {"action": "add_token", "name": "load", "scope": "write", "days": "30"}
        shown = API_TOKEN.search(self.send("/account", self.form_page("/account"), fields))
        if shown is None:
            raise StopUser
        self.headers = {"Authorization": f"Bearer {html.unescape(shown[1])}"}
        self.ids: list[int] = []
        self.list_entries()

    @task(4)
    def list_entries(self) -> None:
        """Read the newest entries."""
        path = f"{ENTRIES}?limit=20"
        with self.client.get(path, headers=self.headers, catch_response=True) as answer:
            if text := text_of(answer, holds='"items"'):
                self.ids = [entry["id"] for entry in json.loads(text)["items"]]

    @task(6)
    def one_entry(self) -> None:
        """Read one of them."""
        if not self.ids:
            return
        number = random.choice(self.ids)
        path, name = f"{ENTRIES}/{number}", f"{ENTRIES}/…"
        with self.client.get(path, headers=self.headers, name=name, catch_response=True) as answer:
            text_of(answer, holds=f'"id":{number}')

    @task(1)
    def add_entry(self) -> None:
        """Add one, with a key that would make a second try harmless."""
        headers = {**self.headers, "Idempotency-Key": secrets.token_hex(16)}
        entry = {"title": new_title(), "text": "Green tea wants **80 °C**."}
        with self.client.post(ENTRIES, json=entry, headers=headers, catch_response=True) as answer:
            text_of(answer, good=201)


class LiveReader(HttpUser):
    """Leaves the front page open, where new entries arrive."""

    weight = 3
    wait_time = constant(1)

    @task
    def read(self) -> None:
        """Read the stream for a while; one that ends before counts as a failure."""
        self.client.get("/")
        headers = {"Accept": "text/event-stream"}
        with self.client.get("/live", headers=headers, stream=True, catch_response=True) as answer:
            if answer.status_code != 200:
                return
            reading_s = random.uniform(5, LONGEST_READING_S)
            try:
                with gevent.Timeout(reading_s, False):
                    # Counts even if the load test ends while this is read.
                    answer.success()
                    self.count_arrivals(answer.iter_lines(chunk_size=None))
                    answer.failure("the stream ended")
            except RequestException as error:
                answer.failure(f"the stream broke: {type(error).__name__}")
            finally:
                answer.close()

    def count_arrivals(self, lines: Iterator[bytes]) -> None:
        """Show each entry that arrives among the requests, with the time since it was sent."""
        kind = b""
        for line in lines:
            name, _, value = line.partition(b": ")
            if name == b"event":
                kind = value
            elif name == b"data" and kind == b"entry":
                sent_s = SENT_S.get(json.loads(value)["title"])
                self.environment.events.request.fire(
                    request_type="SSE",
                    name="/live: an entry arrived",
                    response_time=None if sent_s is None else (time.monotonic() - sent_s) * 1000,
                    response_length=len(value),
                    exception=None,
                    context={},
                )
