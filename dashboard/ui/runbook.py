"""A runbook on a card: ours as text in place, at the steps that fit; a team's own as a link."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

import streamlit as st

from dashboard.decide.runbook_steps import RunbookStep, bare, fitting
from dashboard.model.incident import Situation
from dashboard.ui.text import plain

RUNBOOKS: Final = Path(__file__).resolve().parents[2] / "deploy" / "runbooks"
_ICON: Final = ":material/menu_book:"
# An alert may link to anywhere on the web, and to nothing that a browser would run.
_URL: Final = re.compile(r"https?://[^\s<>\"]{1,1000}")
# The name comes from an alert's annotation: it may name a runbook and nothing else on this machine.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def button(runbook: str, known: Collection[Situation], *, key: str, why: str = "Fits what is known now") -> None:
    """The button that opens a runbook; nothing where an alert names none.

    Args:
        runbook: the name of one of ours, or an address.
        known: what is known of the incident; the steps for it stand first.
        key: of the incident.
        why: the words above the steps that fit.
    """
    if _URL.fullmatch(runbook):
        st.link_button("Runbook", runbook, icon=_ICON, help=plain(runbook), width="stretch")
    elif (text := text_of(runbook)) is not None:
        with st.popover("Runbook", icon=_ICON, width="stretch", key=f"runbook-{key}"):
            _steps(fitting(text, known), why)
            st.markdown(bare(text).replace("# ", "##### ", 1))


def text_of(runbook: str) -> str | None:
    """The text of one of our runbooks; None where there is none of this name."""
    file = RUNBOOKS / f"{runbook}.md"
    return file.read_text(encoding="utf-8") if _NAME.fullmatch(runbook) and file.is_file() else None


def _steps(found: Collection[RunbookStep], why: str) -> None:
    """The steps that fit what is known, before everything else: at night nobody reads to the end."""
    if found:
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f":material/double_arrow: **{why}**")
            st.markdown("\n".join(f"{step.number}. {step.text}" for step in found))
