"""Settings: what holds when a key is left out, what the environment overrides, and one exact message a mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from dashboard import connections
from dashboard.catalog.fields import FIELDS
from dashboard.model.words import LogLevel, Severity
from dashboard.settings import EnvironmentSettings, Settings, SettingsError, load
from dashboard.settings.fields import FieldConcept, SpanConcept
from dashboard.settings.release import GATES
from dashboard.settings.sources import ElasticsearchSettings

EXAMPLE = Path("deploy/production/tealdeck.toml.example")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a settings file and answers its path."""

    def write(text: str) -> Path:
        file = tmp_path / "tealdeck.toml"
        file.write_text(text)
        return file

    return write


def _load(path: Path, **variables: str) -> Settings:
    return load(path, variables=variables)


def test_the_example_that_people_copy_is_allowed():
    settings = _load(EXAMPLE)

    assert settings.environments["production"].prometheus.scrape_interval_seconds == 30
    assert settings.default_environment == "production"


def test_the_example_shows_every_key():
    shown = tomllib.loads(EXAMPLE.read_text())["environments"]["production"]

    def keys(model: type[BaseModel], table: dict[str, Any]) -> None:
        assert table.keys() == model.model_fields.keys() - {"name"}
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                keys(field.annotation, table[name])

    keys(EnvironmentSettings, shown)


def test_own_fields_are_named_by_what_they_mean(write):
    file = write(
        '[environments.local.elasticsearch.fields]\nlogs = { track = "kubernetes.labels.color", message = ["a", "b"] }'
    )

    fields = _load(file).environments["local"].elasticsearch.fields.by_stream()

    assert fields == {"logs": {"track": ("kubernetes.labels.color",), "message": ("a", "b")}, "traces": {}}


@pytest.mark.parametrize(("stream", "allowed"), [("logs", FieldConcept), ("traces", SpanConcept)])
def test_what_fields_can_be_named_for_is_what_the_deck_reads(stream: str, allowed: Any):
    assert set(get_args(allowed)) <= FIELDS[stream].keys()


def test_own_words_are_added_to_those_that_are_known(write):
    file = write(
        '[environments.local.words]\nseverity = { P2 = "critical", "" = "warning" }\nlevel = { BAD = "error" }'
    )

    words = _load(file).environments["local"].words.tables()

    assert words.severity.meaning("p2") is Severity.CRITICAL
    assert words.severity.meaning("") is Severity.WARNING
    assert words.severity.meaning("page") is Severity.CRITICAL
    assert words.level.meaning("bad") is LogLevel.ERROR


def test_an_environment_needs_nothing_but_its_name(write):
    settings = _load(write("[environments.local]"))

    local = settings.environments["local"]
    assert (settings.default_environment, local.name, local.namespace) == ("local", "local", "agents")
    assert local.prometheus.url == ""


def test_a_single_namespace_is_a_list_of_one(write):
    settings = _load(write('[environments.a]\nnamespace = "x"\n[environments.b]\nnamespaces = ["y", "z"]'))

    assert settings.environments["a"].namespaces == ("x",)
    assert (settings.environments["b"].namespaces, settings.environments["b"].namespace) == (("y", "z"), "y")


def test_namespaces_can_be_set_from_the_environment(write):
    settings = _load(write("[environments.a]"), TEALDECK__ENVIRONMENTS__A__NAMESPACES="x, y")

    assert settings.environments["a"].namespaces == ("x", "y")


def test_environments_that_say_nothing_of_the_audit_have_a_file_and_a_stream_each(write):
    environments = _load(write("[environments.a]\n[environments.b]")).environments

    assert [one.audit.file for one in environments.values()] == ["audit-a.jsonl", "audit-b.jsonl"]
    assert [one.audit_stream for one in environments.values()] == ["logs-agentgov.audit-a", "logs-agentgov.audit-b"]


def test_the_first_environment_is_the_default(write):
    assert _load(write("[environments.b]\n[environments.a]")).default_environment == "b"


