"""How the pages' tables write numbers: with a minus sign, and with a space that does not break before the unit."""

import re

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df

from tests.support import tiny_workspace
from tests.support.pages import clean, open_page


@pytest.mark.parametrize(
    ("page", "column", "words"),
    [
        ("datasets", "Level", r"−\d+"),
        ("datasets", "Peak", r"−\d+\.\d"),
        ("instruments", "Size", r"\d+(\.\d)?\u00a0[kM]?B"),
    ],
)
def test_numbers_look_as_elsewhere_and_sort_as_numbers(page, column, words, monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"), page)
    clean(app)
    table = app.dataframe[0]
    shown = convert_arrow_bytes_to_pandas_df(table.proto.arrow_data.styler.display_values)
    assert len(shown) and all(re.fullmatch(words, text) for text in shown[column]), list(shown[column])
    assert table.value[column].dtype.kind in "if"
