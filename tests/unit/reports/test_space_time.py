"""The page of a run: complete, self-contained, and harmless whatever the program calls itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from simactors.reports import space_time

VOID = {"meta", "col", "input"}


class Page(HTMLParser):
    """Checks that tags are balanced, and gathers what is asked for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str, name: str = "") -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and (not name or name in (a.get("class") or "").split())]


@pytest.fixture(scope="session")
def page(lost_update) -> Page:
    return Page(
        space_time.html(
            lost_update,
            title='A "title" <b>',
            command="simactors replay 'a<b'",
            plan=["First <i>this</i>", "then that"],
        )
    )


def text_of(page: Page) -> str:
    return "".join(data for tag, data in page.texts if tag not in ("script", "style"))


def test_text_from_the_program_is_never_markup(page):
    assert [tag for tag, _ in page.tags].count("script") == 2  # both are ours
    assert text_of(page).count("<script>alert(\"x & 'y'\")</script></svg>") >= 4
    assert 'A "title" <b>' in text_of(page)
    assert "First <i>this</i>" in text_of(page)
    assert "simactors replay 'a<b'" in text_of(page)


def test_the_page_needs_nothing_else(lost_update):
    html = space_time.html(lost_update)
    assert not re.search(r'(?:src|href)="(?!#)|url\((?!#)|@import|https?://', html)


def test_every_event_has_a_row_with_its_words(page, lost_update):
    rows = page.all("tr", "event")
    assert [int(row["data-n"]) for row in rows] == [event.number for event in lost_update.events]
    for row, event in zip(rows, lost_update.events, strict=True):
        assert event.words in row["data-words"]


def test_every_message_is_an_arrow_between_its_events(page, lost_update):
    drawn = {(a["data-s"], a["data-t"]) for a in page.all("path", "m") if "data-s" in a}
    assert drawn == {(str(m.source), "" if m.target is None else str(m.target)) for m in lost_update.messages}


def test_the_decisive_step_is_marked_with_what_was_measured(page, lost_update):
    assert [int(row["data-n"]) for row in page.all("tr", "decisive")] == [lost_update.decided_at]
    assert len(page.all("tr", "banner")) == 1
    text = text_of(page)
    assert "12 % of continuations fail" in text
    assert "100 % of continuations fail" in text


def test_what_was_delayed_is_emphasized(page):
    assert page.all("path", "noted")
    assert page.all("tr", "noted")


def test_without_plan_command_and_measurement_nothing_of_them_is_left(rounds):
    html = space_time.html(rounds(2, 2))
    page = Page(html)
    assert "How to make it happen" not in html
    assert 'id="copy"' not in html
    assert "that decided" not in html
    assert not page.all("tr", "banner")


def test_rows_and_their_picture_have_the_same_height(rounds):
    page = Page(space_time.html(rounds(3, 8)))
    heights = sum(int(a["data-height"]) for a in page.all("tr") if "data-height" in a)
    slices = [int(a["height"]) for a in page.all("svg") if a.get("width") == "100%"]
    assert len(slices) > 1
    assert sum(slices) == heights


def test_a_folded_run_can_be_seen_whole(rounds):
    story = rounds(3, 100, most=40)
    page = Page(space_time.html(story))
    short, everything = page.all("div", "short"), page.all("div", "everything")
    assert len(short) == len(everything) == 1
    numbers = [row["data-n"] for row in page.all("tr", "event")]
    assert len(numbers) > len(story.events)  # those that matter twice
    assert set(numbers) == {str(event.number) for event in story.events}
    assert page.all("tr", "fold")


def test_processes_of_which_nothing_is_shown_have_no_column_until_everything_is(rounds):
    story = rounds(30, 4, most=20)
    page = Page(space_time.html(story))
    assert "left out" in text_of(page)
    assert "".join(data for _, data in page.texts).count("actor-30") >= 2


@pytest.mark.parametrize("actors", [1, 2, 8, 29])
def test_no_dot_is_outside_of_the_picture(rounds, actors):
    page = Page(space_time.html(rounds(actors, 2, most=1000)))
    (diagram,) = page.all("div", "diagram")
    width = int(re.search(r"--picture:(\d+)px", diagram["style"])[1])
    dots = [float(a["cx"]) for a in page.all("circle", "dot")]
    assert dots
    assert min(dots) > 8
    assert max(dots) < width - 8


def test_a_run_without_any_record_still_has_a_page(rounds):
    assert "ValueError" in space_time.html(rounds(1, 0))


def test_a_page_can_always_be_written_to_a_file(rounds):
    space_time.html(rounds(1, 1), title="half a character: \ud800").encode()


def test_equal_stories_have_equal_pages(lost_update):
    assert space_time.html(lost_update) == space_time.html(lost_update)
