"""What the buttons call: whatever goes wrong in it is a sentence on the page, and no traceback."""

import ast

from tests.support.paths import ROOT

CALLED = ("on_click", "on_change", "on_select")
NOT_OURS = {"login", "logout", "update"}  # Streamlit's own, and a dictionary's
CANNOT_FAIL = {"cancel"}  # sets a flag
PARAMETERS = {"on_send", "on_open", "on_change"}  # a caller's, who is looked at too


def _trees():
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "ddsing" / "ui").rglob("*.py"))]


def _called(tree):
    """The names of the functions that are given to widgets, and to the forms of fields."""
    for node in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
        given = [one.value for one in node.keywords if one.arg in CALLED]
        if ast.unparse(node.func) == "drafts.form":
            given.append(node.args[3])
        for value in given:
            if isinstance(value, ast.Call) and value.args:  # a partial
                value = value.func if ast.unparse(value.func) == "errors.callback" else value.args[0]
            if isinstance(value, ast.Lambda) and isinstance(value.body, ast.Call):
                value = value.body.func
            if isinstance(value, ast.Name | ast.Attribute):
                yield ast.unparse(value).split(".")[-1]


def test_each_callback_is_guarded():
    trees = _trees()
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    guarded = {one.name for one in functions if "errors.callback" in map(ast.unparse, one.decorator_list)}
    called = {name for tree in trees for name in _called(tree)}
    assert len(called) > 40
    assert called - NOT_OURS - CANNOT_FAIL - PARAMETERS - {"callback"} <= guarded
