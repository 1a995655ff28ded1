"""The independent safety monitor: a second pair of eyes that trusts nobody.

It may import the standard library and numpy and nothing else of ours: its rules, its
memory and its copy of the conflict matrix (the card) are its own, so that a mistake in
the engine is not a mistake here. `Card` is what may be shown; `SafetyMonitor` judges every
frame against it and puts a junction to flash when a rule is broken. The rules are informed
by published practice (`R..` and `C..` number them); this is no certified conflict monitor.
"""

from controller.monitor.card import Card, CardError
from controller.monitor.judge import SafetyMonitor
from controller.monitor.verdict import Reset, Verdict, Violation

__all__ = ["Card", "CardError", "Reset", "SafetyMonitor", "Verdict", "Violation"]
