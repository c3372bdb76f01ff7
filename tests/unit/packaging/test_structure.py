"""Packages and modules stay within the limits that the architecture sets."""

import pytest

from scripts.structure import Figure, figures


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.name)
def test_the_structure_keeps_its_limits(figure: Figure) -> None:
    assert figure.found <= figure.limit, figure
