"""What is wrong with a page for its readers, as far as its text tells."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}


class _Reader(HTMLParser):
    """Walks a page with the open elements on a stack."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.faults: list[str] = []
        self.ids: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self._judge(tag, told)
        if tag not in _VOID:
            self.open.append((tag, told))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._judge(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes what is not open")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if [tag for tag, _ in self.open][-2:] == ["head", "title"]:
            self.title += data

    def _judge(self, tag: str, told: dict[str, str]) -> None:
        self.seen[tag] += 1
        if "id" in told:
            self.ids[told["id"]] += 1
        frames = [of.get("class") == "scroll" and bool(of.get("aria-label")) for _, of in self.open]
        if tag in {"table", "svg"} and not any(frames):
            self.faults.append(f"{tag} stands in no named frame that scrolls")
        if tag == "svg" and not (told.get("role") == "img" and told.get("aria-label")):
            self.faults.append("picture without a text")
        if tag == "th" and "scope" not in told:
            self.faults.append("heading of a table that does not say of what")
        if tag in {"script", "link", "iframe", "img"}:
            self.faults.append(f"{tag} on a page that needs nothing from outside")
        for name in ("src", "href", "xlink:href", "srcset"):
            if name in told and not told[name].startswith("#"):
                self.faults.append(f"{name} leads outside: {told[name]}")


def find_page_faults(html: str) -> list[str]:
    """Return in words what a reader would stumble over; nothing when the page is sound."""
    reader = _Reader()
    reader.feed(html)
    faults = reader.faults + [f"{tag} never closes" for tag, _ in reader.open]
    faults += [f"id {name} stands {n} times" for name, n in reader.ids.items() if n > 1]
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', html))
    faults += [f"nothing has the id {name}" for name in sorted(used - set(reader.ids))]
    if '<html lang="' not in html or not reader.title.strip():
        faults.append("no language or no title")
    if 'name="viewport"' not in html or "prefers-color-scheme: dark" not in html:
        faults.append("not made for narrow screens, or not for dark ones")
    if reader.seen["h1"] != 1 or reader.seen["main"] != 1:
        faults.append("not one heading and one main part")
    return faults
