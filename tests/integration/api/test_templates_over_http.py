"""Templates of tools and analyses, at a sandbox."""

import pytest

from flireo_flows.api.analysis_templates import (
    AnalysisTemplateChanges,
    NewAnalysisTemplate,
    create_analysis_template,
    delete_analysis_template,
    get_analysis_template,
    list_analysis_templates,
    update_analysis_template,
)
from flireo_flows.api.client import Account
from flireo_flows.api.errors import NotFound
from flireo_flows.api.fields import Dialect
from flireo_flows.api.tool_templates import (
    NewToolTemplate,
    ToolTemplateChanges,
    create_tool_template,
    delete_tool_template,
    get_tool_template,
    list_tool_templates,
    update_tool_template,
)
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.speaking import KEY, SPEAKERS, MakesSpeaker
from tests.support.api.templates import FIND, HAND_OVER, SCHEMA
from tests.support.sandbox.running import run_sandbox


@pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())
@pytest.mark.parametrize("dialect", Dialect)
def test_templates_are_made_changed_and_deleted(speaker: MakesSpeaker, dialect: Dialect) -> None:
    settings = SandboxSettings(rate_limit=0, dialect=dialect.value)
    with run_sandbox(settings) as sandbox, speaker(Account(KEY, sandbox.base_url, dialect)) as client:
        tool = client.send(
            create_tool_template(NewToolTemplate(name="A tool", tool_type="function", tool_config=FIND))
        )
        assert (tool.tool_type, tool.tool_config) == ("function", FIND)
        changes = ToolTemplateChanges(tool_type="transferCall", tool_config=HAND_OVER)
        assert client.send(update_tool_template(tool.id, changes)).tool_config == HAND_OVER
        assert [one.id for one in client.send(list_tool_templates())] == [tool.id]
        assert client.send(delete_tool_template(tool.id))
        with pytest.raises(NotFound):
            client.send(get_tool_template(tool.id))
        template = NewAnalysisTemplate(
            name="Mood", data_schema=SCHEMA, system_prompt="Read it.", user_prompt="{transcript}"
        )
        analysis = client.send(create_analysis_template(template))
        assert (analysis.data_schema, analysis.user_prompt) == (SCHEMA, "{transcript}")
        changed = client.send(update_analysis_template(analysis.id, AnalysisTemplateChanges(name="Moods")))
        assert (changed.name, changed.data_schema) == ("Moods", SCHEMA)
        assert [one.id for one in client.send(list_analysis_templates())] == [analysis.id]
        assert client.send(delete_analysis_template(analysis.id))
        with pytest.raises(NotFound):
            client.send(get_analysis_template(analysis.id))
