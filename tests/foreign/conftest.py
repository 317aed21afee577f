"""The log store of these tests: the stand-in, and a real Elasticsearch under `make test-real`."""

from tests.real.elasticsearch.conftest import store

__all__ = ["store"]
