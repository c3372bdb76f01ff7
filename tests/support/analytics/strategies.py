"""Anything a language model may put into an analysis."""

from hypothesis import strategies as st

# Characters no file can carry (halves of surrogate pairs) are among them: JSON can hold them.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
KEYS = st.sampled_from(("a", "b", "a.b", "a.b (2)", "=cmd", "")) | ANY_TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
ANALYSES = st.none() | st.dictionaries(KEYS, JSON, max_size=4)
COLUMNS = st.dictionaries(
    st.sampled_from(("phone", "name", "state", "analysis.a", "lead.state")) | ANY_TEXT, ANY_TEXT
)
