"""The citizen desk itself: takes flags from every channel, keeps them, deals with them, tells of them.

One thread writes: it collects the flags of some milliseconds, deals with them, commits them in one
transaction and only then answers; once a second it looks at every case. Everything else reads
memory under the same lock. The station is somebody else's affair (`link`), who brings what it says
and takes what is wished of it.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from override.bounds import BOOT_BYTES, NONCE_BYTES
from override.citizen.acts import act
from override.citizen.cases import WINDOW_MS, Case
from override.citizen.dealing import Dealing
from override.citizen.directory import Directory, Signal
from override.citizen.inbox import BATCH, INBOX, Answer, Done, Waiting
from override.citizen.inventory import inventory
from override.citizen.memory import recall
from override.citizen.pages import CasePage, InventoryRow, OpenData, PolicyView, SignalPage, SignalRow
from override.citizen.phrases import say
from override.citizen.presence import PoleCodes, Voice, voice
from override.citizen.reading import Heard, Reading, doing, rounded
from override.citizen.remedies import Wish
from override.citizen.store import KeptFlag, Store, StoreFull, Writing, hashed
from override.citizen.watching import Watch
from override.citizen.wording import BadWords, checked, refusal
from override.flag_messages import Channel, FlagActRequest, FlagReply, FlagRequest, FlagView
from override.layouts import StreetLayout
from override.poles import parted
from override.street_layout import PackedLayout

GROUP_MS = 15
"""Flags are collected so long before they are written together; with the disk's own time below 50 ms."""
LOOK_MS, RECORD_MS = 1_000, 5_000
TIDY_MS = 600_000
LISTENING_MS = 60_000
ANSWER_S = 5.0
ACTS_TOLD, RECENT = 100, 5_000
FULL_RETRY_S, AWAY_RETRY_S = 60, 10
WATCHED_MS = 10_000
Clock = Callable[[], tuple[int, int]]
"""(monotonic ms, wall ms)."""


