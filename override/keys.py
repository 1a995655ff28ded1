"""Keys: one CURVE pair and one Ed25519 pair per person or service, in files only their owner can read.

`people.toml` holds the public halves, names, roles and revocations; each `NAME.key` one
private half of both. Anything doubtful about them is an error in one line, because a key
set that is open to others, empty or known from a manual is no key set (A1, A13).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from controller.file_words import why_not
from controller.toml_text import NotToml, in_line, table_of
from override import z85
from override.roles import Role

PEOPLE_FILE = "people.toml"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}\Z")
SERVICES = ("station", "witness")
"""They hold keys but no role: the station signs audit heads, the witness countersigns them."""
PANIC = "local-panic"
"""Who orders when somebody at the machine itself panics: a name no key may have."""
KEY_BYTES = 32

_SAMPLES_Z85 = (
    # libzmq, zmq_curve(7): server public, server secret, client public, client secret
    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
    "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
    "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
)
_SAMPLES_HEX = (
    # RFC 8032, 7.1: the first three Ed25519 test keys, secret and public
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
)
SAMPLE_KEYS = frozenset(
    {z85.decode(s) for s in _SAMPLES_Z85}
    | {bytes.fromhex(s) for s in _SAMPLES_HEX}
    | {bytes([k]) * KEY_BYTES for k in (0, 1, 255)}
    | {bytes(range(KEY_BYTES))}
)
"""Keys printed in manuals, and those somebody types to get it going."""


class KeysError(ValueError):
    """Keys that cannot be used; one line naming the file, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who holds a key: known by the key, whatever a message says of itself."""

    name: str
    role: Role | None
    """None for a service of `SERVICES`."""
    curve_public: bytes
    sign_public: bytes
    revoked: str = ""
    """Why the key counts no longer; empty = it counts."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The private half, as one `NAME.key` holds it."""

    name: str
    curve_secret: bytes
    sign_secret: bytes

    @property
    def curve_public(self) -> bytes:
        """Public half of the CURVE key, 32 bytes."""
        return bytes(PrivateKey(self.curve_secret).public_key)

    @property
    def sign_public(self) -> bytes:
        """Public half of the signing key, 32 bytes."""
        return bytes(SigningKey(self.sign_secret).verify_key)

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature, 64 bytes."""
        return SigningKey(self.sign_secret).sign(message).signature


def new_secret(name: str) -> Secret:
    """Two fresh keys from the operating system's randomness."""
    return Secret(name, bytes(PrivateKey.generate()), bytes(SigningKey.generate()))


class Keyring:
    """Everybody's public keys. `refresh` before each message: who is revoked is so at once.

    When the file can no longer be trusted nobody is known: the ring fails closed, and
    `complaint` says why.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complaint = ""
        self._seen: tuple[int, ...] = ()
        self._by_curve: dict[bytes, Identity] = {}
        self._load()

    def _load(self) -> None:
        self._seen = _fingerprint(self.folder / PEOPLE_FILE)
        people = read_people(self.folder)
        if not any(p.role and not p.revoked for p in people):
            raise KeysError(
                f"{self.folder / PEOPLE_FILE}: no valid key of any person; make one with: "
                "belisha keys new NAME --role ROLE"
            )
        self._by_curve = {p.curve_public: p for p in people}

    def refresh(self) -> None:
        """Take in a changed file. Costs one stat when nothing changed; never raises."""
        try:
            if _fingerprint(self.folder / PEOPLE_FILE) == self._seen and not self.complaint:
                return
            self._load()
            self.complaint = ""
        except (KeysError, OSError) as error:
            self._by_curve = {}
            self.complaint = str(error)

    def holder(self, curve_public: bytes) -> Identity | None:
        """Who holds this CURVE key, if it counts."""
        identity = self._by_curve.get(curve_public)
        return None if identity is None or identity.revoked else identity

    def named(self, name: str) -> Identity | None:
        """Who has this name, if his key counts."""
        for identity in self._by_curve.values():
            if identity.name == name and not identity.revoked:
                return identity
        return None

    def __iter__(self) -> Iterator[Identity]:
        return iter(self._by_curve.values())


def _fingerprint(path: Path) -> tuple[int, ...]:
    """Changes when the file does; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid


