"""What `mkdocs.yml` can't say: pages from outside of `docs`, and diagrams that need no script and no network.

MkDocs calls the functions by their names.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import mermaidx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[1]
_FROM_OUTSIDE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
}
_FROM_ELSEWHERE = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=["']?https?:[^>]*>""")
# `low_s, high_s: ...` in a docstring describes two arguments at once; mkdocstrings takes the second one for a type.
_TOGETHER = re.compile(
    r"(<b><code>)(?:<span[^>]*>)?(\w+,)(?:</span>)?(</code></b>)\s*\(<code>(.*?)</code>\)", re.DOTALL
)
_TAGS = re.compile(r"<[^>]*>|[()]")
_LINK = re.compile(r"(?<=\]\()([\w./-]+\.md)(?=[#)])")


def on_config(config: MkDocsConfig) -> None:
    """Draw diagrams while building: a browser would load Mermaid from the network."""
    fence = {"name": "mermaid", "class": "mermaid", "format": _picture}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}


def _picture(source: str, *_: Any, **__: Any) -> str:
    svg = mermaidx.render(source).svg()
    image = base64.b64encode(svg.encode() if isinstance(svg, str) else svg).decode()
    return f'<img style="background: white" alt="{escape(source)}" src="data:image/svg+xml;base64,{image}">'


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that stand outside."""
    for file, page in _FROM_OUTSIDE.items():
        text = _relinked((_ROOT / file).read_text(), Path(file).parent)
        files.append(File.generated(config, page, content=text))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links out of `docs` lead to those pages."""
    return markdown if page.file.generated_by else _relinked(markdown, Path("docs", page.file.src_uri).parent)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Name arguments together that are described together; refuse what a browser would load from the network."""
    output = _TOGETHER.sub(lambda found: f"{found[1]}{found[2]} {_TAGS.sub('', found[4])}{found[3]}", output)
    if found := _FROM_ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} loads something from elsewhere: {found[0]}")
    return output


def _relinked(text: str, folder: Path) -> str:
    """A text of a file in a folder of the repository, whose links are those of a page at the top of the site."""
    return _LINK.sub(_within(folder), text)


def _within(folder: Path) -> Callable[[re.Match[str]], str]:
    def linked(link: re.Match[str]) -> str:
        place = (_ROOT / folder / link[1]).resolve().relative_to(_ROOT).as_posix()
        if place in _FROM_OUTSIDE:
            return "../" * (len(folder.parts) - 1) + _FROM_OUTSIDE[place]
        return link[1] if folder.parts[:1] == ("docs",) else place.removeprefix("docs/")

    return linked
