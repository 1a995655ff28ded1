"""Whom a flood leaves no room, said before anything that was sent is read or rendered.

What costs little to refuse cannot be used to wear the process out: BUSY comes from memory alone.
"""

from __future__ import annotations

from override.citizen.office import Office


class Crowd:
    """Asks an office's memory, without its lock: also while a group of flags is being written."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def full_s(self, signal: str, nonce: bytes, source: str) -> int:
        """Seconds until a flag may be heard there; 0 = hand it in.

        It is 0 wherever something else than BUSY might be said: to a flag that was taken already,
        or for a signal that nobody knows.
        """
        office = self._office
        found = office.dealing.directory.find(signal)
        if found is None or nonce in office.recent:
            return 0
        place = (found.junction.name, found.junction.district)
        return office.dealing.admission.full_s(*place, source, office.clock()[0])