def _check_private(path: Path, is_folder: bool, made_by: str) -> None:
    """Refuse a file or folder that is not there, or that anybody but its owner, who must be us, may read
    or write."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise KeysError(f"{path}: not there; {made_by}") from None
    except OSError as error:
        raise KeysError(f"{path}: cannot be used ({why_not(error)})") from None
    if stat.S_ISDIR(found.st_mode) != is_folder:
        raise KeysError(f"{path}: {'no folder' if is_folder else 'no file'}; {made_by}")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        want = "700" if is_folder else "600"
        raise KeysError(f"{path}: open to others (mode {mode:o}); run: chmod {want} {path}")
    if found.st_uid != os.geteuid():
        raise KeysError(f"{path}: belongs to user {found.st_uid}, not to us ({os.geteuid()})")


def _made_by_init(folder: Path) -> str:
    return f"make keys with: belisha keys init --keys {folder}"


def _check_folder(folder: Path) -> None:
    _check_private(folder, True, _made_by_init(folder))


def _read_toml(path: Path, made_by: str) -> dict[str, Any]:
    _check_private(path, False, made_by)
    try:
        return table_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, NotToml) as error:
        raise KeysError(f"{path}: cannot be read as TOML: {why_not(error)}") from error


def _fields(path: Path, place: str, row: object, names: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(row, dict) or set(row) != set(names):
        found = in_line((", ".join(sorted(row)) or "nothing") if isinstance(row, dict) else repr(row))
        raise KeysError(f"{path}: {place} has {found}; exactly {', '.join(names)} are needed")
    for key, value in row.items():
        if not isinstance(value, str):
            raise KeysError(f"{path}: {place}: {key} is {repr(value)[:80]}; text is needed")
    return row


def _key(path: Path, place: str, text: str, decode: Any) -> bytes:
    try:
        key = decode(text)
    except ValueError as error:
        raise KeysError(f"{path}: {place}: {error}") from None
    if len(key) != KEY_BYTES:
        raise KeysError(f"{path}: {place}: {len(key)} bytes, {KEY_BYTES} are needed")
    if key in SAMPLE_KEYS:
        raise KeysError(f"{path}: {place} is a sample key that everybody knows; make a new one")
    return bytes(key)


def read_people(folder: Path) -> list[Identity]:
    """All identities of a key folder. Raises KeysError."""
    _check_folder(folder)
    path = folder / PEOPLE_FILE
    data = _read_toml(path, _made_by_init(folder))
    if set(data) - {"person"}:
        raise KeysError(
            f"{path}: unknown {in_line(', '.join(sorted(set(data) - {'person'})))}; only [[person]]"
        )
    people: list[Identity] = []
    names: set[str] = set()
    keys: set[bytes] = set()
    rows = data.get("person", [])
    if not isinstance(rows, list):
        raise KeysError(f"{path}: person is {repr(rows)[:80]}; [[person]] tables are needed")
    for number, raw in enumerate(rows, 1):
        row = _fields(path, f"person {number}", raw, ("name", "role", "curve", "sign", "revoked"))
        place = f"person {number} ({in_line(row['name'], 40)})"
        try:
            name = check_name(row["name"])
        except KeysError as error:
            raise KeysError(f"{path}: {place}: {error}") from None
        role = None if row["role"] in SERVICES and row["role"] == row["name"] else row["role"]
        if role is not None and role not in list(Role):
            raise KeysError(f"{path}: {place}: role {in_line(role, 40)!r}; known are {', '.join(Role)}")
        person = Identity(
            name,
            None if role is None else Role(role),
            _key(path, f"{place}: curve", row["curve"], z85.decode),
            _key(path, f"{place}: sign", row["sign"], bytes.fromhex),
            row["revoked"],
        )
        if person.name in names or {person.curve_public, person.sign_public} & keys:
            raise KeysError(f"{path}: {place}: this name or key is there twice")
        names.add(person.name)
        keys |= {person.curve_public, person.sign_public}
        people.append(person)
    return people


def read_settings(path: Path, names: tuple[str, ...], made_by: str) -> dict[str, str]:
    """A private file of exactly these texts. Raises KeysError when missing, open to others or another;
    where it is missing, with what it is `made_by`."""
    return _fields(path, "the file", _read_toml(path, made_by), names)


def read_secret(path: Path) -> Secret:
    """A private key file. Raises KeysError when missing, readable by others, or known from a manual."""
    made_by = (
        _made_by_init(path.parent)
        if path.stem in SERVICES
        else "a private key is needed, as it is made with: belisha keys new NAME --role ROLE"
    )
    row = read_settings(path, ("name", "curve_secret", "sign_secret"), made_by)
    return Secret(
        check_name(row["name"]),
        _key(path, "curve_secret", row["curve_secret"], z85.decode),
        _key(path, "sign_secret", row["sign_secret"], bytes.fromhex),
    )


def check_name(name: str) -> str:
    """The name, if it is fit for a file and a log line. Raises KeysError."""
    if not NAME.match(name):
        raise KeysError(
            f"name {in_line(name, 40)!r}: 1 to 32 of a-z 0-9 . _ - are allowed, a letter or digit first"
        )
    return name


def write_private(path: Path, text: str, anew: bool) -> None:
    """Write so that the file is never open to others and never half there. Raises KeysError."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeysError(f"{path}: cannot be written ({why_not(error)})") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    if anew:
        try:
            os.link(draft, path)  # fails where a file is there already: keys are never overwritten
        except FileExistsError:
            raise KeysError(f"{path}: is there already; keys are never overwritten") from None
        finally:
            draft.unlink()
    else:
        draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _write_people(folder: Path, people: list[Identity]) -> None:
    rows = []
    for p in people:
        # JSON-like quoting is not needed: z85 has no quote and no backslash, names and hex neither.
        revoked = p.revoked.replace("\\", "/").replace('"', "'").replace("\n", " ")
        rows.append(
            f'[[person]]\nname = "{p.name}"\nrole = "{p.role or p.name}"\n'
            f"curve = '{z85.encode(p.curve_public)}'\nsign = \"{p.sign_public.hex()}\"\n"
            f'revoked = "{revoked}"\n'
        )
    write_private(folder / PEOPLE_FILE, "\n".join(rows), anew=False)


