"""How many years of school an English text asks for: the grade level of Flesch and Kincaid (1975).

0.39 words a sentence + 11.8 syllables a word - 15.59. Syllables are counted by groups of vowels, with
the silent endings of English taken off; that is right for nine words of ten, and errs both ways.
"""

from __future__ import annotations

import re

VOWELS = re.compile(r"[aeiouy]+")


def syllables(word: str) -> int:
    """Of one word; at least one."""
    word = re.sub(r"[^a-z]", "", word.lower())
    count = len(VOWELS.findall(word))
    silent_e = word.endswith("e") and not word.endswith(("le", "ee")) and count > 1
    silent_ed = word.endswith("ed") and not word.endswith(("ted", "ded")) and count > 1
    silent_es = word.endswith("es") and not word.endswith(("ses", "ches", "shes", "xes", "zes", "ges", "ces"))
    return max(1, count - silent_e - silent_ed - (silent_es and count > 1))


def grade(text: str) -> float:
    """The level of a text of whole sentences."""
    sentences = [s for s in re.split(r"[.!?:;]+(?:\s|$)|\n+", text) if re.search(r"[A-Za-z]", s)]
    words = [word for s in sentences for word in re.findall(r"[A-Za-z']+", s)]
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
