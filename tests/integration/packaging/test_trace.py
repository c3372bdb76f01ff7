"""The way of a CSV row to its POST stays as short as `make trace` asks for."""

from scripts.trace_call import LIMITS, trace_call


def test_the_way_of_a_row_to_its_post_stays_within_its_limits() -> None:
    trace = trace_call()
    found = {"modules": len(trace.modules), "hops": len(trace.hops), "objects": len(trace.objects)}
    assert {name for name, count in found.items() if count > LIMITS[name]} == set()
