"""The Prefect server, asked by HTTP as its own clients do."""

import time
from typing import Any

import httpx

TRIES = 20


def ask(url: str, method: str, path: str, body: Any = None, **query: str) -> Any:
    """What it answers. A busy server answers 503, or nothing for a minute; then it is asked again what changes nothing.

    Args:
        url: Of its API.
        method: Of HTTP.
        path: Below that.
        body: As JSON.
        query: After the path.
    """
    changes_nothing = method == "GET" or path.endswith("filter")
    for tries_left in reversed(range(TRIES)):
        try:
            answer = httpx.request(
                method, f"{url}/{path}", json=body, params=query or None, trust_env=False, timeout=60
            )
        except httpx.ReadTimeout:
            if not changes_nothing or not tries_left:
                raise
            continue
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        time.sleep(1)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None
