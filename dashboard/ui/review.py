"""What a release manager takes along: the review as one HTML file, the evidence as JSON, and how it was computed.

The only place that speaks of statistics by name; everywhere else plain words do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard.decide import archive
from dashboard.decide.planned import POINTS, bounds
from dashboard.decide.policy import Policy
from dashboard.model.verdict import GateAnswer, Verdict
from dashboard.queries.release import ReleaseAnswer
from dashboard.ui.code import code
from dashboard.ui.format import count, duration, number
from dashboard.ui.text import in_html

_STYLE: Final = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2933}"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #d5dbe1;padding:.4rem;text-align:left;"
    "vertical-align:top}h1{font-size:1.5rem}code{font-size:.85em;overflow-wrap:anywhere}small{color:#52606d}"
)
_FORMULA: Final = """\
log e = x_g log(p_g' / q0) + (n_g - x_g) log((1 - p_g') / (1 - q0))
      + x_b log(p_b' / p0) + (n_b - x_b) log((1 - p_b') / (1 - p0))
p0 = the smaller root of ψ(n_g + n_b) p² - [n_g(ψ + p_g') + n_b(1 + ψ p_b')] p + (n_g p_g' + n_b p_b') = 0
q0 = ψ p0"""
SOURCES: Final = (
    "The factor: Turner, Ly, Grünwald, arXiv 2106.02693; for margins: Turner, Grünwald, arXiv 2203.09785.",
    "Looking at any time: Ville's inequality; Ramdas and others, Statistical Science 38 (2023).",
    "The score of a pass: Gu, Ng, Tang, Schucany, Biometrical Journal 50 (2008).",
    "Its planned moments: Lan, DeMets, Biometrika 70 (1983).",
    "Slow noise: differences of neighbouring minutes, Allan, Proc. IEEE 54 (1966).",
    "Dispersion: McCullagh and Nelder, Generalized Linear Models, 2nd edition, section 4.5.",
    "Time left against a limit: Wald, Sequential Analysis (1947), section 3.4.",
)


def promise(policy: Policy) -> str:
    """What one may rely on, in one sentence."""
    return (
        f"Of 1,000 healthy releases, at most {policy.alpha * 1000:.0f} are ever stopped by chance, however often "
        "anybody looks: the comparison with the other track, the limits and the cost share this one budget."
    )


def exports(found: ReleaseAnswer) -> None:
    """The two files. They are made when somebody asks for them."""
    verdict = found.after or found.before
    stamp = f"{verdict.candidate}-{verdict.version or 'unknown'}-{verdict.at:%Y%m%dT%H%M%SZ}"
    with st.container(horizontal=True, key="release-exports"):
        st.download_button(
            "Review",
            lambda: page(verdict, found.policy),
            file_name=f"review-{stamp}.html",
            mime="text/html",
            icon=":material/description:",
            key="release.review",
            on_click="ignore",
        )
        st.download_button(
            "Evidence",
            lambda: archive.write(found.evidence, found.policy),
            file_name=f"evidence-{stamp}.json",
            mime="application/json",
            icon=":material/data_object:",
            key="release.evidence",
            on_click="ignore",
            help="The verdict can be computed again from it: python -m dashboard verdict --replay FILE",
        )


def how(verdict: Verdict, policy: Policy) -> None:
    """How this is computed, for who wants to know."""
    with st.expander("How this is computed", icon=":material/function:"):
        st.markdown(promise(policy))
        st.markdown(
            "Errors, violations, tool failures, denials and slow runs are counted per interval on both tracks. For "
            "each interval an evidence factor (an e-value) holds what was seen against the nearest point of the margin "
            "`p_g = ψ p_b`; the factors of all intervals multiply:"
        )
        code(_FORMULA)
        errors = policy.families["errors"]
        latency = policy.families["latency"]
        st.markdown(
            "Bets `p_b'`, `p_g'` are fixed before each interval from what was seen until then: six sizes of harm, a "
            "quarter of the stake kept for harm that begins later. "
            f"**NO-GO** when the weighted mean over all metrics reaches {1 / policy.alpha:.0f}; from "
            f"{policy.hold_evidence:.0f} on the release is held. **Pass** is decided at planned moments: the score "
            "`S = Σ w (ψ x_b n_g / n_b - x_g)` of a metric is held against its standard deviation when the information "
            f"`J`, which no count of the candidate moves, reaches {', '.join(f'{point:.1f}' for point in POINTS[:3])} "
            f"and so on; bounds {', '.join(f'{bound:.2f}' for bound in bounds(policy.pass_alpha)[:3])} and so on "
            f"standard deviations let at most {policy.pass_alpha:.0%} of releases at the edge pass over all of them. "
            f"Or as soon as the product against its limit reaches {1 / policy.pass_alpha:.0f}. "
            f"Margins: to fail more than {errors.fail.ratio:g} times as many and {errors.fail.share:.2%} more, or "
            f"{latency.fail.ratio - 1:.0%} slower; to pass shown to be under {errors.go.ratio:g} times as many, or "
            f"{latency.go.ratio - 1:.0%} slower. All counts are divided by how much more than chance the pods of the "
            "other track differ from each other, and by what the past shows of a track's own slow noise, uncertainty "
            "added: measurements, not theorems. Limits fail by the same kind of evidence against a fixed share."
        )
        st.markdown("\n".join(f"- {source}" for source in SOURCES))
        details = [f"- {gate.title}: {gate.detail}" for gate in verdict.gates if gate.detail]
        if details:
            st.markdown("\n".join(details))


def page(verdict: Verdict, policy: Policy) -> str:
    """The review as one HTML document that needs nothing else."""
    release = in_html(f"{verdict.candidate} {verdict.version}")
    rows = "".join(map(_row, verdict.gates))
    queries = "".join(
        f"<h3>{in_html(gate.title)}</h3><code>{in_html(gate.query)}</code>" for gate in verdict.gates if gate.query
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{verdict.decision} {release}</title>"
        f"<style>{_STYLE}</style><h1>{verdict.decision} for {release}</h1><p>{in_html(verdict.sentence)}</p>"
        f"<p><small>Judged {verdict.at:%Y-%m-%d %H:%M:%S} UTC, {verdict.mode} a switch.</small></p>"
        "<table><thead><tr><th>Answer</th><th>Question</th><th>Value</th><th>Limit</th><th>Events</th><th>Why</th>"
        f"<th>True at</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>What one may rely on</h2><p>{in_html(promise(policy))}</p>"
        f"<h2>Policy</h2><code>{in_html(archive.as_json(policy))}</code>"
        f"<h2>Sources of the method</h2><ul>{_items(SOURCES)}</ul>"
        f"<h2>Questions as they were asked</h2>{queries}</html>"
    )


def _row(gate: GateAnswer) -> str:
    value, limit = (number(figure, gate.unit) if gate.unit else "" for figure in (gate.value, gate.limit))
    aside = "" if gate.required else "<br><small>does not decide</small>"
    left = f" <small>about {duration(gate.seconds_left)} left</small>" if gate.seconds_left else ""
    sample = count(gate.sample) if gate.sample is not None else ""
    at = f"{gate.as_of:%H:%M:%S}" if gate.as_of else ""
    cells = (gate.result.value, in_html(gate.title), value, limit, sample, in_html(gate.reason) + left, at)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (cells[0] + aside, *cells[1:])) + "</tr>"


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{in_html(line)}</li>" for line in lines)