def test_the_file_is_found_by_the_variable(write):
    file = write("[environments.named]")

    assert "named" in load(variables={"TEALDECK_SETTINGS": str(file)}).environments


def test_the_file_is_found_in_the_working_directory(write, monkeypatch):
    monkeypatch.chdir(write("[environments.here]").parent)

    assert "here" in load(variables={}).environments


def test_the_environment_overrides_the_file_with_the_right_type(write):
    file = write('[environments.eu-west]\nrefresh_seconds = 5\n[environments.eu-west.prometheus]\nurl = "http://a"')

    settings = _load(
        file,
        TEALDECK__ENVIRONMENTS__EU_WEST__REFRESH_SECONDS="20",
        TEALDECK__ENVIRONMENTS__EU_WEST__PROMETHEUS__URL="http://b:9090",
        TEALDECK__ENVIRONMENTS__EU_WEST__ELASTICSEARCH__VERIFY_TLS="false",
    )

    west = settings.environments["eu-west"]
    assert (west.refresh_seconds, west.prometheus.url, west.elasticsearch.verify_tls) == (20, "http://b:9090", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "[environments.local]\nrefresh_second = 5",
            "environments.local.refresh_second: found an unknown key; allowed: did you mean refresh_seconds? "
            "namespaces, refresh_seconds, retention_days, presets, labels, metrics, blue_green, owner_labels, "
            "prometheus, alertmanager, elasticsearch, kubernetes, audit, "
            "release, business, words, searches",
            id="a misspelt key",
        ),
        pytest.param(
            '[environments.local.kubernetes]\ntoken = "x"',
            "environments.local.kubernetes.token: found an unknown key; allowed: kubeconfig, context",
            id="a key from elsewhere",
        ),
        pytest.param(
            "[environments.local]\nrefresh_seconds = 1",
            "environments.local.refresh_seconds: found 1; allowed: greater than or equal to 2",
            id="a number too small",
        ),
        pytest.param(
            '[environments.local.prometheus]\nurl = "prometheus:9090"',
            "environments.local.prometheus.url: found 'prometheus:9090'; "
            "allowed: http://HOST:PORT or https://HOST, a path may follow",
            id="an address without http",
        ),
        pytest.param(
            '[environments.local.prometheus]\nurl = "http://me:secret@host"',
            "environments.local.prometheus.url: found a URL with a user, password or query in it; "
            "allowed: http://HOST:PORT or https://HOST, a path may follow",
            id="a password in an address is not repeated",
        ),
        pytest.param(
            'default_environment = "x"\n[environments.a]\n[environments.b]',
            "default_environment: found 'x'; allowed: one of a, b",
            id="a default that is not there",
        ),
        pytest.param(
            "[environments.Lo_cal]",
            "environments.Lo_cal: found 'Lo_cal'; allowed: lower-case letters, digits and dashes, at most 63",
            id="a name that cannot stand in a link",
        ),
        pytest.param(
            "", "environments: found nothing; allowed: at least one table [environments.NAME]", id="an empty file"
        ),
        pytest.param(
            "[environments]",
            "environments: found nothing; allowed: at least one table [environments.NAME]",
            id="no environment",
        ),
        pytest.param(
            '[environments.local.prometheus]\ntoken_file = "t"\nusername = "u"\npassword_file = "p"',
            "environments.local.prometheus: found both token_file and username; allowed: one way to be let in",
            id="two ways to be let in",
        ),
        pytest.param(
            '[environments.local.elasticsearch]\napi_key_file = "k"\ntoken_file = "t"',
            "environments.local.elasticsearch: found api_key_file and token_file together; "
            "allowed: one way to be let in",
            id="two ways to be let in by Elasticsearch",
        ),
        pytest.param(
            '[environments.local.elasticsearch]\nusername = "u"',
            "environments.local.elasticsearch: found username or password_file alone; allowed: both, or neither",
            id="a user of Elasticsearch without a password",
        ),
        pytest.param(
            '[environments.local.alertmanager]\nusername = "u"',
            "environments.local.alertmanager: found username or password_file alone; allowed: both, or neither",
            id="a user without a password",
        ),
        pytest.param(
            '[environments.local.prometheus.headers]\n"X Scope" = "a"',
            "environments.local.prometheus.headers.*: found text that is not shown, since it may be a secret; "
            "allowed: a name of letters, digits and dashes, and a value of printable ASCII",
            id="a header that is none",
        ),
        pytest.param(
            '[environments.local.elasticsearch]\nca_fingerprint = "abc"',
            "environments.local.elasticsearch.ca_fingerprint: found 'abc'; "
            "allowed: 64 hexadecimal digits, colons between pairs or not",
            id="a fingerprint that is none",
        ),
        pytest.param(
            '[environments.local.release.acceptable]\nbackups = ["maria"]',
            f"environments.local.release: found acceptable gate 'backups'; allowed: {', '.join(GATES)}",
            id="an unknown gate that somebody might accept",
        ),
        pytest.param(
            '[environments.a]\nnamespaces = ["agents", "Team_7"]',
            "environments.a.namespaces.1: found 'Team_7'; allowed: lower-case letters, digits and dashes, at most 63",
            id="a namespace that cannot be one",
        ),
        pytest.param(
            "[environments.a]\nnamespaces = []",
            "environments.a.namespaces: found an empty list; allowed: at least one namespace",
            id="no namespace",
        ),
        pytest.param(
            '[environments.a]\nnamespaces = ["x", "x"]',
            "environments.a: found a namespace twice in namespaces; allowed: each once",
            id="a namespace twice",
        ),
        pytest.param(
            '[environments.a]\nnamespace = "x"\nnamespaces = ["x"]',
            "environments.a: found both namespace and namespaces; allowed: one of them",
            id="namespaces in two ways",
        ),
        pytest.param(
            "[environments.a]\nnamespace = 7",
            "environments.a.namespace: found 7; allowed: a name, or a list of names",
            id="a number for a namespace",
        ),
        pytest.param(
            '[environments.a.audit]\nfile = "x.jsonl"\n[environments.b.audit]\nfile = "./y/../x.jsonl"',
            "found environments a and b with one audit file; allowed: a file for each",
            id="one audit file for two environments",
        ),
        pytest.param(
            '[environments.a.elasticsearch]\nurl = "http://e"\naudit_stream = "logs-a-b"\n'
            '[environments.b.elasticsearch]\nurl = "http://e/"\naudit = "logs-a-b"',
            "found environments a and b with one audit stream, logs-a-b; "
            "allowed: elasticsearch.audit_stream: a data stream for each",
            id="one audit stream for two environments",
        ),
        pytest.param(
            '[environments.a.elasticsearch]\nurl = "http://e"\n'
            '[environments.b.elasticsearch]\nurl = "http://e"\naudit_stream = "logs-b-b"\n'
            'audit = "logs-b-b, logs-agentgov.audit-a"',
            "found environment b reading the audit stream of a, logs-agentgov.audit-a; allowed: its own",
            id="an environment that reads another's audit",
        ),
        pytest.param(
            '[environments.a.elasticsearch]\nurl = "http://e"\naudit = "logs-a-*,logs-b-*"',
            "environments.a: found audit 'logs-a-*,logs-b-*' without audit_stream; "
            "allowed: audit_stream: one data stream by name",
            id="several streams to write to",
        ),
        pytest.param(
            '[environments.a.elasticsearch]\naudit_stream = "logs-*"',
            "environments.a.elasticsearch.audit_stream: found 'logs-*'; "
            "allowed: one data stream by name: lower case, no wildcard, no comma, no colon",
            id="a pattern to write to",
        ),
        pytest.param("environments = 3", "environments: found 3; allowed: a table", id="a number for a table"),
        pytest.param(
            "[environments.local]\nprometheus = 3",
            "environments.local.prometheus: found 3; allowed: a table",
            id="a number for a section",
        ),
    ],
)
def test_each_mistake_names_file_key_found_and_allowed(write, text: str, message: str):
    file = write(text)

    with pytest.raises(SettingsError) as caught:
        _load(file)

    assert str(caught.value) == f"{file}: {message}"


