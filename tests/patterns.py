"""Regular expressions of the search language, and texts to try them on, for tests that compare engines."""

from hypothesis import strategies as st

_LETTERS = "aAbz09_-. \n\tké😀я"
TEXTS = st.text(_LETTERS, max_size=8)

_SINGLE = "a A b z 0 _ - é 😀 . \\. \\- \\\\ \\[ \\d \\D \\w \\W \\s \\S \\n \\t \\x61 \\x{1F600}"
_SETS = "[ab] [^ab] [a-z0-9] [^\\d] [\\W_] [é-я] [^é] [[:upper:]-] [.]"
_PIECES = st.sampled_from([*_SINGLE.split(), *_SETS.split(), " "])
_EDGES = st.sampled_from(["^", "$", "\\b", "\\A", "\\z"])
_TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,1}", "{1,}", "+?", "{0}"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = st.builds("({}){}".format, inner, _TIMES) | st.builds(
        "(?:{}){}".format, inner, _TIMES
    )
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map("|".join),
        grouped,
    )


_TREES = st.recursive(st.builds("{}{}".format, _PIECES, _TIMES) | _EDGES, _grown, max_leaves=6)
SOURCES = st.builds("{}{}".format, st.sampled_from(["", "", "(?i)", "(?s)"]), _TREES)
