"""The command palette: every key of the screen in front by its words, and every junction by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

if TYPE_CHECKING:
    from tui.app import BelishaConsole

JUNCTIONS_MAX = 20
FRAMEWORK = {
    "Focus Next": "To the next part of the screen",
    "Focus Previous": "To the part before",
    "Copy selected text": "Copy what was marked with the mouse",
}
"""What the toolkit calls its own keys, in our words; they are told last, and not offered as commands."""


class Palette(Provider):
    """What can be done here, and where one can go."""

    @property
    def _console(self) -> BelishaConsole:
        return cast("BelishaConsole", self.app)

    def _deeds(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        told: set[str] = set()
        # What stands at the foot of the screen first; ways to move about are one entry each, and last.
        for active in sorted(
            self.screen.active_bindings.values(), key=lambda active: not active.binding.show
        ):
            binding = active.binding
            new = binding.description not in told and binding.description not in FRAMEWORK
            if binding.description and new and active.enabled:
                told.add(binding.description)
                key = self.app.get_key_display(binding)
                words = binding.tooltip or f"key {key}"
                yield binding.description, words, partial(self.app.run_action, binding.action, active.node)

    async def discover(self) -> Hits:
        """What is offered before anything is typed."""
        for words, more, deed in self._deeds():
            yield DiscoveryHit(words, deed, help=more)

    async def search(self, query: str) -> Hits:
        """Deeds first, then junctions."""
        matcher = self.matcher(query)
        for words, more, deed in self._deeds():
            if (score := matcher.match(words)) > 0:
                yield Hit(score, matcher.highlight(words), deed, help=more)
        found = 0
        for layout in self._console.sight.layouts.values():
            words = f"{layout.name}  {layout.title}  {layout.district}"
            if (score := matcher.match(words)) > 0:
                yield Hit(
                    score, matcher.highlight(words), partial(self._go, layout.name), help="See this junction"
                )
                found += 1
                if found >= JUNCTIONS_MAX:
                    return

    def _go(self, junction: str) -> None:
        self._console.choose(junction)
        self._console.open_door("junction", junction)
