"""Pages of Markdown lead to each other, and all of them are pages of the site. `make docs` also checks anchors."""

from __future__ import annotations

import re

from tests.test_tidy import ROOT, files

# What `docs/hooks.py` adds to the pages that lie in docs/.
FROM_OUTSIDE = {"index.md", "architecture.md", "benchmarks.md", "changelog.md", "contributing.md"}
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def test_every_link_leads_to_a_file():
    lost = [
        f"{page}: {link}"
        for page in files(".md")
        for link in _LINK.findall((ROOT / page).read_text())
        if not (ROOT / page).parent.joinpath(link).exists()
    ]
    assert not lost, "there is no such file:\n  " + "\n  ".join(lost)


def test_every_page_is_in_the_menu_of_the_site():
    menu = re.findall(r"^ +- (?:[\w ]+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {page.removeprefix("docs/") for page in files(".md") if page.startswith("docs/")}
    assert sorted(set(menu)) == sorted(pages | FROM_OUTSIDE)
