"""What ``--protocol official`` set, and what is not as the authors have it, told to people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from fairtune.spec import SearchSpec


def official_rows(spec: SearchSpec) -> Iterator[tuple[str, str]]:
    """What is said of a search: whose training its methods have and what that sets, then each deviation."""
    told: dict[str, list[str]] = {}
    for method, authors in spec.authors.items():
        if authors.paper:
            sets = ", ".join(f"{option} {value}" for option, value in authors.sets.items())
            told.setdefault(f"as {authors.paper}: {sets or 'nothing that was not given'}", []).append(method)
    yield from (("official", f"{', '.join(methods)} {said}") for said, methods in told.items())
    yield from (("but", said) for said in spec.deviations)


def print_official(console: Console, spec: SearchSpec) -> None:
    """Print it, a line each; nothing under another protocol."""
    for title, said in official_rows(spec):
        console.print(f"{title}: {said}", style="yellow" if title == "but" else None, soft_wrap=True)
