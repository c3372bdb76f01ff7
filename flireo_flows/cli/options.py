"""Options that say how a file of leads is written; the same for `plan` and `run`."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from flireo_flows.leads import LeadFormat


def _check_new(_type: object, name: str) -> None:
    from flireo_flows.api.identity import clean_name

    clean_name(name)


def _check_known(_type: object, name: str) -> None:
    from flireo_flows.api.identity import clean_given_name

    clean_given_name(name)


def _check_any(_type: object, name: str) -> None:
    from flireo_flows.api.identity import clean_optional_name

    clean_optional_name(name)


CampaignName = Annotated[str, Parameter(validator=_check_new)]
KnownCampaign = Annotated[str, Parameter(validator=_check_known)]
AnyCampaign = Annotated[str, Parameter(validator=_check_any)]  # empty for all


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
        Column that looks like consent or an opt-out and says nothing about calls; may be given several times.
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


NO_OPTIONS: Final = LeadOptions()
