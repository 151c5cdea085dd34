"""Tables whose numbers look as elsewhere, with a minus sign and units, and still sort as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pandas.io.formats.style import Styler


def written(columns: Mapping[str, Sequence], words: Mapping[str, Callable[[Any], str]]) -> Styler:
    """Columns for `st.dataframe`; `words` writes the values of some, and what is missing stays empty."""
    import pandas as pd
    from pandas.io.formats.style import Styler

    # Under one name, or else pandas draws one, and the browser is sent a table anew that has not changed.
    named = Styler(pd.DataFrame(dict(columns)), uuid="table")
    return named.format({name: _or_empty(write) for name, write in words.items()})


def _or_empty(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value != value else write(value)
