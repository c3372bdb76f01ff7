"""Options that `plan` and `run` share: how the file of leads is written, who calls, under which rules."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from flireo_flows.calling.plan import PlanRequest
    from flireo_flows.leads import LeadFormat


def _checked(check: str) -> Parameter:
    """A name of a campaign, checked by a function of `api.identity`, which is loaded when one is given."""

    def validate(_type: object, name: str) -> None:
        from flireo_flows.api import identity

        getattr(identity, check)(name)

    return Parameter(validator=validate)


CampaignName = Annotated[str, _checked("clean_name")]
KnownCampaign = Annotated[str, _checked("clean_given_name")]
AnyCampaign = Annotated[str, _checked("clean_optional_name")]  # empty for all


Flag = Parameter(negative=())
ColumnName = Annotated[str, Parameter(allow_leading_hyphen=True)]  # "-" is the name of none
ColumnNames = Annotated[
    tuple[str, ...], Parameter(allow_leading_hyphen=True, negative=(), consume_multiple=False)
]


@Parameter(name="*")  # each field is an option of the command
@dataclass(frozen=True, kw_only=True)
class LeadOptions:
    """How the file of leads is written. Each field is one of `LeadFormat`'s.

    Parameters
    ----------
    default_region
        Country of numbers without a country code, such as NL; the country of a row goes before it.
    country_column
        Column with the row's country (NL, NLD, Netherlands, 31), where it is not recognised; - for none.
    dialling_code_column
        Column with the country calling code of the row's number (31, +31), where it is not recognised; - for none.
    default_region_for_empty_country
        In a file with a column for the country, rows that leave it empty have the default country.
    numbers_without_plus
        What numbers without + are: national, or international (they begin with a country code). Without it, those
        that may be both are rejected.
    call_kinds
        Call numbers of this kind as well; give it again for another kind.
    opt_out_column
        Column in which yes means no calls; may be given several times; - for none.
    consent_column
        Column in which yes means that the lead may be called; - for none.
    ignore_column
        Column that looks like consent or an opt-out and is about something else; may be given several times.
    read_hidden
        Call the rows as well that an Excel workbook hides, as by a filter.
    """

    default_region: str = ""
    country_column: ColumnName = ""
    dialling_code_column: ColumnName = ""
    default_region_for_empty_country: Annotated[bool, Flag] = False
    numbers_without_plus: Literal["", "national", "international"] = ""
    call_kinds: Annotated[
        tuple[Literal["toll_free", "shared_cost", "personal", "pager", "voicemail"], ...],
        Parameter(negative=(), consume_multiple=False),
    ] = ()
    opt_out_column: ColumnNames = ()
    consent_column: ColumnName = ""
    ignore_column: ColumnNames = ()
    read_hidden: Annotated[bool, Flag] = False

    def lead_format(self) -> "LeadFormat":
        """The format that the options make.

        Raises:
            SettingError: One cannot be used; names the option.
        """
        from pydantic import ValidationError

        from flireo_flows.cli.settings import first_problem
        from flireo_flows.leads import LeadFormat

        try:
            return LeadFormat.model_validate(self._settings())
        except ValidationError as error:
            where = str(error.errors(include_input=False)[0]["loc"][0])
            raise SettingError(f"--{where.replace('_', '-')}: {first_problem(error)}") from None

    def _settings(self) -> dict[str, object]:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        first, *more = given.pop("opt_out_column") or ("",)
        ignored = given.pop("ignore_column")
        return {
            **given,
            "opt_out_column": first,
            "more_opt_out_columns": more,
            "ignore_columns": list(ignored),
        }


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CampaignOptions:
    """Who calls, saying what, under which rules, and who must not be called.

    Parameters
    ----------
    agent_id
        The saved Flireo agent that speaks; not needed where the script or the rows say who does.
    number_id
        Id of the number to call from; without it Flireo picks one.
    policy
        YAML or JSON file with the fields of CallingPolicy, or the name of a preset: nl, be, de, fr, gb, us, us-fl. Its
        tariff is what the cost is estimated by.
    script
        YAML or JSON file of what is said, by which agent, and from which numbers.
    any_hour
        Call at any hour, whatever the policy's calling hours are. Rules by state (state_rules) hold all the same, as
        they are law: only a policy without them calls without them.
    do_not_call
        File of numbers that must not be called.
    """

    agent_id: str = ""
    number_id: str = ""
    policy: str = ""
    script: Path | None = None
    any_hour: Annotated[bool, Flag] = False
    do_not_call: Path | None = None

    def request(self, campaign: str, requests_per_minute: float) -> "PlanRequest":
        """What a run of this campaign is asked to do.

        Raises:
            SettingError: The policy, the script or the dialect of the environment cannot be used.
        """
        from flireo_flows.calling.plan import PlanRequest
        from flireo_flows.cli import settings
        from flireo_flows.script import Caller, Composer

        rules, words = settings.policy(self.policy, any_hour=self.any_hour), settings.script(self.script)
        composer = Composer(Caller(self.agent_id, self.number_id), words, settings.dialect(), campaign)
        return PlanRequest(campaign, rules, composer, requests_per_minute)


NO_LEAD_OPTIONS: Final = LeadOptions()
NO_CAMPAIGN_OPTIONS: Final = CampaignOptions()