def _write_secret(path: Path, secret: Secret) -> None:
    text = (
        f'name = "{secret.name}"\n'
        f"curve_secret = '{z85.encode(secret.curve_secret)}'\n"
        f'sign_secret = "{secret.sign_secret.hex()}"\n'
    )
    write_private(path, text, anew=True)


def init_keys(folder: Path) -> list[Identity]:
    """Make the folder and the keys of the station and of its witness. Raises KeysError if it has keys."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeysError(f"{folder}: no folder can be made there ({why_not(error)})") from None
    _check_folder(folder)
    if (folder / PEOPLE_FILE).exists():
        raise KeysError(f"{folder / PEOPLE_FILE}: is there already; keys are never overwritten")
    people = []
    for service in SERVICES:
        secret = new_secret(service)
        _write_secret(folder / f"{service}.key", secret)
        people.append(Identity(service, None, secret.curve_public, secret.sign_public))
    _write_people(folder, people)
    return people


def add_person(folder: Path, name: str, role: Role) -> Path:
    """New keys for somebody; gives the private file, to be handed over and then removed here."""
    people = read_people(folder)
    if check_name(name) in (*SERVICES, PANIC) or any(p.name == name for p in people):
        raise KeysError(f"name {name!r} is taken; a revoked name is not given again")
    secret = new_secret(name)
    path = folder / f"{name}.key"
    _write_secret(path, secret)
    _write_people(folder, [*people, Identity(name, role, secret.curve_public, secret.sign_public)])
    return path


def revoke(folder: Path, name: str, reason: str) -> None:
    """From now on this key counts no more: a running station refuses its next message."""
    people = read_people(folder)
    found = [p for p in people if p.name == name]
    if not found:
        raise KeysError(f"no key of {name!r}; known are {', '.join(p.name for p in people)}")
    if not reason.strip():
        raise KeysError("a revocation needs a reason")
    said = in_line(reason.strip())  # a mark that TOML does not allow would make the whole file unreadable
    changed = [replace(p, revoked=p.revoked or said) if p.name == name else p for p in people]
    _write_people(folder, changed)
