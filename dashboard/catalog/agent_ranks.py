"""What the ranking of agents asks beside the tables: each agent by track, its state, its scores and its version.

States, scores and versions are of one moment, the end of the period, and are not recorded.
"""

from __future__ import annotations

from dashboard.catalog import agents, recorded
from dashboard.catalog.agents import AGENT
from dashboard.catalog.counting import counted, once, paced, shared
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit

_BY_AGENT_AND_TRACK = "gen_ai_agent_name, track"
_BY_MODEL = "gen_ai_request_model"

RUN_RATE = Expression(
    name="agent_run_rate_by_agent_and_track",
    **paced(agents.RUNS, _BY_AGENT_AND_TRACK),
    recorded=recorded.mean(recorded.summed(agents.R_RUNS, _BY_AGENT_AND_TRACK)),
    unit=Unit.PER_SECOND,
    blind="how each agent's work is shared between blue and green",
)
ERROR_RATIO = Expression(
    name="agent_error_ratio_by_agent_and_track",
    **shared(agents.FAILED, agents.RUNS, _BY_AGENT_AND_TRACK),
    recorded=recorded.ratio(agents.R_FAILED, agents.R_RUNS, _BY_AGENT_AND_TRACK),
    unit=Unit.RATIO,
    blind="on which track an agent fails",
)
STATE = Expression(
    name="agent_state",
    promql=f"max by (gen_ai_agent_name, track, state) (agentgov_agent_state{{{AGENT}}}) == 1",
    unit=Unit.COUNT,
    blind="which agents are degraded, quarantined or stopped",
)
SCORES = Expression(
    name="agent_evaluation_scores",
    promql=(f"avg by (gen_ai_agent_name, evaluation_name, track) (agentgov_agent_evaluation_score_ratio{{{AGENT}}})"),
    unit=Unit.RATIO,
    blind="how good the agents' answers are",
)
VERSIONS = Expression(
    name="agent_versions",
    promql=f"max by (gen_ai_agent_name, track, gen_ai_agent_version, owner) (agentgov_agent_info{{{AGENT}}})",
    unit=Unit.COUNT,
    blind="which version of an agent runs, and who owns it",
)
COST_BY_MODEL = Expression(
    name="agent_cost_by_model",
    **counted(lambda cost: once(cost, _BY_MODEL), agents.COST),
    unit=Unit.USD,
    blind="which models an agent pays for",
)
