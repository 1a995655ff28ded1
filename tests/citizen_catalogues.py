"""Which sentences the citizen is told, found in the code itself; `python -m tests.citizen_catalogues` puts
new ones into every catalogue, empty, for a translator, and takes out those nobody says any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from override.citizen.commands import policy_view
from override.citizen.inventory import inventory
from override.citizen.language import _LOCALES, CATALOGUES, TAGS
from override.citizen.phrases import PHRASES
from tests.conftest import ROOT

BEGUN = datetime(2026, 11, 22, tzinfo=UTC)
"""A date that does not change, so that the same sentences are the same file."""
TRANSLATED = tuple(tag for tag in TAGS if tag != "en")
CITIZEN = ROOT / "override" / "citizen"
OWN_WORDS = ("kinds", "sentences", "decisions", "texts", "open311", "pole_sheet")
"""Files of `override/citizen` besides those of `web/` that speak."""
KEYWORDS = {"say": None, "say_count": (1, 2), "words": None}


def said() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Each sentence, or the two forms of one with a number, and the file that says it."""
    files = [path for name in OWN_WORDS if (path := CITIZEN / f"{name}.py").exists()]
    for path in (*files, *sorted((CITIZEN / "web").glob("*.py"))):
        for _, message, _, _ in extract_from_file("python", path, keywords=KEYWORDS):
            yield message, path.relative_to(ROOT).as_posix()
    for path in sorted((CITIZEN / "web" / "templates").glob("*.html")):
        options = {"silent": "false", "trimmed": "true"}
        for _, message, _, _ in extract_from_file(
            "jinja2.ext:babel_extract", path, keywords=KEYWORDS, options=options
        ):
            yield message, path.relative_to(ROOT).as_posix()
    for english in PHRASES.values():
        yield english, "override/citizen/phrases.py"
    for english in table_words():
        yield english, "override/citizen/inventory.py"


def table_words() -> Iterator[str]:
    """What the data inventory and the rules say, in the order of their pages."""
    found = [word for r in inventory() for word in (r.what, r.why, r.kept, r.readers, r.where)]
    found += [name for name, _ in policy_view(None, "", "").rows]
    yield from dict.fromkeys(found)


def placeholders(sentence: str) -> set[str]:
    """Names in braces; `{minutes_text}` is `{minutes}` with its unit."""
    return {name.removesuffix("_text") for name in re.findall(r"{(\w+)}", sentence)}


def catalogue(tag: str) -> Catalog:
    """One language's, as it lies there; empty when there is none yet."""
    path = CATALOGUES / f"{tag}.po"
    if not path.exists():
        return Catalog(locale=Locale.parse(_LOCALES.get(tag, tag)), charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=_LOCALES.get(tag, tag))


def update(tag: str) -> int:
    """Write the catalogue anew; how many sentences are still without a translation."""
    locale = Locale.parse(_LOCALES.get(tag, tag))
    old, new = catalogue(tag), Catalog(locale=locale, charset="utf-8", fuzzy=False)
    new.header_comment = f"# {Locale.parse('en').languages[tag]} for the citizen's page and text messages."
    new.creation_date = new.revision_date = BEGUN
    for message, place in said():
        key = message[0] if isinstance(message, tuple) else message
        known = old.get(key)
        new.add(message, known.string if known else None, locations=[(place, None)])
    write(tag, new)
    return sum(not all(m.string if isinstance(m.string, tuple) else (m.string,)) for m in new if m.id)


def write(tag: str, written: Catalog) -> None:
    """Put a catalogue where it belongs; the same sentences are the same bytes."""
    with (CATALOGUES / f"{tag}.po").open("wb") as file:
        write_po(file, written, width=110, include_lineno=False)


if __name__ == "__main__":
    for missing_in in TRANSLATED:
        print(f"{missing_in}: {update(missing_in)} sentences without a translation")
