"""Whether the Prefect API that is configured can be used, said before anything is begun there."""

from urllib.parse import urlsplit

from flireo_flows.cli.user_errors import SettingError


def check_prefect(url: str, instead: str = "") -> None:
    """Ask the Prefect API for something that needs leave, as a run will.

    Args:
        url: Of PREFECT_API_URL or the Prefect profile.
        instead: What else the user can do, a sentence; empty for nothing.

    Raises:
        SettingError: It cannot be used. Says why, and what to do.
        NetworkSettingError: A variable of the environment keeps us from any server.
    """
    import httpx

    from flireo_flows.api.network import check_network

    check_network()  # Prefect's client reads the same variables
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.read_flows(limit=1)
    except httpx.HTTPStatusError as error:
        raise _unusable(url, *_of_status(error.response.status_code), instead) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        advice = "Start that server, or mend PREFECT_API_URL (or the Prefect profile)."
        raise _unusable(url, why, advice, instead) from None


def _of_status(status: int) -> tuple[str, str]:
    if status in (401, 403):
        return f"it answers {status}", "Check PREFECT_API_KEY, or PREFECT_API_AUTH_STRING."
    return f"it answers {status}", "Check PREFECT_API_URL (or the Prefect profile); it mostly ends in /api."


def _unusable(url: str, why: str, advice: str, instead: str) -> SettingError:
    return SettingError(
        " ".join((f"the Prefect API at {_shown(url)} cannot be used: {why}. {advice} {instead}").split())
    )


def _shown(url: str) -> str:
    """The address, without a password that it may hold."""
    parts = urlsplit(url)
    return url if "@" not in parts.netloc else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
