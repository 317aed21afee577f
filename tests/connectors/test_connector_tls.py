"""TLS: a certificate by an unknown CA is refused in plain words, unless the settings name the CA or waive the check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.alertmanager import Alertmanager
from connectors.elasticsearch import Elasticsearch
from connectors.errors import Unreachable
from connectors.session import Access

Connector = Callable[..., Any]


def alertmanager(url: str, **access: Any) -> Alertmanager:
    return Alertmanager(url, Access(**access))


both = pytest.mark.parametrize("connector", [alertmanager, Elasticsearch])


@both
def test_an_unknown_ca_is_not_trusted(tls_backend, connector: Connector):
    with pytest.raises(Unreachable, match=r"its certificate is not trusted: .*issuer"):
        connector(tls_backend.url).version()


@both
def test_the_ca_of_the_settings_is_trusted(tls_backend, own_ca, connector: Connector):
    assert connector(tls_backend.url, ca_file=str(own_ca.authority)).version() in ("0.25.0", "9.0.1")


@both
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_the_check_can_be_waived_for_a_trial(tls_backend, connector: Connector):
    assert connector(tls_backend.url, verify_tls=False).version() in ("0.25.0", "9.0.1")


@both
def test_a_ca_file_that_is_missing_is_named(tls_backend, connector: Connector):
    with pytest.raises(Unreachable, match=r"the CA file /nowhere\.pem is not there"):
        connector(tls_backend.url, ca_file="/nowhere.pem").version()


@both
def test_plain_text_where_tls_is_due_is_said(backend, connector: Connector):
    with pytest.raises(Unreachable, match="no TLS connection"):
        connector(backend.url.replace("http:", "https:")).version()
