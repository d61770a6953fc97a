"""What hypothesis draws users' data from."""

from hypothesis import strategies as st

from mldash.events.column_types import MAX_INT, MIN_INT

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(MIN_INT, MAX_INT) | st.floats()
scalars = st.none() | st.booleans() | numbers | texts | st.binary(max_size=20)
plain_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
fields = st.dictionaries(texts, plain_values, max_size=5)
