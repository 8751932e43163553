"""The picture of the architecture in CONTRIBUTING.md, of the import contract: `python -m tests.layers` draws it."""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "CONTRIBUTING.md"
PLACE: Final = re.compile(r"(?<=<!-- layers:)( .*? -->\n).*(?=<!-- /layers -->)", re.DOTALL)
PURE: Final = "The core is pure"


def picture() -> str:
    """Mermaid: each layer may know those that stand below it; what is pure is round."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = next(contract["source_modules"] for contract in contracts if contract["name"] == PURE)
    pure = {name.removeprefix("cfmail_tui.") for name in named}
    lines = ["flowchart TD"]
    for number, layer in enumerate(layers):
        names = layer.split(" | ")
        lines.append(f'  subgraph layer{number}[" "]')
        lines += [f"    {name}({name})" if name in pure else f"    {name}[{name}]" for name in names]
        lines.append("  end")
    lines += [f"  layer{number} --> layer{number + 1}" for number in range(len(layers) - 1)]
    return "\n".join(["```mermaid", *lines, "  cli -.-> sandbox[sandbox]", "```", ""])


def written() -> str:
    """The document with the picture as it should be."""
    return PLACE.sub(lambda found: found[1] + picture(), DOCUMENT.read_text("utf-8"))


if __name__ == "__main__":
    DOCUMENT.write_text(written(), "utf-8")
