"""The policy that an environment's settings mean, in the words of `decide/`."""

from __future__ import annotations

from datetime import timedelta

from dashboard.decide.comparison_inputs import Margin
from dashboard.decide.policy import Freeze, Limits, MetricFamily, Policy
from dashboard.queries.ask import Ask
from dashboard.settings import EnvironmentSettings

# Parts of the error budget: most for what users feel.
_WEIGHTS = {"errors": 0.4, "violations": 0.2, "tools": 0.12, "denials": 0.04, "latency": 0.24}
_USUAL = {"errors": 0.005, "violations": 0.005, "tools": 0.01, "denials": 0.02, "latency": 0.1}
# A p95 limit is one on the share of slow runs.
_SLOWER_THAN_P95 = 0.05


def limits_of(ask: Ask) -> Limits:
    """What the environment's settings call bad: the one table that gates, Triage, tiles and charts read."""
    return policy_of(ask.environment).limits


def policy_of(environment: EnvironmentSettings) -> Policy:
    """The release policy. The settings already refused contradictions."""
    given = environment.release
    shares = {
        "errors": given.error_ratio,
        "violations": given.violation_ratio,
        "tools": given.tool_failure_ratio,
        "denials": given.denial_ratio,
    }
    fail = Margin(ratio=given.fail_ratio, share=given.fail_share)
    go = Margin(ratio=given.go_ratio, share=given.go_share)
    families = {
        name: MetricFamily(weight=_WEIGHTS[name], fail=fail, go=go, limit=limit, usual=_USUAL[name])
        for name, limit in shares.items()
    }
    families["latency"] = MetricFamily(
        weight=_WEIGHTS["latency"],
        fail=Margin(ratio=given.fail_slower),
        go=Margin(ratio=given.go_slower),
        limit=_SLOWER_THAN_P95,
        usual=_USUAL["latency"],
    )
    return Policy(
        limits=Limits(
            error_ratio=given.error_ratio,
            violation_ratio=given.violation_ratio,
            tool_failure_ratio=given.tool_failure_ratio,
            denial_ratio=given.denial_ratio,
            throttled_ratio=given.throttled_ratio,
            p95_seconds=given.p95_seconds,
            objective_ratio=given.objective_ratio,
            cost_ratio=given.cost_ratio,
            oldest_backup=timedelta(hours=given.backup_hours),
            freezes=tuple(
                Freeze(begins=freeze.begins, ends=freeze.ends, reason=freeze.reason) for freeze in given.freezes
            ),
            words=environment.words.given(),
        ),
        families=families,
        alpha=given.false_stop_share,
        pass_alpha=given.false_go_share,
        hold_evidence=0.2 / given.false_stop_share,
        bake=timedelta(minutes=given.bake_minutes),
        most_left_out=given.most_left_out,
        advisory=given.advisory,
        required=given.required,
        acceptable=given.acceptable,
    )