def test_a_mistake_in_a_variable_names_the_variable(write):
    with pytest.raises(SettingsError, match=r"^\$TEALDECK__ENVIRONMENTS__LOCAL__REFRESH_SECONDS: .* found 'soon'"):
        _load(write("[environments.local]"), TEALDECK__ENVIRONMENTS__LOCAL__REFRESH_SECONDS="soon")


def test_a_variable_below_a_value_is_refused(write):
    with pytest.raises(SettingsError, match="namespace is a value; allowed: a table"):
        _load(write('[environments.local]\nnamespace = "a"'), TEALDECK__ENVIRONMENTS__LOCAL__NAMESPACE__X="1")


def test_a_missing_file_says_where_to_name_one(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"nowhere: no such file: name one in TEALDECK_SETTINGS"):
        _load(tmp_path / "nowhere")


def test_a_folder_is_not_a_file(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        _load(tmp_path)


def test_what_is_not_toml_says_where(write):
    with pytest.raises(SettingsError, match=r"tealdeck.toml: is not TOML: .*line 1"):
        _load(write("a == 1"))


def test_what_is_not_text_is_said(tmp_path: Path):
    file = tmp_path / "tealdeck.toml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        _load(file)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        pytest.param({"token_file": "f"}, {"bearer_auth": "secret"}, id="a bearer token"),
        pytest.param({"username": "deck", "password_file": "f"}, {"basic_auth": ("deck", "secret")}, id="a user"),
        pytest.param({"api_key_file": "f"}, {"api_key": "secret"}, id="an API key"),
        pytest.param({}, {}, id="nothing"),
    ],
)
def test_each_way_into_elasticsearch_reaches_its_connector(tmp_path: Path, given: dict[str, str], sent: object) -> None:
    file = tmp_path / "secret"
    file.write_text("secret\n")
    own = {key: str(file) if key.endswith("_file") else value for key, value in given.items()}
    settings = ElasticsearchSettings.model_validate({"url": "http://127.0.0.1:9", **own})
    assert connections.elasticsearch(settings)._credentials() == sent


