"""Campaigns' names on the command line: every spelling of a name is the one campaign."""

from typing import Annotated

from cyclopts import Parameter


def _check_new(_type: object, name: str) -> None:
    from flireo_flows.api.campaign_names import clean_name

    clean_name(name)


def _check_known(_type: object, name: str) -> None:
    from flireo_flows.api.campaign_names import clean_given_name

    clean_given_name(name)


def _check_any(_type: object, name: str) -> None:
    from flireo_flows.api.campaign_names import clean_optional_name

    clean_optional_name(name)


CampaignName = Annotated[str, Parameter(validator=_check_new)]
KnownCampaign = Annotated[str, Parameter(validator=_check_known)]
AnyCampaign = Annotated[str, Parameter(validator=_check_any)]  # empty for all
