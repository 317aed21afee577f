"""What holds for the code as a whole and no linter checks: one name stands for one class."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("connectors", "dashboard", "pages")


def classes(text: str) -> Iterator[str]:
    """The names of all classes in a module, nested ones included."""
    return (node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef))


def doubles(files: dict[str, str]) -> dict[str, list[str]]:
    """Names of classes that stand in several places, private and public spellings taken as one."""
    places = defaultdict(list)
    for file, text in files.items():
        for name in classes(text):
            places[name.lstrip("_")].append(file)
    return {name: found for name, found in places.items() if len(found) > 1}


def test_no_two_classes_of_the_product_have_one_name() -> None:
    files = {str(file.relative_to(ROOT)): file.read_text() for part in PRODUCT for file in (ROOT / part).rglob("*.py")}
    assert len(files) > 200, "the search for modules has gone blind"
    assert doubles(files) == {}


def test_a_private_class_with_the_name_of_a_public_one_is_found() -> None:
    files = {"a.py": "class Reader: ...", "b.py": "class Other:\n    class _Reader: ..."}
    assert doubles(files) == {"Reader": ["a.py", "b.py"]}


def test_a_page_file_is_short_and_draws_what_others_decide() -> None:
    pages = sorted((ROOT / "pages").glob("*.py"))
    assert len(pages) > 10
    assert [page.name for page in pages if len(page.read_text().splitlines()) > 100] == []