class Office:
    """A `CitizenDesk` over one file. `start` it before flags come; `stop` it before the file is closed."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        policy: PolicyView,
        role_of: Callable[[str], str] = lambda name: name,
        codes: PoleCodes | None = None,
    ) -> None:
        self.store, self.codes = store, codes
        self.dealing = Dealing(store.cases())
        self.heard = Heard()
        self.reading = Reading(self.dealing, self.heard, policy, codes is not None)
        self.complaint = self.broken = ""
        self.commits = 0
        self.lock = threading.RLock()
        self.clock, self._role_of = clock, role_of
        self._inbox: deque[Waiting] = deque()
        self._stir = threading.Condition()
        self._over = False
        self._looked_ms = self._recorded_ms = self._tidied_ms = self._listened_ms = -(1 << 60)
        self._watched: dict[str, int] = {}
        self.recent: dict[bytes, str] = {}
        """Nonce: case, of the flags accepted last."""
        self._acts: dict[str, bool] = dict.fromkeys(store.acts(), True)
        """Nonces of what people did: whether it is on the disk."""
        self._worker = threading.Thread(target=self._run, name="citizen office", daemon=True)
        recall(store, self.dealing)
        self._watch = Watch(self.dealing)

    def start(self) -> None:
        """Begin to work."""
        self._worker.start()

    @property
    def alive(self) -> bool:
        """Whether somebody still deals with flags."""
        return self._worker.is_alive()

    def stop(self) -> None:
        """Finish what was begun."""
        with self._stir:
            self._over = True
            self._stir.notify()
        self._worker.join()

    # --- citizens ----------------------------------------------------------------------

    def signals(self) -> tuple[SignalRow, ...]:
        """Every crossing there is."""
        with self.lock:
            return self.reading.rows(self.clock()[1])

    def signal(self, name: str) -> SignalPage | None:
        """By code on the pole, or name or title of a junction."""
        now_ms, wall_ms = self.clock()
        with self.lock:
            signal = self.dealing.directory.find(name[:200])
            if signal is None:
                return None
            self._watched[signal.junction.name] = now_ms
            return self.reading.signal(signal, wall_ms)

    def flag(self, request: FlagRequest, source: str = "") -> FlagReply:
        """Take a flag, and wait until it is kept."""
        answered = threading.Event()
        replies: list[FlagReply] = []

        def done(reply: FlagReply) -> None:
            replies.append(reply)
            answered.set()

        self.submit(request, source, done)
        if answered.wait(ANSWER_S):
            return replies[0]
        return refusal(request.nonce, say("not-kept", retry_s=FULL_RETRY_S), FULL_RETRY_S)

    def submit(self, request: FlagRequest, source: str, done: Done) -> None:
        """As `flag`; `done` is called with the reply, at once or from the writing thread."""
        try:
            request = checked(request)
        except BadWords as bad:
            done(refusal(request.nonce, bad.why))
            return
        with self._stir:
            if not self._over and len(self._inbox) < INBOX:
                self._inbox.append(Waiting(request, source, done))
                self._stir.notify()
                return
        done(refusal(request.nonce, say("busy", retry_s=FULL_RETRY_S), FULL_RETRY_S))

    def still(self, token: str, source: str = "") -> FlagReply:
        """One tap: still broken."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        case = self.case(token)
        if case is None or not case.mine:
            return refusal(nonce, say("unknown-token"))
        signal = case.pole or case.junction
        return self.flag(FlagRequest(nonce, signal, case.kind, Channel.PAGE, still=token[:64]), source)

    def case(self, name: str) -> CasePage | None:
        """By token or by public id."""
        name = name.strip()[:64]
        found = "" if name[:1] == "C" else self.store.case_of(token=name.lower().replace("-", ""))
        with self.lock:
            case = self.dealing.cases.get(found or name)
            return self.reading.case(case, bool(found)) if case else None

    def status(self, nonce: bytes, token: str) -> FlagReply:
        """How the case of a flag stands, in few words."""
        found = self.store.case_of(token=token.strip().lower().replace("-", ""))
        with self.lock:
            if (case := self.dealing.cases.get(found)) is None:
                return refusal(nonce, say("unknown-token"))
            return self._reply(nonce, case, token, self.clock()[1])

    def cases(
        self, begin_wall_ms: int = 0, end_wall_ms: int = 1 << 62, limit: int = 1000
    ) -> tuple[CasePage, ...]:
        """Cases first reported in that time, latest first."""
        with self.lock:
            rows = [
                case for case in self.dealing.cases.values()
                if begin_wall_ms <= rounded(case.first_ms) < end_wall_ms
            ]  # fmt: skip
            rows.sort(key=lambda case: (case.first_ms, case.id), reverse=True)
            return tuple(self.reading.case(case) for case in rows[: max(0, limit)])

    def open_data(self) -> OpenData:
        """The public feed."""
        with self.lock:
            return self.reading.open_data(self.clock()[1])

    def inventory(self) -> tuple[InventoryRow, ...]:
        """What is kept."""
        return inventory()

    # --- the station -------------------------------------------------------------------

    def hear_layout(self, layout: StreetLayout) -> None:
        """The whole layout, as the station tells it."""
        with self.lock:
            anew = self.dealing.look_at(Directory(layout.street, layout.junctions))
            packed = PackedLayout(replace(layout, roads=()))
            try:
                self.store.keep_layout(packed.parts(bytes(BOOT_BYTES), bytes(NONCE_BYTES)), anew)
            except StoreFull as full:
                self.complaint = str(full)

    def act(self, request: FlagActRequest) -> str:
        """What a person does with a case; gives why not. The same act counts once, however often it comes."""
        nonce, wall_ms = request.header.nonce.hex(), self.clock()[1]
        with self.lock:
            if nonce in self._acts:
                self._acts[nonce] = self._acts.pop(nonce)  # told again: to be named among the latest
                return ""
            self._acts[nonce] = False
            self.dealing.writing.acts.append((nonce, rounded(wall_ms)))
            return act(self.dealing, request, self._role_of(request.issuer), wall_ms)

    def handled(self) -> tuple[str, ...]:
        """Nonces of the latest acts that are on the disk: nobody needs to keep them for us any more."""
        with self.lock:
            return tuple(nonce for nonce, kept in self._acts.items() if kept)[-ACTS_TOLD:]

    def flag_views(self) -> tuple[FlagView, ...]:
        """Cases as consoles see them: all that are open, and those closed in the last hour."""
        wall_ms = self.clock()[1]
        with self.lock:
            lately = [
                c for c in self.dealing.cases.values() if not c.closed or wall_ms - c.closed_ms < 3_600_000
            ]
            return tuple(self.reading.flag_view(c, wall_ms) for c in lately)

    def keep(self) -> None:
        """Write at once what was just brought about, so that nobody is told of it before it is kept."""
        with self.lock:
            self._commit()

    def wished(self) -> list[Wish]:
        """What is to be asked of the station now."""
        with self.lock:
            return list(self.dealing.wishes.values())

    def watched(self) -> list[str]:
        """Junctions whose pages were read lately."""
        now_ms = self.clock()[0]
        with self.lock:
            self._watched = {j: ms for j, ms in self._watched.items() if now_ms - ms < WATCHED_MS}
            return list(self._watched)

    # --- the writing thread ------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self.broken = f"{type(error).__name__}: {error}"  # whoever started it ends the process

    def _work(self) -> None:
        while True:
            with self._stir:
                if not self._inbox and not self._over:
                    self._stir.wait(0.1)
                if self._over and not self._inbox:
                    break
                if self._inbox and len(self._inbox) < BATCH and not self._over:
                    self._stir.wait_for(lambda: len(self._inbox) >= BATCH or self._over, GROUP_MS / 1000)
                batch = [self._inbox.popleft() for _ in range(min(BATCH, len(self._inbox)))]
            self.turn(batch)
        with self.lock:
            self._keep_record()
            self._commit()

    def turn(self, batch: list[Waiting]) -> None:
        """Deal with these flags; and with everything, if a second has passed since that was done."""
        now_ms, wall_ms = self.clock()
        with self.lock:
            if batch:
                self._take(batch, now_ms, wall_ms)
            if now_ms - self._looked_ms >= LOOK_MS:
                self._looked_ms = now_ms
                self._watch.look_around(now_ms, wall_ms, self._numbers())
            if now_ms - self._recorded_ms >= RECORD_MS:
                self._recorded_ms = now_ms
                self._keep_record()
            if now_ms - self._listened_ms >= LISTENING_MS:
                self._listened_ms = now_ms
                districts = self.dealing.listening.districts.items()
                self.dealing.writing.listening = [(d, h.repeats, h.presses) for d, h in districts]
            self._commit()
            if now_ms - self._tidied_ms >= TIDY_MS:
                self._tidied_ms = now_ms
                self.tidy()

    def tidy(self) -> int:
        """The retention job; gives the words erased."""
        with self.lock:
            return self.store.tidy(self.clock()[1], self.dealing.record.now_ms)

    def _take(self, batch: list[Waiting], now_ms: int, wall_ms: int) -> None:
        before = dict(self.dealing.cases)
        for waiting in batch:
            waiting.often = self.dealing.admission.often(waiting.source, now_ms)
        answers: list[Answer] = []
        fresh: dict[bytes, str] = {}
        for waiting in sorted(batch, key=lambda one: one.often):  # stable: who was first stays first
            answers.append(Answer(waiting, self._deal(waiting, fresh, now_ms, wall_ms)))
        kept = self._commit()
        if kept:
            self.recent |= fresh
            while len(self.recent) > RECENT:
                del self.recent[next(iter(self.recent))]
        else:
            self._undo(before)
        for answer in answers:
            reply = answer.reply
            if reply.accepted and not kept:
                reply = refusal(reply.answers, say("not-kept", retry_s=FULL_RETRY_S), FULL_RETRY_S)
            answer.waiting.done(reply)

    def _deal(self, waiting: Waiting, fresh: dict[bytes, str], now_ms: int, wall_ms: int) -> FlagReply:
        request, dealing = waiting.request, self.dealing
        token = self.store.token_of(request.nonce)
        known = fresh.get(request.nonce) or self.recent.get(request.nonce, "")
        if known in dealing.cases:
            return self._reply(request.nonce, dealing.cases[known], token, wall_ms)
        earlier = self.store.case_of(token=request.still) if request.still else ""
        case = dealing.cases.get(earlier)
        if request.still and case is None:
            return refusal(request.nonce, say("unknown-token"))
        signal = dealing.directory.find(request.signal)
        if case is None and signal is None:
            if not dealing.directory:  # the station was never heard: nobody can be told a signal is none
                return refusal(request.nonce, say("not-kept", retry_s=AWAY_RETRY_S), AWAY_RETRY_S)
            return refusal(request.nonce, say("unknown-signal"))
        place = (case.junction, case.district) if case else ("", "")
        if signal is not None and case is None:
            place = (signal.junction.name, signal.junction.district)
        if wait_s := dealing.admission.admit(*place, waiting.source, now_ms):
            return refusal(request.nonce, say("busy", retry_s=wait_s), wait_s)
        # Only now is the file asked: a flood is told BUSY from memory alone.
        if (known := self.store.case_of(nonce=request.nonce)) in dealing.cases:
            return self._reply(request.nonce, dealing.cases[known], token, wall_ms)
        spoken = self._voice(request, signal, case, wall_ms)
        if case is not None:
            case = dealing.still(case, spoken, wall_ms)
        else:
            assert signal is not None
            number = self.store.next_number()
            case = dealing.fold(signal, request.kind, spoken, number, wall_ms)
        window = wall_ms // WINDOW_MS
        flag = KeptFlag(hashed(request.nonce), hashed(token.encode()), case.id, window)
        dealing.writing.flags.append(flag)
        if request.words:
            dealing.writing.words.append((case.id, request.words, rounded(wall_ms)))
        fresh[request.nonce] = case.id
        return replace(self._reply(request.nonce, case, token, wall_ms), presence=spoken.presence)

    def _voice(self, request: FlagRequest, signal: Signal | None, case: Case | None, wall_ms: int) -> Voice:
        """How it counts: the code that its pole shows speaks for a case of that pole and no other."""
        here = signal is not None and signal.at >= 0
        if case is not None and signal is not None:
            here = here and (case.junction, case.group) == (signal.junction.name, signal.name)
        pole = signal.pole if signal is not None and here else ""
        return voice(self.codes, request.channel, pole, parted(request.signal)[1], wall_ms)

    def _reply(self, nonce: bytes, case: Case, token: str, wall_ms: int) -> FlagReply:
        remedy = doing(case)
        until_ms = max(0, case.until_ms - wall_ms) if case.order else 0
        return FlagReply(
            nonce, True, token, why=case.why.english[:400], life=case.life,
            known_ms=max(0, wall_ms - case.first_ms) if case.count > 1 else 0,
            remedy=remedy.english[:200] if remedy else "", until_ms=until_ms,
        )  # fmt: skip

    def _keep_record(self) -> None:
        self.dealing.writing.rows += self.dealing.record.take_unsaved()
        for junction, group in self.dealing.record.take_served():
            row = self.dealing.record.group(junction, group).by_hour[-1]
            self.dealing.writing.services.append((junction, group, row[0], row[1], row[2]))

    def _commit(self) -> bool:
        """Write what is to be written; False = the disk does not take it, and it is tried again."""
        writing = self.dealing.writing
        if not writing:
            return True
        try:
            self.store.commit(writing)
        except StoreFull as full:
            self.complaint = str(full)
            return False
        self.complaint = ""
        self.commits += 1
        self._acts |= dict.fromkeys((nonce for nonce, _ in writing.acts), True)
        self.dealing.writing = Writing.nothing()
        return True

    def _undo(self, before: dict[str, Case]) -> None:
        """Flags that could not be kept were never there; what the record and people did stays."""
        writing = self.dealing.writing
        writing.flags, writing.words = [], []
        self.dealing.restore(before)

    def _numbers(self) -> Iterator[int]:
        while True:
            yield self.store.next_number()
