"""The versions of one installation as the gateway keeps them, and what people may ask about them. Pure.

Exactly one is in force. A proposal is checked, then waits for a second person; the version it was made
from must still be in force when he agrees. Nothing here acts: it gives new records, which are stored first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256

from override.deploy_messages import DeployAction, DeployRequest, VersionState
from override.refused import Refused
from override.roles import Command, Role, Slot, may_approve, permission
from override.ruling import Person, Ruling
from override.version import BASELINE, STATION, Version, is_signed, moved
from override.views import Outcome

GOOD_FOR_MS = 86_400_000
"""A second person reads before he agrees, and may sleep over it: a proposal waits for a day, not a minute."""
OPEN_MAX = 8
OPEN = frozenset({VersionState.CHECKING, VersionState.PROPOSED})


class VersionBook:
    """All versions, by number. `public` gives the key by which somebody signs; None = nobody of that name."""

    def __init__(self, versions: Iterable[Version], public: Callable[[str], bytes | None]) -> None:
        self.versions = {version.number: version for version in versions}
        self._public = public

    @property
    def in_force(self) -> Version:
        """The one in force."""
        return next(v for v in self.versions.values() if v.state is VersionState.IN_FORCE)

    @property
    def adopting(self) -> Version | None:
        """The one that is being taken up."""
        return next((v for v in self.versions.values() if v.state is VersionState.ADOPTING), None)

    @property
    def baseline(self) -> Version:
        """The one this installation began with: the latest made from none."""
        return max((v for v in self.versions.values() if not v.base), key=lambda v: v.number)

    def take(self, versions: Iterable[Version]) -> None:
        """They have been stored."""
        self.versions.update((version.number, version) for version in versions)

    def begin(self, digest: bytes, wall_ms: int) -> tuple[Version, ...]:
        """What must be stored when a station starts with a street of this digest; empty = nothing new.

        Another street than before is another installation: its baseline comes into force.
        """
        if self.versions and self.baseline.digest == digest:
            return ()
        number = max(self.versions, default=BASELINE - 1) + 1
        old = [
            moved(v, VersionState.FORMER if v.state is VersionState.IN_FORCE else VersionState.REFUSED,
                  "the station was started with another street")
            for v in self.versions.values()
            if v.state in OPEN | {VersionState.ADOPTING, VersionState.IN_FORCE}
        ]  # fmt: skip
        return (*old, Version(number, digest, VersionState.IN_FORCE, proposer=STATION, wall_ms=wall_ms))

    # --- what people ask -------------------------------------------------------------------

    def rule(
        self, request: DeployRequest, who: Person, wall_ms: int, text_id: int, content: bytes = b""
    ) -> Ruling:
        """Decide on a request; a proposal with its `content`. Raises Refused."""
        if request.action in (DeployAction.APPROVE, DeployAction.REFUSE):
            return self._second(request, who, wall_ms)
        self._may_propose(request, who)
        now = self.in_force
        if sum(v.state in OPEN for v in self.versions.values()) >= OPEN_MAX:
            raise Refused("rate", f"{OPEN_MAX} proposals are open; agree to them or refuse them first")
        if request.base != now.number:
            raise Refused("basis", f"you saw version {request.base} in force, it is {now.number}")
        version = Version(
            max(self.versions) + 1, request.digest, VersionState.CHECKING, base=now.number, proposer=who.name,
            signature=request.signature, glass=request.break_glass, wall_ms=wall_ms, text_id=text_id,
        )  # fmt: skip
        if request.action is DeployAction.PROPOSE:
            if not content or sha256(content).digest() != request.digest:
                raise Refused("arguments", "what is proposed has not come whole; propose it again")
        else:
            version = replace(version, returns_to=self._former(request))
        self._check_signature(who, version.digest, request.signature)
        return Ruling(
            Outcome.WAITING, name_of(version), "it is being checked", deployed=((version, content),)
        )

    def _may_propose(self, request: DeployRequest, who: Person) -> None:
        back = request.action is not DeployAction.PROPOSE
        if request.break_glass and not back:
            raise Refused("role", "glass is broken only to go back to a version that was in force")
        answer = permission(
            who.role, Command.CONFIGURE, Slot.SUPERVISOR, 1, 1, 0, break_glass=request.break_glass
        )
        if answer.refusal:
            raise Refused("role", answer.refusal)
        if not request.reason.strip():
            raise Refused("arguments", "another version needs a reason")

    def _former(self, request: DeployRequest) -> int:
        """The version to go back to."""
        now = self.in_force
        if request.action is DeployAction.BASELINE:
            number = self.baseline.number
        else:
            number = request.number or now.base
        found = self.versions.get(number)
        if found is None or found.state is not VersionState.FORMER or number < self.baseline.number:
            if number == now.number or not number:
                raise Refused("arguments", f"version {now.number} is in force, and nothing was before it")
            raise Refused("arguments", f"version {number} was never in force here")
        if found.digest != request.digest:
            raise Refused("arguments", f"the digest signed is not that of version {number}")
        return found.returns_to or number

    def _second(self, request: DeployRequest, who: Person, wall_ms: int) -> Ruling:
        version = self.versions.get(request.number)
        if version is None or version.state not in OPEN:
            raise Refused("order", f"no version {request.number} waits for a second person")
        if request.action is DeployAction.REFUSE:
            if not (who.name == version.proposer or may_approve(who.role, Command.CONFIGURE)):
                raise Refused("approval", f"a role of {who.role} says nothing about versions")
            refused = moved(version, VersionState.REFUSED, f"by {who.name}")
            return Ruling(Outcome.DONE, name_of(version), "refused", deployed=((refused, None),))
        if version.state is VersionState.CHECKING:
            raise Refused("approval", f"version {version.number} is still being checked")
        if who.name == version.proposer:
            raise Refused("approval", "the second person must be another one")
        if not may_approve(who.role, Command.CONFIGURE):
            raise Refused("approval", f"a role of {who.role} cannot agree to another version")
        if wall_ms - version.wall_ms > GOOD_FOR_MS:
            raise Refused("approval", "it was proposed more than a day ago; propose it anew")
        self._check_may_begin(version)
        self._check_signature(who, version.digest, request.signature)
        agreed = replace(version, second=who.name, second_signature=request.signature)
        return Ruling(
            Outcome.ACCEPTED, name_of(version), f"it is taken up {version.way}",
            deployed=((moved(agreed, VersionState.ADOPTING), None),),
        )  # fmt: skip

    def _check_may_begin(self, version: Version) -> None:
        if (now := self.in_force).number != version.base:
            raise Refused("basis", f"it was made from version {version.base}; now {now.number} is in force")
        if (other := self.adopting) is not None:
            raise Refused("taken", f"version {other.number} is being taken up; wait until it has ended")

    def _check_signature(self, who: Person, digest: bytes, signature: bytes) -> None:
        public = self._public(who.name)
        if public is None or not is_signed(public, digest, signature):
            raise Refused("signature", "the version itself is not signed by the sender's key")

    # --- what the station finds --------------------------------------------------------------

    def checked(self, version: Version) -> Version:
        """A version that was found good: it waits, or begins where glass was broken."""
        if not version.glass:
            return moved(version, VersionState.PROPOSED)
        try:
            self._check_may_begin(version)
        except Refused as refused:
            return moved(version, VersionState.REFUSED, refused.why)
        return moved(version, VersionState.ADOPTING)

    def came_into_force(self, version: Version) -> tuple[Version, Version]:
        """The street has it: what was before is kept."""
        return moved(self.in_force, VersionState.FORMER), moved(version, VersionState.IN_FORCE)


def name_of(version: Version) -> str:
    """How a version is called in replies and the audit."""
    return f"version-{version.number}"


def may_look(role: Role) -> bool:
    """Who may see versions: everybody but the citizens' process."""
    return role is not Role.CITIZEN_GATEWAY
