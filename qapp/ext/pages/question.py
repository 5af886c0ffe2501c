"""What a request asks for: the key of a page, if a page that is kept may be the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from hypercorn.typing import HTTPScope
from quart import Quart
from werkzeug.exceptions import HTTPException

from .page import Ask
from .render import Headers, Key

# Of whom the answer may be another, or who sends a body, which is for the app to receive.
PERSONAL = frozenset({b"authorization", b"content-length", b"origin", b"transfer-encoding"})
# In letters: what is longer is no address that a page links to.
LONGEST = 400
MARK = "kept_pages"
ANY = "<"

Cookies = Mapping[str, Collection[str]]
Version = Callable[..., Awaitable[Hashable]]


class Opted(NamedTuple):
    """What a view says of its pages: the parameters they depend on, and what tells their version.

    :ivar is_strict: whether it is for the view to say what is wrong with other parameters.
    :ivar version: called with what the path says, as the view is; None: they have none.
    """

    query: tuple[str, ...]
    is_strict: bool
    version: Version | None


class Asked(NamedTuple):
    """The same of the page with one path: its version is asked for without anything more."""

    query: tuple[str, ...]
    is_strict: bool
    version: Ask | None


class Questions:
    """Read requests to an app.

    :param cookies: cookies that pages may depend on, each with its values. A visitor with any other
        cookie, or any other value, is answered by the app.
    """

    def __init__(self, app: Quart, cookies: Cookies) -> None:
        self._app = app
        self._allowed = {
            f"{name}={value}".encode() for name, values in cookies.items() for value in values
        }
        self._urls = app.url_map.bind("localhost")
        self._beginnings: frozenset[str] = frozenset()

    def key_of(self, scope: HTTPScope, headers: Mapping[bytes, bytes]) -> Key | None:
        """Return the key of the page that a request is for; None if the app is to answer.

        :param headers: the request's, of each name one.
        """
        if not PERSONAL.isdisjoint(headers):
            return None
        host = headers.get(b"host")
        # Letters in capitals would make another page of each way to write a name.
        if host is None or host != host.lower():
            return None
        root_path, path, query = scope.get("root_path", ""), scope["path"], scope["query_string"]
        if not self._may_be_kept(path.removeprefix(root_path)):
            return None
        declared = self._declared(path, root_path, query) if query else b""
        cookies = self._chosen(list(scope["headers"])) if b"cookie" in headers else b""
        if declared is None or cookies is None:
            return None
        return Key(scope["scheme"], host, root_path, path, declared, cookies)

    def read_rules(self) -> None:
        """Note how the addresses of pages begin that are kept.

        :raises RuntimeError: if the app has rules for certain hosts or subdomains.
        """
        rules = list(self._app.url_map.iter_rules())
        if self._app.url_map.host_matching or any(rule.subdomain for rule in rules):
            raise RuntimeError("pages are kept for apps whose rules are for all hosts")
        views = self._app.view_functions
        self._beginnings = frozenset(
            _beginning(rule.rule) for rule in rules if hasattr(views.get(rule.endpoint), MARK)
        )

    def _may_be_kept(self, path: str) -> bool:
        # Werkzeug takes as long over a path as the app over many a request.
        return _beginning(path) in self._beginnings or ANY in self._beginnings

    def asked(self, path: str, root_path: str) -> Asked | None:
        """Return what the view of a path says of its page; None if its pages aren't kept."""
        path = path.removeprefix(root_path)
        # Werkzeug takes any number of slashes at the beginning for one.
        if len(path) > LONGEST or path.startswith("//"):
            return None
        try:
            endpoint, values = self._urls.match(path, method="GET")
        except HTTPException:
            return None
        opted: Opted | None = getattr(self._app.view_functions[endpoint], MARK, None)
        if opted is None:
            return None
        ask = opted.version and partial(opted.version, **values)
        return Asked(opted.query, opted.is_strict, ask)

    def _declared(self, path: str, root_path: str, query: bytes) -> bytes | None:
        """Return what of a query its view declares; None if it is not one value of each."""
        asked = self.asked(path, root_path)
        if asked is None or not query.isascii():
            return None
        sent = parse_qsl(query.decode(), keep_blank_values=True)
        pairs = [pair for pair in sent if pair[0] in asked.query]
        if asked.is_strict and len(pairs) < len(sent):
            return None
        found = dict(pairs)
        if len(found) < len(pairs) or sum(map(len, found.values())) > LONGEST:
            return None
        return urlencode([(name, found[name]) for name in asked.query if name in found]).encode()

    def _chosen(self, headers: Headers) -> bytes | None:
        """Return a request's cookies in one order; None if there is one that is not declared."""
        text = b";".join(value for name, value in headers if name == b"cookie")
        pairs = [pair for part in text.split(b";") if (pair := part.strip())]
        names = {pair.partition(b"=")[0] for pair in pairs}
        if not self._allowed.issuperset(pairs) or len(names) < len(pairs):
            return None
        return b"; ".join(sorted(pairs))


def _beginning(path: str) -> str:
    """Return the first part of a path or of a rule; ANY for that of a rule that varies."""
    first = path.removeprefix("/").partition("/")[0]
    return ANY if ANY in first else first