@pytest.mark.parametrize(
    "text",
    [
        'prometheus = "https://u:SECRET@h"',
        '[environments.local.prometheus]\nheaders = { Authorization = "Bearer SECRET\\n" }',
        '[environments.local.prometheus]\nheaders = "Authorization: Bearer SECRET"',
        '[environments.local.prometheus.headers]\n"Bearer SECRET" = "Authorization"',
        '[environments.local.prometheus.headers]\n"SECRET" = "X-Scope\\u00fc"',
        '[environments.local.prometheus.headers]\nAuthorization = "Bearer SECRET\\u00fc"',
        '[environments.local.prometheus]\nurl = "https://h/SECRET x"',
        '[environments.local.prometheus]\nurl = "https://h?token=SECRET"',
        '[environments.local.elasticsearch]\nca_fingerprint = "https://u:SECRET@h"',
    ],
)
def test_a_mistake_is_told_without_what_may_be_a_secret(write, text):
    with pytest.raises(SettingsError) as caught:
        _load(write(f"[environments.local]\n{text}"))

    assert "SECRET" not in str(caught.value)


def test_a_header_in_a_variable_is_told_without_its_name_and_value(write):
    variables = {"TEALDECK__ENVIRONMENTS__LOCAL__PROMETHEUS__HEADERS__SECRET": "SECRET\u2028"}
    with pytest.raises(SettingsError) as caught:
        load(write("[environments.local]"), variables=variables)

    assert str(caught.value).startswith("$TEALDECK__ENVIRONMENTS__LOCAL__PROMETHEUS__HEADERS__*: ")
    assert "secret" not in str(caught.value).lower().replace("may be a secret", "")
