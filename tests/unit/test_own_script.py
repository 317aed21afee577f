"""One script of ours runs in a page, and nothing from outside is ever put into it."""

from __future__ import annotations

import ast
from pathlib import Path

from dashboard.ui import links

ROOT = Path(__file__).resolve().parents[2]


def test_one_module_alone_may_run_a_script_and_its_text_is_fixed() -> None:
    files = [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    assert [file.name for file in files if "unsafe_allow_javascript" in file.read_text(encoding="utf-8")] == [
        "links.py"
    ]
    tree = ast.parse(Path(links.__file__).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.BinOp)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.html"]
    assert [ast.unparse(call.args[0]) for call in calls] == ["_SCRIPT"]
