"""Style sheets for many runs of the app: what was found for a widget in one of them holds for its like in all.

Textual parses its sheets and matches every rule with every widget in each run anew, which is most of what a run costs.
Which rules hold depends on the path from the app down to the widget alone: on types, ids and classes, and on the
pseudo-classes that follow from hover, focus, `disabled` and the app's theme. What depends on more, as `:first-child`
does on the siblings, is matched every time.
"""

from typing import Any, Final

from textual.app import App
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.widget import Widget

HINTS: Final = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")
"""What Textual notes at a node when it has looked for its rules."""

Path = tuple[tuple[object, ...], ...]
Found = tuple[RulesMap, tuple[bool, ...]]


class SharedStylesheet(Stylesheet):
    """A style sheet that knows what others of the same text have found."""

    _known: Final[dict[object, tuple[list[RuleSet], dict[Path, Found]]]] = {}

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._found: dict[Path, Found] = {}

    def parse(self) -> None:
        text = (*self._variables.items(), *self.source.items())
        if text in self._known:
            self._rules, self._rules_map, self._require_parse = self._known[text][0], None, False
        else:
            super().parse()
            self._known[text] = self._rules, {}
        self._found = self._known[text][1]

    def reparse(self) -> None:
        self.parse()

    def apply(
        self, node: DOMNode, *, animate: bool = False, cache: dict[tuple[Any, ...], RulesMap] | None = None
    ) -> None:
        if self._require_parse:
            self.parse()
        path = tuple(map(_asked_by_selectors, node.css_path_nodes))
        if path not in self._found:
            heard: dict[tuple[Any, ...], RulesMap] = {}
            super().apply(node, animate=animate, cache=heard)
            for rules in heard.values():
                self._found[path] = rules, tuple(getattr(node, hint) for hint in HINTS)
            return
        rules, hints = self._found[path]
        for hint, value in zip(HINTS, hints, strict=True):
            setattr(node, hint, value)
        self.replace_rules(node, rules, animate=animate)
        self._process_component_classes(node)


def _asked_by_selectors(node: DOMNode) -> tuple[object, ...]:
    """All that the selectors which are not about its siblings or children may ask of a node."""
    name = (type(node), node.id, node.classes)
    match node:
        case Widget():
            return *name, node.mouse_hover, node.has_focus, node.disabled, node.allow_focus()
        case App():
            look = node.current_theme.dark, node.is_inline, node.native_ansi_color, node.no_color
            return *name, node.app_focus, *look
        case _:
            return name
