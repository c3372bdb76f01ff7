"""Pieces of passwords."""

from hypothesis import strategies as st

# No part of a password is shown

# Letters that stand nowhere else, with what people's passwords have between them.
PIECES = st.lists(st.sampled_from(["Zq7Xw", "Kv9Jz", "Xj4Qk"]), min_size=2, max_size=4)
