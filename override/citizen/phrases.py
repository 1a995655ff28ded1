"""Every sentence that the citizen process says, by a code, so that any of them can be said in any language.

A phrase is a code and values; the English stands here, other languages in the catalogues of the
page. Values that are text are names (of a crossing, of a role) and are not translated; the others
are whole numbers with their unit in their name.
"""

from __future__ import annotations

from dataclasses import dataclass

Value = int | str


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is to be said. Raises KeyError when the code is none of `PHRASES`."""

    code: str
    values: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        PHRASES[self.code].format(**dict(self.values))

    @property
    def english(self) -> str:
        """It, in English."""
        return PHRASES[self.code].format(**dict(self.values))


def say(code: str, **values: Value) -> Phrase:
    """A phrase, its values by name."""
    return Phrase(code, tuple(sorted(values.items())))


PHRASES: dict[str, str] = {
    # why is it red (or what else it shows)
    "why-green": "You may walk now.",
    "why-finish": "People who are crossing finish now. Please do not start.",
    "why-car-green": "This way has green now.",
    "why-not-called": "Nobody has pressed the button yet. Press it and your turn will come.",
    "why-clearing": "The way is being cleared. The next green comes in a moment.",
    "why-others-turn": "It is the others' turn now. Yours comes next.",
    "why-vehicles": "Many cars had waited, so they go first. Your turn is kept.",
    "why-buses": "A bus full of people had waited, so it goes first. Your turn is kept.",
    "why-pedestrians": "Other people on foot had waited, so they go first. Your turn is kept.",
    "why-promise": "Somebody else had waited nearly as long as we promise, so they go first.",
    "why-order": "A person in the control room has taken over this signal for now.",
    "why-all-red": "A person in the control room has stopped everybody here for safety.",
    "why-fixed-plan": "The signal plays a fixed plan now, because its sensors are not believed.",
    "why-flash": "The signal flashes. Nobody has right of way: please take great care.",
    "why-dark": "The signal is dark. Please take great care.",
    "why-silent": "We have heard nothing from this signal for {silent_s} seconds, so we do not know.",
    # what is done
    "remedy-recall": "The walk comes by itself now, without the button.",
    "remedy-walk": "People get longer to cross here now.",
    "remedy-detector": "The sensor is not believed; the way it watches gets its turn every time.",
    "remedy-person": "A person in the control room looks at it.",
    "remedy-urgent": "The control room was told at once.",
    "remedy-crew": "A crew is on its way.",
    "remedy-crew-there": "A crew is at work there.",
    # where it stands, and why
    "received": "Thank you. We compare it with the signal's own record.",
    "known": "Others told us too. Every report counts.",
    "confirmed": "The signal's own record agrees with you.",
    "remedied": "Something safe is being done until it is mended.",
    "with-a-person": "The record alone cannot tell. A person in the control room looks at it.",
    "urgent": "This is urgent. The control room was told at once.",
    "fixed-proof": "Mended: it has worked {times} times in a row since.",
    "fixed-person": "Closed by the {role}: {reason}",
    "rejected-person": "Not confirmed by the {role}: {reason}",
    "not-confirmed": "The signal's own record says otherwise. Tell us if it is still wrong.",
    "reopened": "You say it is still wrong. We look again.",
    "remedy-over": "The safe help has lasted {days} days, as long as it may. A person goes on with it.",
    "remedy-full": "As much help as is allowed at a time is given here already. A person looks at it.",
    "remedy-refused": "The safe help could not be given now: {reason}. A person looks at it.",
    "remedy-unheard": "The signal does not answer just now; we try again. A person looks at it.",
    "person-accepts": "The {role} has taken it on.",
    "remedy-ended": "The {role} ended the safe help: {reason}",
    "walk-needs-person": "A longer walk is a person's decision. They were told, with the record.",
    "remedy-lost": "The safe help was interrupted. We ask for it again.",
    "needs-crew": "Nothing in the signal's program can mend this. A person sends somebody.",
    "enough-reports": "Enough people said so at different times. The walk comes by itself for {minutes} min.",
    # what the record says
    "rec-button-lost": "The button's line has given no believable reading since {at}.",
    "rec-button-silent": "No press has reached the signal for {minutes} minutes, you say you pressed.",
    "rec-button-too-silent": "No press for {minutes} minutes, where one comes every {usual_s} seconds.",
    "rec-button-unheard": "A press at {at} was followed by no call.",
    "rec-button-works": "{presses} presses in the last {minutes} minutes arrived, and were served.",
    "rec-button-worked": "One press in the last {minutes} minutes arrived, and was served.",
    "rec-last-service": "The last call came at {called} and was served at {served}.",
    "rec-five-presses": "Five presses within ten seconds, at {at}.",
    "rec-walk-short": "The walk at {at} gave {given_s} s; {length_m} m at a slow pace need {needed_s} s.",
    "rec-walk-enough": "The walk at {at} gave {given_s} s; {length_m} m at a slow pace need {needed_s} s.",
    "rec-walk-unseen": "No walk was shown in the last {minutes} minutes to measure.",
    "rec-waited-long": "A call waited {waited_s} s; the promise is {promise_s} s.",
    "rec-waiting-long": "A call has waited for {waited_s} s and still waits; the promise is {promise_s} s.",
    "rec-waited-kept": "Nobody waited over {waited_s} s in {minutes} minutes; the promise is {promise_s} s.",
    "rec-no-call": "No call reached the signal in the last {minutes} minutes.",
    "rec-stuck": "No lamp has changed here for {minutes} minutes.",
    "rec-stuck-red": "This way has been red for {red_s} s; the promise is {promise_s} s.",
    "rec-moved": "The lamps here changed once in the last {minutes} minutes.",
    "rec-moving": "The lamps here changed {changes} times in the last {minutes} minutes.",
    "rec-detector-lost": "The sensor {detector} has given no believable reading since {at}.",
    "rec-flash": "The signal flashes since {at}.",
    "rec-dark": "The signal is dark since {at}.",
    "rec-lit": "Every lamp here was lit and steady for the last {minutes} minutes, so the record says.",
    "rec-together": "{first} and {second} had green together at {at}.",
    "rec-not-together": "The lamps shown in the last {minutes} minutes were never green together.",
    "rec-cannot-tell": "The signal's record cannot show this.",
    "rec-gap": "Part of the record of the last {minutes} minutes is missing, so it proves nothing.",
    # refusals
    "unknown-signal": "There is no signal with that code or name. The code is on the pole.",
    "unknown-token": "There is no report with that number.",
    "bad-words": "These words cannot be taken: {what}.",
    "bad-flag": "This report cannot be read: {what}.",
    "busy": "Too many reports just now. Yours is NOT kept. Please send it again in {retry_s} s.",
    "not-kept": "Reports cannot be kept just now. Please call the control room, or try again in {retry_s} s.",
    "not-closed": "This report is still open; nothing is lost.",
}
"""Code to English. A test compares the catalogues of all languages with these codes."""
