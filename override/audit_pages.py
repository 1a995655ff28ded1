"""Pages of the audit for consoles: the latest entries first, with the chain between them checked."""

from __future__ import annotations

from override.audit import GENESIS, Entry, entry_of, link
from override.requests import AuditRequest
from override.roles import Role
from override.storage import Storage
from override.street_layout import by_bytes
from override.views import AuditPage, AuditRow

READERS = frozenset({Role.AUDITOR, Role.SUPERVISOR})
PAGE = 100
LOOKED_AT_MAX = 5_000
"""Records gone through for one page of an order: an older one is asked for by its number."""


def audit_page(storage: Storage, request: AuditRequest) -> AuditPage:
    """Entries below `before` (0 = the latest), of one order if one is named."""
    rows: list[AuditRow] = []
    holds = True
    links: list[tuple[bytes, bytes]] = []
    last = request.before - 1 if request.before else storage.audit_index
    for number, record, stored in storage.chain_back(last, LOOKED_AT_MAX):
        if len(rows) == PAGE:
            break
        links.append((record, stored))
        entry = entry_of(record)
        if request.order in ("", entry.order):
            rows.append(_row(number, entry, _text(storage, entry)))
        first = number
    if links:
        before = storage.link_of(first - 1) if first > 1 else GENESIS
        for record, stored in reversed(links):
            before = link(before, record)
            holds = holds and before == stored
            before = stored
    fitting = next(by_bytes(rows, rows_max=PAGE), ())
    return AuditPage(request.header.nonce, fitting, holds)


def _row(number: int, entry: Entry, words: str) -> AuditRow:
    change = f"{entry.before} to {entry.after}" if entry.after and entry.before else entry.after
    parts = (", ".join(entry.junctions[:4]), change, entry.result, entry.cosigner, words)
    return AuditRow(
        number,
        entry.wall_ms,
        entry.actor[:64],
        f"{entry.kind} {entry.what}"[:200],
        entry.order[:64],
        " · ".join(part for part in parts if part)[:400],
    )


def _text(storage: Storage, entry: Entry) -> str:
    """Its free text, unless it was erased."""
    if not entry.text_id:
        return ""
    found = storage.text(entry.text_id)
    return found[1] if found else "(text erased)"
