"""The way of a CSV row to its POST gets no longer. `make trace` has the goal: 42 modules, 14 hops, 3 objects."""

from scripts.trace_call import trace_call


def test_the_way_of_a_row_to_its_post_gets_no_longer() -> None:
    trace = trace_call()
    assert (len(trace.modules) <= 55, len(trace.hops) <= 23, len(trace.objects) <= 3) == (True, True, True)
