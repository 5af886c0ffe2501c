"""The words that `qapp demo` fills a blog with: distinct, repeatable, rendered as by the blog."""

import re
import time
import tracemalloc
from itertools import islice, pairwise

import pytest

from qapp.demo_texts import _subjects, entries, usernames
from qapp.web.markup import render


def test_a_million_usernames_are_distinct_and_allowed() -> None:
    names = list(usernames(1_000_000))
    assert len(set(names)) == 1_000_000
    allowed = re.compile("[a-z0-9_-]{3,32}")
    assert all(allowed.fullmatch(name) for name in names)
    assert not any(name[-1].isdigit() for name in names[:31_000])


@pytest.mark.parametrize("count", [0, 1, 3, 40_000])
def test_fewer_usernames_are_the_first_of_more(count: int) -> None:
    assert list(usernames(count)) == list(islice(usernames(1_000_000), count))


def test_more_usernames_than_there_are_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="3180288 usernames"):
        usernames(10_000_000)


def test_a_seed_gives_the_same_entries_again() -> None:
    assert list(entries(500, seed=7)) == list(entries(500, seed=7))
    assert list(entries(500, seed=7)) == list(entries(1_000, seed=7))[:500]
    assert list(entries(500, seed=7)) != list(entries(500, seed=8))
    assert list(entries(500)) == list(entries(500, seed=1))
    assert list(entries(0)) == []


def test_an_entry_is_what_the_blog_makes_of_its_text() -> None:
    for entry in entries(1_000):
        assert render(entry.text) == (entry.html, entry.plain)


def test_any_two_pieces_may_follow_one_another() -> None:
    for subject in _subjects():
        for first, second in pairwise([*subject.endings[1], *subject.endings[1][::-1]]):
            html, plain = render(first.text + second.text)
            assert html == first.html + second.html
            assert plain == (first.plain + second.plain).strip()


def test_there_is_enough_to_read() -> None:
    subjects = _subjects()
    assert len({part.text for each in subjects for part in each.openings + each.endings[1]}) >= 300
    titles = [title for each in subjects for title in each.titles]
    assert len(titles) == len(set(titles))
    assert len(titles) > 20_000
    assert max(map(len, titles)) <= 80
    made = list(entries(20_000))
    assert len(set(made)) > 19_900
    everything = "".join(entry.html for entry in made[:2_000])
    for tag in ('<a href="/"', "<em>", "<strong>", "<ul>", "<ol>", "<pre><code>", "<blockquote>"):
        assert tag in everything


def test_entries_are_made_faster_than_a_database_takes_them_and_kept_nowhere() -> None:
    list(entries(1))
    started_s = time.process_time()
    for _ in entries(50_000):
        pass
    # Alone 400 000 a second; the bar is lower because others may be measuring coverage.
    assert time.process_time() - started_s < 2.5
    tracemalloc.start()
    for _ in entries(5_000):
        pass
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 200_000
