"""The site answers as the Flask originals do, but for what is listed."""

from __future__ import annotations

import re
from email.message import Message

import pytest

from qapp.tour.chapters import CHAPTERS
from qapp.tour.proof import PROOF, differences
from tests.processes import ROOT

from .compare import Outcome, compare
from .exchange import Answer
from .report import as_json, table
from .scenario import Scenario, Step
from .scenarios import SCENARIOS


@pytest.mark.parametrize("name", [str(scenario) for scenario in SCENARIOS])
def test_the_two_sides_agree(outcomes: dict[str, Outcome], name: str) -> None:
    assert "\n".join(outcomes[name].faults) == ""


def test_scenarios_have_names_of_their_own() -> None:
    names = [str(scenario) for scenario in SCENARIOS]
    assert len(names) == len(set(names))


def test_every_chapter_with_sources_is_compared() -> None:
    compared = {scenario.chapter for scenario in SCENARIOS}
    assert compared == {chapter.slug for chapter in CHAPTERS if chapter.pairs}


def test_every_chapter_shows_one_exchange() -> None:
    shown = [scenario.chapter for scenario in SCENARIOS if scenario.shown is not None]
    assert sorted(shown) == sorted({scenario.chapter for scenario in SCENARIOS})


def test_every_listed_difference_is_met(outcomes: dict[str, Outcome]) -> None:
    met = {
        name
        for outcome in outcomes.values()
        for compared in outcome.compared
        for name in compared.excused
    }
    assert met == differences().keys()


def test_the_pages_show_what_came_out(outcomes: dict[str, Outcome]) -> None:
    assert PROOF.read_text() == as_json(list(outcomes.values())), "python -m tests.parity --write"


def test_the_readme_shows_what_came_out(outcomes: dict[str, Outcome]) -> None:
    readme = (ROOT / "README.md").read_text()
    assert table(list(outcomes.values())) in readme, "python -m tests.parity --table"


def test_nothing_answers_with_an_unexpected_error(outcomes: dict[str, Outcome]) -> None:
    broken = [
        f"{outcome.scenario}: {compared.step.method} {compared.step.path}"
        for outcome in outcomes.values()
        for compared in outcome.compared
        if compared.here.status >= 500 and "/fail" not in compared.step.path
    ]
    assert broken == []


PAGE = '<title>T</title><main><h1>Hi</h1><input name="csrf_token" value="abc"></main>'
COOKIE = "a=1; Path=/; HttpOnly"
DATE = "Fri, 20 Nov 2026 10:00:00 GMT"
KEPT = "a=1; Expires=Fri, 20 Nov 2026 11:00:00 GMT; Max-Age=3600; Path=/"
SIJAX = '[{"type":"html","html":"<ul><li>a</li></ul>"}]'
SAME_SIJAX = '[{"html": "\\n<ul>\\n <li>a</li></ul>", "type": "html"}]'
IN_A_FRAME = f"<script>window.parent.Sijax.processCommands({SAME_SIJAX});</script>\n"


def answer(status: int = 200, body: str = PAGE, **headers: str) -> Answer:
    """Make an answer by hand."""
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Answer(status, message, body.encode())


@pytest.mark.parametrize(
    ("flask", "here", "part"),
    [
        (answer(), answer(201), "status"),
        (answer(), answer(Location="/x"), "location"),
        (answer(), answer(Allow="GET"), "allow"),
        (answer(), answer(body=PAGE.replace("Hi", "Ho")), "body"),
        (answer(), answer(body=PAGE.replace("<title>T", "<title>U")), "body"),
        (answer(Allow="GET, HEAD"), answer(Allow="HEAD, POST"), "allow"),
        (answer(Content_Type="text/html"), answer(Content_Type="text/plain"), "content_type"),
        (answer(Set_Cookie=COOKIE), answer(Set_Cookie="a=1; Path=/"), "cookies"),
        (answer(Set_Cookie=COOKIE), answer(Set_Cookie=COOKIE.replace("1", "2")), "cookies"),
        (answer(Set_Cookie=COOKIE), answer(), "cookies"),
        (
            answer(Set_Cookie=KEPT, Date=DATE),
            answer(Set_Cookie=KEPT.replace("11:00:00", "11:00:09"), Date=DATE),
            "cookies",
        ),
        (answer(body=SIJAX), answer(body=SIJAX.replace("a<", "b<")), "body"),
        (answer(body=SIJAX), answer(body=f"{SIJAX}\n{SIJAX}\n"), "body"),
        (answer(body='[{"a":1,"b":2}]'), answer(body='[{"b":2,"a":1}]'), "body"),
    ],
)
def test_a_difference_is_found(flask: Answer, here: Answer, part: str) -> None:
    scenario = Scenario("cookies", "made by hand", ())
    compared = compare(scenario, Step("GET", "/"), flask, here)
    assert [re.sub(r"\n.*", "", fault, flags=re.DOTALL) for fault in compared.faults] == [
        f"GET /: {part}"
    ]


def test_a_listed_difference_excuses_as_a_whole_or_not_at_all() -> None:
    scenario = Scenario("blog", "made by hand", ())
    listed = differences()["posts-from-elsewhere"].parts["status"]
    flask, here = answer(int(listed.flask)), answer(int(listed.here), "another page")
    compared = compare(scenario, Step("GET", "/"), flask, here)
    assert compared.excused == ()
    assert len(compared.faults) == 2


@pytest.mark.parametrize(
    ("flask", "here"),
    [
        (answer(), answer(body=PAGE.replace("abc", "def"))),
        (answer(), answer(body=f'<nav class="site">x</nav>{PAGE}')),
        (answer(), answer(body=PAGE.replace("T<", "T · qapp<"))),
        (answer(Allow="GET, HEAD"), answer(Allow="HEAD, GET")),
        (answer(Set_Cookie=COOKIE), answer(Set_Cookie="a=1; HttpOnly; Path=/")),
        (
            answer(Set_Cookie=KEPT, Date=DATE),
            answer(Set_Cookie=KEPT.replace("11:00:00", "11:00:01"), Date=DATE),
        ),
        (answer(body=SIJAX), answer(body=SAME_SIJAX)),
        (answer(body=f"{SIJAX}\n{SIJAX}\n"), answer(body=IN_A_FRAME * 2)),
    ],
)
def test_what_is_left_out_is_no_difference(flask: Answer, here: Answer) -> None:
    scenario = Scenario("cookies", "made by hand", ())
    assert compare(scenario, Step("GET", "/"), flask, here).faults == ()
