"""Two spellings each of one number."""

import pytest

# As a file may write it (valid today), and another spelling of the same.
PAIRS = [
    pytest.param("+5491123456789", "+541123456789", id="AR"),
    pytest.param("+541123456789", "+5491123456789", id="AR landline"),
    pytest.param("+525512345678", "+5215512345678", id="MX"),
    pytest.param("+5511987654321", "+551187654321", id="BR"),
    pytest.param("+390612345678", "+39612345678", id="IT"),
    pytest.param("+2290197123456", "+22997123456", id="BJ"),
]
