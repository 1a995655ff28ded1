"""Bringing a version onto the street: checked, agreed to, recorded, then taken up; else taken back.

What is wanted is in the file, what is so the engine says; whenever they differ the engine is told again,
so that gateway and engine may die at any moment. A version is in force when the engine has proved it at
every junction and the file says so, and not before: who starts anew until then starts with the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace

import msgpack  # type: ignore[import-untyped]

from controller.junction import StreetNetwork
from controller.policy import Policy, policy_to_text
from controller.street_file import street_to_text
from override.adopting import Stand, Verb, pack_verb, stand_of
from override.audit import Entry
from override.deploy_messages import (
    CONTENT_BYTES_MAX,
    VERSIONS_PER_PAGE,
    DeployAction,
    DeployRequest,
    StreetFile,
    StreetRequest,
    VersionPart,
    Versions,
    VersionsRequest,
    VersionState,
    VersionView,
    Way,
)
from override.engine import Line
from override.refused import Refused
from override.ruling import Person, Ruling
from override.storage import Change, Storage
from override.street_change import ChangeRefused
from override.version import Version, moved, pack_content, version_of
from override.version_book import VersionBook, name_of
from override.version_check import CHECK, Installation, answer_check, change_of, street_digest

ASK_MS = 1_000
"""The engine is asked again so often while it stands otherwise than it should."""
MEET_MS = 3_000
"""A gateway that has just started waits so long for an engine that takes a version up to say so."""
CHECK_MS = 120_000
FLASH_LIMIT_MS = 180_000
"""After a flash every junction must have come back, and have shown a whole stage, within this time."""
JUNCTIONS_TOLD = 64
UPLOADS_MAX = 8
BeginAnew = Callable[[int, bool], None]
"""Engine and monitor begin with this version when they start next; True = now, through flash."""


Foresee = Callable[[int, tuple[str, ...], Callable[[str], None]], None]


class Uploads:
    """What has come of proposals that are not made yet: one of each person, a few people at a time."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[bytes, int, dict[int, bytes]]] = {}

    def take(self, part: VersionPart, name: str) -> bool:
        """Another part; one of another proposal of the same person takes the place of the last."""
        digest, parts, have = self._parts.get(name, (b"", 0, {}))
        if (digest, parts) != (part.digest, part.parts):
            if name not in self._parts and len(self._parts) >= UPLOADS_MAX:
                self._parts.pop(next(iter(self._parts)))
            have = {}
        if part.part >= part.parts:
            return False
        have[part.part] = part.data
        self._parts[name] = (part.digest, part.parts, have)
        return True

    def whole(self, name: str, digest: bytes) -> bytes:
        """What has come of this digest, if it is all; then it is kept no longer."""
        known, parts, have = self._parts.get(name, (b"", 0, {}))
        if known != digest or len(have) != parts:
            return b""
        del self._parts[name]
        return b"".join(have[k] for k in range(parts))


