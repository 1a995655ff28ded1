"""Why a file cannot be used, in the words of the system, without its numbers."""

from __future__ import annotations


def why_not(error: Exception) -> str:
    """What is wrong with a file that a message of ours names itself."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnicodeDecodeError):
        return f"no UTF-8 text, from byte {error.start} on"
    return str(error)


def named(error: Exception) -> str:
    """The same where nobody has named the file yet: its path before the words."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {why_not(error)}"
    return why_not(error)
