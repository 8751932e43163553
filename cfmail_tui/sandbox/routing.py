"""A request as the endpoints see it, and page-based lists (2.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cfmail_tui.sandbox.access import Credential, Right
from cfmail_tui.sandbox.answers import Answer, Json, success


@dataclass(frozen=True, slots=True)
class Request:
    body: bytes | None
    """None when the length was not declared: the endpoints that need a body refuse it (10201)."""
    query: Mapping[str, str]
    names: Mapping[str, str]
    """What stands in the path where the route has a name, percent-decoded."""
    credential: Credential | None

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A number of the query, moved into its range; the API does not say what it makes of others."""
        given = self.query.get(name, "")
        return min(max(int(given), low), high) if given.isascii() and given.isdigit() and len(given) < 9 else default


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    """Segments after /client/v4, those in braces are names."""
    right: Right
    answer: Callable[[Request], Answer]

    def match(self, method: str, segments: tuple[str, ...]) -> dict[str, str] | None:
        pattern = self.path.split("/")[1:]
        if method != self.method or len(pattern) != len(segments):
            return None
        names = {}
        for expected, segment in zip(pattern, segments, strict=True):
            if expected.startswith("{"):
                names[expected[1:-1]] = segment
            elif expected != segment:
                return None
        return names


def page(rows: list[Json], request: Request, *, default: int, low: int, high: int) -> Answer:
    per_page = request.number("per_page", default, low, high)
    number = request.number("page", 1, 1, 10**8)
    shown = rows[(number - 1) * per_page : number * per_page]
    info = {
        "page": number,
        "per_page": per_page,
        "count": len(shown),
        "total_count": len(rows),
        "total_pages": -(-len(rows) // per_page),
    }
    return success(shown, info=info)
