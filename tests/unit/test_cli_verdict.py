"""`python -m dashboard verdict`: exit codes, output and refusals. Replays stand in for sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.cli import main
from dashboard.decide import archive
from dashboard.decide.policy import Policy
from dashboard.decide.verdict import judge
from dashboard.model.verdict import Evidence
from tests.unit.release_evidence import evidence, known
from tests.unit.release_trial import trial

GO, NO_GO, WAIT, USAGE = 0, 1, 3, 2
GIVEN: dict[str, tuple[Evidence, int]] = {
    "GO": (evidence(), GO),
    "NO-GO": (evidence(trial=known(trial(intervals=90, worse={"errors": 4.0}))), NO_GO),
    "WAIT": (evidence(trial=known(trial(intervals=2))), WAIT),
}


def written(folder: Path, given: Evidence) -> str:
    file = folder / "evidence.json"
    file.write_text(archive.write(given, Policy()))
    return str(file)


@pytest.mark.parametrize("decision", GIVEN)
def test_the_exit_code_says_the_word(decision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, code = GIVEN[decision]
    assert main(["verdict", "--replay", written(tmp_path, given)]) == code
    assert capsys.readouterr().out.startswith(f"{decision}  green 1.8.0  ")


def test_json_is_the_whole_verdict_to_the_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, _ = GIVEN["NO-GO"]
    main(["verdict", "--json", "--replay", written(tmp_path, given)])
    said = capsys.readouterr().out
    assert said == archive.as_json(judge(given)) + "\n"
    assert json.loads(said)["decision"] == "NO-GO"


def test_a_policy_check_says_what_is_found_and_how_long_a_go_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verdict", "--check-policy", "--replay", written(tmp_path, evidence())]) == GO
    said = capsys.readouterr().out
    assert "At most 1 % of healthy releases are stopped by chance" in said
    assert "errors" in said
    assert "a healthy release passes in" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["verdict"], "name the service", id="no service"),
        pytest.param(["verdict", "--replay", "nowhere.json"], "No such file", id="no such file"),
        pytest.param(["verdict", "--service", "a", "--settings", "no.toml"], "settings: no.toml", id="no settings"),
    ],
)
def test_what_is_asked_wrongly_is_2_with_the_reason(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == USAGE
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["verdict", "--wait", "5q"], ["verdict", "--mode", "now"], [], ["undo"]])
def test_arguments_that_cannot_be_are_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == USAGE


def test_an_unknown_environment_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "tealdeck.toml"
    settings.write_text("[environments.here]\n")
    asked = ["verdict", "--service", "a", "--environment", "there", "--settings", str(settings)]
    assert main(asked) == USAGE
    assert "found 'there'; allowed: one of here" in capsys.readouterr().err
