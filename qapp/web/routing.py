"""How a request's path is matched: as Werkzeug does it, with less work where nothing varies."""

from __future__ import annotations

from typing import Any

from quart.wrappers import BaseRequestWebsocket
from werkzeug.routing import Map, MapAdapter, Rule

USUAL_PORTS = {"http": ":80", "https": ":443"}  # which addresses leave out
AS_QUART_ASKS = {"return_rule": True}
# The rules of methods and paths.
Known = dict[tuple[str, str], Rule]


class RequestAdapter(MapAdapter):
    """Matches the path of one request, for whatever host.

    What was found for a path without variables is known from then on: Werkzeug's search takes
    longer than all else that is done here, and what it makes each time refers to itself, so that it
    stays until Python looks for garbage.

    :param known: what was found before, in the same map.
    """

    def __init__(self, url_map: Map, known: Known, request: BaseRequestWebsocket) -> None:
        host = request.host.lower()
        usual_port = USUAL_PORTS.get(request.scheme)
        super().__init__(
            url_map,
            host.removesuffix(usual_port) if usual_port else host,
            request.root_path or "/",
            url_map.default_subdomain,
            request.scheme,
            request.path,
            request.method,
            request.query_string.decode(),
        )
        self._known = known

    def match(self, *args: Any, **kwargs: Any) -> Any:
        """Return the rule and the values of its variables, or raise, as Werkzeug does."""
        if args or kwargs != AS_QUART_ASKS:
            return super().match(*args, **kwargs)
        key = (self.default_method, self.path_info)
        rule = self._known.get(key)
        if rule is None:
            rule, values = super().match(return_rule=True)
            if values or rule.rule != self.path_info:
                return rule, values
            self._known[key] = rule
        return rule, {}