class Deploying:
    """The versions of one gateway. `in_force` is told which one is; none comes into force on a full disk."""

    def __init__(
        self,
        installation: Installation,
        storage: Storage,
        public: Callable[[str], bytes | None],
        keep: Callable[[Change], None],
        alarm: Callable[[str], None],
        note: Callable[[str], None],
        engine: Line,
        forecaster: Line | None,
        begin_anew: BeginAnew,
        in_force: Callable[[int], None],
        disk_is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        self.installation = installation
        self.book = VersionBook(map(version_of, storage.versions()), public)
        self.stand: Stand | None = None
        self.forecast: Foresee = lambda number, junctions, then: None
        """Tells in words what a version would do to people at these junctions, sooner or later."""
        self.restaging: Callable[[Mapping[str, str]], None] = lambda junctions: None
        """Told at which junctions stages are being changed now, each with the reason in words."""
        self._uploads = Uploads()
        self._built: tuple[int, StreetNetwork, Policy] | None = None
        self._storage, self._keep, self._alarm, self._note = storage, keep, alarm, note
        self._engine, self._forecaster = engine, forecaster
        self._begin_anew, self._in_force, self._disk_is_full = begin_anew, in_force, disk_is_full
        self._asked_ms = self._check_asked_ms = -(1 << 60)
        self._anew_ms = -(1 << 60)
        self._checking = 0
        self._since_ms = -1
        """Since when the one under way is; -1 = it is not yet."""
        self._met = False
        """The engine has been seen to take it up."""
        self._weights_of: tuple[int, tuple[str, ...]] = (-1, ())

    def start(self, now_ms: int, wall_ms: int) -> None:
        """Take up what the file says. A version that was being taken up is looked for in the engine first."""
        new = self.book.begin(street_digest(self.installation.street), wall_ms)
        if new:
            again = bool(self.book.versions)
            self._move(new, now_ms, wall_ms, contents={new[-1].number: b""})
            if again:
                self._alarm(f"started with another street: {name_of(new[-1])} is its baseline")
        if (version := self.book.adopting) is not None:
            self._since_ms, self._met = now_ms, True
            self._tell_restaging(version)
            self._note(f"{name_of(version)} was being taken up when the gateway stopped")
        self._begin_anew(self.book.in_force.number, False)
        if self.book.in_force.base:
            self._in_force(self.book.in_force.number)

    # --- people ----------------------------------------------------------------------------

    def rule(self, request: DeployRequest, who: Person, wall_ms: int) -> Ruling:
        """Decide on a request. Raises Refused."""
        content = self._uploads.whole(who.name, request.digest)
        if request.action is not DeployAction.PROPOSE:
            content = b""
        ruling = self.book.rule(request, who, wall_ms, self._storage.coming_text_id, content)
        if request.break_glass:
            return replace(ruling, alarms=(f"{who.name}: {request.action}, glass broken",))
        return ruling

    def take_part(self, part: VersionPart, name: str) -> bool:
        """Part of what somebody will propose; False = there is no room for it."""
        return self._uploads.take(part, name)

    def settled(self, request: DeployRequest, ruling: Ruling, now_ms: int) -> None:
        """A request has been stored: now it acts."""
        self.book.take(version for version, _ in ruling.deployed)
        for version, _ in ruling.deployed:
            self._note(f"{name_of(version)}: {request.action} by {request.issuer}")
            if version.state is VersionState.ADOPTING:
                self._begin(version, now_ms)

    def told(self, request: VersionsRequest) -> Versions:
        """What somebody asked to know."""
        found = [v for v in self.book.versions.values() if request.number in (0, v.number)]
        latest = sorted(found, key=lambda v: -v.number)[:VERSIONS_PER_PAGE]
        views = tuple(self._view(version, bool(request.number)) for version in latest)
        return Versions(self.book.in_force.number, views, request.header.nonce, self._weights())

    def _weights(self) -> tuple[str, ...]:
        """Of the policy in force; made once for each version that comes into force."""
        number = self.book.in_force.number
        if number != self._weights_of[0]:
            try:
                policy = self.installation.builder().build(number)[1]
                told = tuple(f"{one.name}={getattr(policy, one.name):g}" for one in fields(policy))
            except (ChangeRefused, KeyError):
                told = ()
            self._weights_of = (number, told)
        return self._weights_of[1]

    def street(self, request: StreetRequest) -> StreetFile:
        """Some junctions as they are in force. Raises Refused."""
        number = self.book.in_force.number
        if self._built is None or self._built[0] != number:
            self._built = (number, *self.installation.builder().build(number))
        _, street, policy = self._built
        known = {name: j for j in street.junctions for name in (j.name, j.title)}
        if stranger := next((name for name in request.junctions if name not in known), None):
            raise Refused("arguments", f"no junction {stranger}")
        here = tuple(dict.fromkeys(known[name] for name in request.junctions))
        text = street_to_text(replace(street, junctions=here, links=(), assumptions=())) if here else ""
        content, _ = pack_content(text, policy_to_text(policy))
        if len(content) > CONTENT_BYTES_MAX:
            raise Refused("size", "these are too many junctions for one file; ask for fewer")
        return StreetFile(number, content, request.header.nonce)

    def _view(self, v: Version, whole: bool) -> VersionView:
        text = self._storage.text(v.text_id) if v.text_id else None
        adopted, why, stand = 0, v.why, self.stand
        if v.state is VersionState.ADOPTING and stand is not None and stand.target == v.number:
            adopted = stand.adopted
            why = why or ": ".join(word for word in (stand.phase, stand.why) if word)
        second = "glass broken" if v.glass else v.second
        return VersionView(
            v.number, v.digest, v.state, v.way, v.base, v.proposer, second, v.wall_ms, v.returns_to,
            len(v.junctions), adopted, text[1] if text else "", why[:400], v.words if whole else (),
            v.forecast,
        )  # fmt: skip

    # --- engine, forecaster, time ------------------------------------------------------------

    def hears(self, message: bytes) -> bool:
        """Whether a message of the engine was meant for us."""
        if (stand := stand_of(message)) is None:
            return False
        self.stand = stand
        return True

    def hears_forecaster(self, message: bytes, now_ms: int, wall_ms: int) -> bool:
        """Whether a message of the forecaster was meant for us."""
        if message[:1] != CHECK:
            return False
        self._take_check(message, now_ms, wall_ms)
        return True

    def turn(self, now_ms: int, wall_ms: int) -> None:
        """Go on with what is under way."""
        self._check_next(now_ms, wall_ms)
        version, stand = self.book.adopting, self.stand
        if version is not None:
            self._follow(version, now_ms, wall_ms)
        elif stand is not None and (stand.target or stand.runs != self.book.in_force.number):
            self._bring_home(stand, now_ms)

    def _bring_home(self, stand: Stand, now_ms: int) -> None:
        """Whatever happened meanwhile, the street comes to what the file says."""
        force, runs = self.book.in_force, self.book.versions.get(stand.runs)
        if stand.target and stand.target != force.number:
            self._ask(Verb.LEAVE, stand.target, now_ms)
        elif stand.target:
            if stand.phase == "done":
                self._ask(Verb.SETTLE, stand.target, now_ms)
        elif stand.failed == force.number or Way.FLASH in (force.way, runs.way if runs else Way.FLASH):
            if now_ms - self._anew_ms > FLASH_LIMIT_MS:
                self._anew_ms = now_ms
                self._begin_anew(force.number, True)
        else:
            self._ask(Verb.TAKE, force.number, now_ms)

    def _follow(self, version: Version, now_ms: int, wall_ms: int) -> None:
        stand = self.stand
        if self._since_ms < 0:
            self._begin(version, now_ms)
        if version.way is Way.FLASH:
            self._follow_flash(version, now_ms, wall_ms)
        elif stand is None:
            return
        elif stand.runs == version.number or (stand.target == version.number and stand.phase == "done"):
            self._into_force(version, now_ms, wall_ms)
        elif stand.failed == version.number:
            self._returned(version, stand.why, now_ms, wall_ms)
        elif stand.target == version.number:
            self._met = True
        elif self._met:
            if now_ms - self._since_ms > MEET_MS:
                self._returned(version, "the engine was started anew in the middle of it", now_ms, wall_ms)
        else:
            self._ask(Verb.TAKE, version.number, now_ms)

    def _follow_flash(self, version: Version, now_ms: int, wall_ms: int) -> None:
        stand = self.stand
        if stand is not None and stand.runs == version.number and stand.begun:
            self._into_force(version, now_ms, wall_ms)
        elif stand is not None and self._met and stand.runs == self.book.in_force.number:
            self._returned(version, "the station was started anew in the middle of it", now_ms, wall_ms)
        elif now_ms - self._since_ms > FLASH_LIMIT_MS:
            self._returned(version, "its lamps have not proved it after the flash", now_ms, wall_ms)
            self.stand, self._anew_ms = None, now_ms
            self._begin_anew(self.book.in_force.number, True)

    def _begin(self, version: Version, now_ms: int) -> None:
        self._since_ms, self._met = now_ms, False
        self._tell_restaging(version)
        if version.way is Way.FLASH:
            self.stand = None
            self._begin_anew(version.number, True)
        else:
            self._ask(Verb.TAKE, version.number, now_ms)

    def _into_force(self, version: Version, now_ms: int, wall_ms: int) -> None:
        if self._disk_is_full():
            return  # it stays as it is until it can be recorded
        before, after = self.book.came_into_force(version)
        self._move((before, after), now_ms, wall_ms)
        self._since_ms = -1
        self.restaging({})
        self._engine.send(pack_verb(Verb.SETTLE, version.number))
        self._begin_anew(version.number, False)
        self._in_force(version.number)
        self._note(f"{name_of(version)} is in force, at {len(version.junctions)} junctions")

    def _tell_restaging(self, version: Version) -> None:
        why = f"its stages are being changed by {name_of(version)}"
        self.restaging(dict.fromkeys(version.restaged, why))

    def _returned(self, version: Version, why: str, now_ms: int, wall_ms: int) -> None:
        self._move((moved(version, VersionState.RETURNED, why),), now_ms, wall_ms)
        self._since_ms = -1
        self.restaging({})
        self._alarm(f"{name_of(version)} was taken back, {name_of(self.book.in_force)} is in force: {why}")

    def _ask(self, verb: Verb, number: int, now_ms: int) -> None:
        if now_ms - self._asked_ms >= ASK_MS:
            self._asked_ms = now_ms
            self._engine.send(pack_verb(verb, number))

    # --- checks ------------------------------------------------------------------------------

    def _check_next(self, now_ms: int, wall_ms: int) -> None:
        waiting = [v for v in self.book.versions.values() if v.state is VersionState.CHECKING]
        if not waiting or (self._checking == waiting[0].number and now_ms - self._check_asked_ms < CHECK_MS):
            return
        self._checking, self._check_asked_ms = waiting[0].number, now_ms
        question = CHECK + msgpack.packb(self._checking)
        if self._forecaster is None or not self._forecaster.send(question):
            self._take_check(answer_check(self.installation, question), now_ms, wall_ms)

    def _take_check(self, message: bytes, now_ms: int, wall_ms: int) -> None:
        number, change, why = change_of(message)
        version = self.book.versions.get(number)
        if version is None or version.state is not VersionState.CHECKING:
            return
        self._checking = 0
        if change is None:
            new = moved(version, VersionState.REFUSED, why)
        else:
            new = self.book.checked(
                replace(version, **{f.name: getattr(change, f.name) for f in fields(change)})
            )
        self._move((new,), now_ms, wall_ms)
        if new.state is VersionState.ADOPTING:
            self._begin(new, now_ms)
        elif new.state is VersionState.PROPOSED:
            self.forecast(number, new.junctions, lambda words: self._foreseen(number, words))

    def _foreseen(self, number: int, words: str) -> None:
        """A forecast has come. It is no step of the version, so that the audit's chain has no link for it."""
        version = replace(self.book.versions[number], forecast=words[:400])
        self._keep(Change(versions=((number, version.packed(), None),)))
        self.book.take((version,))

    def _move(
        self,
        versions: tuple[Version, ...],
        now_ms: int,
        wall_ms: int,
        contents: dict[int, bytes] | None = None,
    ) -> None:
        """Store first, then it is so."""
        contents = contents or {}
        rows = tuple((v.number, v.packed(), contents.get(v.number)) for v in versions)
        entries = []
        for v in versions:
            before = self.book.versions.get(v.number)
            entries.append(
                Entry(
                    now_ms,
                    wall_ms,
                    "station",
                    "version",
                    str(v.way),
                    name_of(v),
                    v.why or str(v.state),
                    v.junctions[:JUNCTIONS_TOLD],
                    v.second,
                    v.digest,
                    str(before.state) if before else "",
                    str(v.state),
                )
            )
        self._keep(Change(entries=tuple(entries), versions=rows))
        self.book.take(versions)
