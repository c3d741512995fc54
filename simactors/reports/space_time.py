"""A failing run as one HTML file that needs nothing else: who sent what to whom, step by step, and what decided.

Rows are words on the left and a slice of the picture on the right, in one table: whoever can't see the picture reads
the table. The picture itself is `picture.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib import resources

from simactors.exploration.story import Story
from simactors.reports import phrases
from simactors.reports.picture import Picture, Row, laid_out

_TOGETHER = 12  # rows that are not torn apart when the page is printed
_MOST_IN_FULL = 5000  # events; browsers become slow with more
_WORDS_WIDTH = 492  # of both columns of words
_MARGINS = 100
_WIDEST = 1680  # the page, however wide the window
_PAPER = 1020  # between the margins of a sheet on its side
_ROOMY = 80  # lanes nearer to each other have smaller heads
_HEADS = ("request", "reply", "bad", "late")


def html(story: Story, *, title: str = "A failing run", command: str = "", plan: Sequence[str] = ()) -> str:
    """The page.

    Args:
        command: what replays the run; empty if nothing does.
        plan: how to make it happen, one step a line.
    """
    unit = phrases.unit(story)
    folded = story.is_folded
    in_full = folded and len(story.events) <= _MOST_IN_FULL
    switch = _switch(story) if in_full else ""
    shown = [_diagram(story, unit, everything=False, name="short")]
    if in_full:
        shown.append(_diagram(story, unit, everything=True, name="everything"))
    traceback = story.ending.traceback
    page = "\n".join(
        [
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>\n{_file('space_time.css')}{_fitting(story)}</style>\n</head>\n<body>",
            f'<h1>{escape(title)}</h1>\n<p class="size">{escape(phrases.size(story, unit))}</p>',
            _ending(story),
            f'<div class="lead">{_decided(story, unit)}{_plan(plan)}{_replay(command)}</div>',
            f"<h2>What happened</h2>\n{switch}",
            f'<div class="tools">{_views(story) if in_full else ""}{_legend()}</div>',
            *shown,
            f'<h2>Traceback</h2>\n<pre class="traceback">{escape(traceback)}</pre>' if traceback else "",
            "<footer>Rows are in the order in which things happened, one below the other; "
            "distances say nothing about time.</footer>",
            '<div id="about" aria-live="polite" hidden></div>',
            _arrowheads(),
            f'<script type="application/json" id="causes">{json.dumps(story.hops.causes)}</script>',
            f"<script>\n{_file('space_time.js')}</script>\n</body>\n</html>\n",
        ]
    )
    return page.encode("utf-8", "backslashreplace").decode()  # a message may hold what no file can


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _fitting(story: Story) -> str:
    """A diagram that is wider than the window scrolls in a frame of its own; one wider than paper is made smaller."""
    rules = []
    for name, everything in (("short", False), ("everything", True)):
        width = Picture(story, laid_out(story, everything=everything)).width + _WORDS_WIDTH + _MARGINS
        window = f" and (max-width: {width}px)" if width < _WIDEST else ""
        framed = "{ min-width: 0; overflow: auto; max-height: 92vh; }"
        rules.append(f"@media screen{window} {{ .{name}.diagram {framed} }}\n")
        smaller = min(1.0, _PAPER / (width - _MARGINS))
        rules.append(f"@media print {{ .{name}.diagram {{ zoom: {smaller:.3f}; }} }}\n")
    return "".join(rules)


def _ending(story: Story) -> str:
    ending = story.ending
    message = (ending.message or "").strip()
    text = f"<b>{escape(ending.kind or ending.outcome)}</b>{escape(': ' + message) if message else ''}"
    return f'<div class="ending mono {escape(ending.outcome)}">{text}</div>'


def _decided(story: Story, unit: str) -> str:
    if story.decisive is None or story.decided_at is None:
        return ""
    event = story.events[story.decided_at]
    lane = story.lanes[event.lane]
    step = f"{lane.title} {phrases.numbered(event)}, at {phrases.clock(event.time_ns, unit)} {unit}"
    return (
        '<section class="card decided"><h2>The step that decided</h2>'
        f'<p><a href="#" data-go="{event.number}">{escape(step)}</a></p>{_chances(story)}</section>'
    )


def _chances(story: Story) -> str:
    """The measured probabilities, as bars and as words."""
    assert story.decisive is not None
    cells = []
    for word, share in (("before", story.decisive.before), ("after", story.decisive.after)):
        bar = f'<i style="background-size:{share * 100:.1f}% 100%"></i>'
        cells.append(f"<span>{word}</span>{bar}<span>{phrases.percent(share)} of continuations fail</span>")
    return f'<div class="chances">{"".join(cells)}</div>'


def _plan(plan: Sequence[str]) -> str:
    if not plan:
        return ""
    steps = "".join(f"<li>{escape(line)}</li>" for line in plan)
    return f'<section class="card"><h2>How to make it happen</h2><ol>{steps}</ol></section>'


def _replay(command: str) -> str:
    if not command:
        return ""
    return (
        '<section class="card"><h2>To see exactly this run again</h2><div class="replay">'
        f'<pre id="command">{escape(command)}</pre><button type="button" id="copy">Copy</button></div></section>'
    )


def _switch(story: Story) -> str:
    return (
        '<input class="view" type="radio" name="view" id="view-short" checked>'
        '<input class="view" type="radio" name="view" id="view-all">'
    )


def _views(story: Story) -> str:
    shown = sum(1 for row in laid_out(story, everything=False) if row.event is not None)
    return (
        f'<span class="views"><label for="view-short">What matters ({shown})</label>'
        f'<label for="view-all">Everything ({len(story.events)})</label></span>'
    )


def _legend() -> str:
    line = '<svg width="30" height="8"><path class="m {}" d="M0 4H24"/></svg>'
    bar = '<svg width="10" height="16"><rect class="bar" x=".5" y=".5" width="9" height="15" rx="2"/></svg>'
    wait = '<svg width="10" height="16"><path class="waits" d="M5 0V16"/></svg>'
    fault = '<svg width="18" height="16"><path class="dot fault" d="M9 0l8.5 15.5h-17z"/></svg>'
    items = [
        (line.format("request"), "request"),
        (line.format("reply"), "reply"),
        (line.format("reply failed"), "failed or lost"),
        (line.format("noted"), "delayed"),
        (bar, "runs"),
        (wait, "waits"),
        (fault, "fault"),
    ]
    return f'<span class="legend">{"".join(f"<span>{drawn}{word}</span>" for drawn, word in items)}</span>'


def _arrowheads() -> str:
    markers = "".join(
        f'<marker id="to-{name}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5L9.5 5L0 9.5z" '
        f'style="fill:var(--{name})"/></marker>'
        for name in _HEADS
    )
    return (
        f'<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>{markers}</defs></svg>'
    )


def _diagram(story: Story, unit: str, *, everything: bool, name: str) -> str:
    rows = laid_out(story, everything=everything)
    picture = Picture(story, rows)
    hidden = len(story.lanes) - len(picture.lanes)
    left_out = f"; {phrases.count(hidden, 'process')} with no step here left out" if hidden else ""
    bodies = [
        _body(story, unit, rows[at : at + _TOGETHER], picture, rows[at - 1] if at else None)
        for at in range(0, len(rows), _TOGETHER)
    ]
    return (
        f'<div class="diagram {name} {escape(story.ending.outcome)}" style="--picture:{picture.width}px"><table>'
        f'<colgroup><col class="time"><col class="step"><col></colgroup>'
        f'<thead><tr><th scope="col">{unit}</th><th scope="col">step{left_out}</th>'
        f'<th scope="col">{_heads(story, picture)}</th></tr></thead>{"".join(bodies)}</table></div>'
    )


def _heads(story: Story, picture: Picture) -> str:
    heads = []
    for at in picture.lanes:
        lane = story.lanes[at]
        small = f"<small>{escape(lane.process)}</small>" if lane.name else ""
        heads.append(
            f'<div style="width:{picture.step}px" title="{escape(lane.title)}">'
            f"<b>{escape(lane.name or lane.process)}</b>{small}</div>"
        )
    narrow = " narrow" if picture.step < _ROOMY else ""
    return f'<div class="heads{narrow}">{"".join(heads)}</div>'


def _body(story: Story, unit: str, rows: Sequence[Row], picture: Picture, before: Row | None) -> str:
    lines = []
    for at, row in enumerate(rows):
        above = rows[at - 1] if at else before
        drawn = picture.slice(rows[0], rows[-1]) if at == 0 else ""
        cell = f'<td class="drawn" rowspan="{len(rows)}">{drawn}</td>' if at == 0 else ""
        lines.append(_line(story, unit, row, above, cell))
    return f"<tbody>{''.join(lines)}</tbody>"


def _line(story: Story, unit: str, row: Row, above: Row | None, drawn: str) -> str:
    height = f'style="height:{row.height}px" data-height="{row.height}"'
    if row.kind == "banner":
        text = f"<strong>▲ this step decided</strong>{_chances(story)}"
        return f'<tr class="banner" {height}><td class="at"></td><td class="did">{text}</td>{drawn}</tr>'
    if row.kind == "end":
        text = escape(phrases.ended(story.ending))
        return f'<tr class="end" {height}><td class="at"></td><td class="did">{text}</td>{drawn}</tr>'
    if row.fold is not None:
        text = escape(row.fold.words)
        return f'<tr class="fold" {height}><td class="at"></td><td class="did" title="{text}">… {text}</td>{drawn}</tr>'
    event = row.event
    assert event is not None
    time = phrases.clock(event.time_ns, unit)
    same = above is not None and above.event is not None and phrases.clock(above.event.time_ns, unit) == time
    process = story.lanes[event.lane].process
    words = f"{process} {phrases.numbered(event)}"
    said = phrases.numbered(event).removeprefix(event.words)
    note = f"<em>{escape(event.note)}</em>" if event.note else ""
    bad = " bad" if event.is_fault or event.kind in ("raise", "fail") else ""
    bad += " decisive" if event.number == story.decided_at else ""
    full = f"{time} {unit}: {words}" + (f" ({event.note})" if event.note else "")
    return (
        f'<tr class="event{bad}{" noted" if event.note else ""}" data-n="{event.number}" {height} '
        f'tabindex="{0 if above is None else -1}" data-words="{escape(full)}">'
        f'<td class="at mono">{"" if same else time}</td><td class="did" title="{escape(words)}">'
        f'<div class="line"><b>{escape(process)}</b><span class="words">{escape(event.words)}</span>'
        f"<i>{said.strip()}</i></div>{note}</td>{drawn}</tr>"
    )
