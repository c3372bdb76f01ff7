"""A call as the API has it written."""

from flireo_flows.api.agent_config import AgentOverride, InlineAgent, LLMConfig, STTConfig, TTSConfig

REQUEST = "OutboundCallRequest"
TALKER = InlineAgent(
    first_message="Hi.",
    llm_config=LLMConfig(provider="openai", model="gpt-4o-mini"),
    stt_config=STTConfig(provider="deepgram"),
    tts_config=TTSConfig(provider="cartesia", voice_id="v"),
    analysis_plan={"min_messages_threshold": 1},
    voicemail_message=None,
    metadata={"order": 17, "async": True},
)


OVERRIDE = AgentOverride(voicemail_detection=True, llm_config=LLMConfig(provider="xai", voice="ara"))
