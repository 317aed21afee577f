"""What people and models said is recognised by the words of a field's name, whatever convention it follows."""

from __future__ import annotations

import pytest

from dashboard.decide.content import is_content, is_content_event

CONTENT = """
    gen_ai.prompt gen_ai.completion gen_ai.input.messages gen_ai.output.messages gen_ai.system_instructions
    gen_ai.prompt.0.content attributes.gen_ai.tool.call.arguments gen_ai.tool.call.result gen_ai.tool.message
    labels.gen_ai_prompt labels.gen_ai_input_messages labels.gen_ai_output_messages labels.traceloop_entity_input
    labels.input_value labels.llm_prompts attributes.traceloop.entity.output llm.input_messages.0.message.content
    ai.prompt ai.prompt.messages ai.response.text ai.response.object ai.toolCall.args ai.toolCall.result ai.values
    attributes.all_messages_events attributes.pydantic_ai.all_messages tool_arguments tool_response final_result
    langfuse.observation.input langfuse.observation.output langfuse.trace.input mlflow.spanInputs
    mlflow.spanOutputs attributes.retrieval.documents.0.document.content embedding.embeddings.0.embedding.text
    tool.parameters message.tool_calls.0.tool_call.function.arguments crewai.task.description crewai.agent.result
    haystack.component.input request_data response_data gen_ai.evaluation.explanation user_prompt completion_text
    inputs outputs body.content http.request.body.content gen_ai.retrieval.query.text gen_ai.choice messages
    question answer body.structured.content
"""

OTHER = """
    message log.level gen_ai.usage.input_tokens gen_ai.usage.output_tokens llm.token_count.prompt prompt_tokens
    labels.prompt_tokens_details gen_ai.prompt.name prompt_version prompt_id gen_ai.request.model
    gen_ai.response.finish_reasons gen_ai.response.id gen_ai.tool.name gen_ai.tool.call.id gen_ai.tool.description
    gen_ai.agent.description gen_ai.operation.name gen_ai.output.type http.response.body.bytes http.request.method
    process.args process.command_args container.args db.query.text db.statement error.message exception.stacktrace
    kubernetes.pod.name messaging.batch.message_count response.status_code request_id input_cost content.type
    gen_ai.evaluation.score.value answer_relevancy
"""


@pytest.mark.parametrize("name", CONTENT.split())
def test_what_was_said_is_content_in_every_convention(name: str) -> None:
    assert is_content(name)


@pytest.mark.parametrize("name", CONTENT.split())
@pytest.mark.parametrize("prefix", ["", "attributes.", "labels.", "span.attributes."])
def test_a_shipper_that_writes_dots_as_underscores_hides_none(name: str, prefix: str) -> None:
    assert is_content(prefix + name.replace(".", "_"))


@pytest.mark.parametrize("name", OTHER.split())
def test_numbers_names_and_technical_texts_are_shown(name: str) -> None:
    assert not is_content(name)


@pytest.mark.parametrize(
    "event", ["gen_ai.user.message", "claude_code.user_prompt", "codex.user_prompt", "gen_ai.choice"]
)
def test_a_line_that_is_a_message_is_content(event: str) -> None:
    assert is_content_event({"event_name": event})
    assert is_content_event({"attributes.event.name": event})
