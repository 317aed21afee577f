"""The collector: container logs and spans on their way to Elasticsearch, as an OpenTelemetry collector does it."""
