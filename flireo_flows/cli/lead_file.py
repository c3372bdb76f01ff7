"""Options that say how a file of leads is to be read: the same for every command that reads one."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from flireo_flows.leads import LeadFormat


Names = Annotated[list[str], Parameter(negative=())]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class LeadFileOptions:
    """How the file of leads is to be read, where it does not say so plainly.

    Parameters
    ----------
    opt_out_column
        Column in which yes means no calls; may be given several times.
    consent_column
        Column in which yes means that the lead may be called.
    ignore_column
        Column that looks like consent or an opt-out and says nothing about calls; may be given several times.
    read_hidden
        Call the rows as well that an Excel workbook hides, as by a filter.
    """

    opt_out_column: Names = field(default_factory=list)
    consent_column: str = ""
    ignore_column: Names = field(default_factory=list)
    read_hidden: Annotated[bool, Parameter(negative=())] = False


AS_RECOGNISED = LeadFileOptions()


def lead_format(default_region: str, options: LeadFileOptions = AS_RECOGNISED) -> "LeadFormat":
    """How the file of leads is written, as far as options say so.

    Raises:
        SettingError: There is no such country.
    """
    from pydantic import ValidationError

    from flireo_flows.cli.problems import SettingError
    from flireo_flows.cli.settings import first_problem
    from flireo_flows.leads import LeadFormat

    first, *more = options.opt_out_column or [""]
    try:
        return LeadFormat(
            default_region=default_region,
            opt_out_column=first,
            more_opt_out_columns=more,
            consent_column=options.consent_column,
            ignore_columns=options.ignore_column,
            read_hidden=options.read_hidden,
        )
    except ValidationError as error:
        raise SettingError(f"--default-region: {first_problem(error)}") from None
