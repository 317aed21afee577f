"""Filters as clauses: whatever types fields have and whatever words are known, the query can be sent."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.elasticsearch import FieldType, FieldTypes
from dashboard.model.log import LogPlace
from dashboard.model.words import WORDS, LogLevel
from dashboard.queries import search, survey
from dashboard.queries.request import Logs
from dashboard.queries.resolution import Resolution, resolve
from tests.unit.fake_logs import NOW

_TYPES = {"keyword": True, "text": False, "long": True, "object": False, "date": True}
_NAMES = (
    *("level", "level.keyword", "severity_text", "severity_number", "message", "log", "service.name"),
    *("kubernetes.labels.app", "kubernetes.pod.name", "labels.tealdeck_track", "kubernetes.namespace"),
)
_kinds = st.dictionaries(st.sampled_from("abc"), st.sampled_from(sorted(_TYPES)))
_fields = st.dictionaries(st.sampled_from(_NAMES), _kinds)
PLACES = (LogPlace(workload="a-green", service="a", track="green"), LogPlace(workload="a-green-worker"))


def _resolved(fields: dict[str, dict[str, str]]) -> Resolution:
    by_name = {
        name: tuple(
            FieldType(
                type=kind,
                aggregatable=_TYPES[kind],
                indices=frozenset(index for index, other in by_index.items() if other == kind),
            )
            for kind in dict.fromkeys(by_index.values())
        )
        for name, by_index in fields.items()
    }
    return resolve("logs", FieldTypes(indices=frozenset("abc"), by_name=by_name))


@given(_fields, st.sampled_from(LogLevel), st.sampled_from(["a", "7", "inf", "nan", "1e999", "-3"]), st.booleans())
def test_every_question_is_valid_json(
    fields: dict[str, dict[str, str]], level: LogLevel, service: str, knows_places: bool
) -> None:
    request = Logs(
        stream="logs",
        namespace="agents",
        start=NOW - timedelta(hours=1),
        end=NOW,
        filters={"service": service, "track": "green", "level": level},
        terms=("service", "track", "level"),
        places=PLACES if knows_places else (),
    )
    found = _resolved(fields)

    asked = [
        search.query(request, found),
        search.sort(request, found),
        search.aggregations(request, found, 1),
        survey.query(request, found, WORDS),
        survey.aggregations(request, found, WORDS),
        *search.split_aggregations(request, found).values(),
    ]
    assert len(json.dumps(asked, allow_nan=False)) < 200_000


@given(_fields)
def test_each_index_is_reached_by_the_field_that_it_has(fields: dict[str, dict[str, str]]) -> None:
    found = _resolved(fields)

    having = {
        index
        for name in ("level", "level.keyword", "severity_text")
        for index, kind in fields.get(name, {}).items()
        if kind != "object" and (kind != "text" or not name.endswith(".keyword"))
    }
    assert found.reached["severity"] == having
    for use in found.found.get("severity", ()):
        assert use.indices is None or use.indices <= having
