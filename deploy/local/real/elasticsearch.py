"""A real Elasticsearch node as a process, and the index templates that make data streams of what is sent to it.

The distribution brings templates for logs and traces in a module that is not published; these say the same of the
fields that the deck asks for, as far as the published field types go.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from deploy.local.children import Child
from deploy.local.errors import CommandError
from deploy.local.real import builds

_HEAP = "512m"
_TEXT = {"type": "text"}
TEMPLATE = {
    "index_patterns": ["logs-*-*", "traces-*-*", "metrics-*-*"],
    "data_stream": {},
    "priority": 100,
    "template": {
        "settings": {"number_of_replicas": 0},
        "mappings": {
            "dynamic_templates": [
                {
                    "strings": {
                        "match_mapping_type": "string",
                        "mapping": {"type": "keyword", "ignore_above": 1024},
                    }
                }
            ],
            "properties": {
                "@timestamp": {"type": "date"},
                "body": {"properties": {"text": _TEXT}},
                "message": _TEXT,
                "error": {"properties": {"message": _TEXT}},
            },
        },
    },
}


def child(home: Path, root: Path, listen: str, transport: str) -> Child:
    """One node of its own. Raises CommandError if there is no Java to run it."""
    java = builds.java()
    if java is None:
        raise CommandError("Elasticsearch needs a Java of 21 or newer; name one in JAVA_HOME.")
    host, port = listen.split(":")
    transport_host, transport_port = transport.split(":")
    scratch = root / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    command = (
        str(java / "bin" / "java"), f"-Xmx{_HEAP}", "-XX:TieredStopAtLevel=1", f"-Des.path.home={home}",
        f"-Djava.io.tmpdir={scratch}", "-p", str(home / "lib"), "--add-modules=ALL-MODULE-PATH,jdk.net",
        "--enable-native-access=ALL-UNNAMED,org.apache.lucene.core,org.elasticsearch.nativeaccess",
        "-cp", str(home / "starter"), "Starter",
        "cluster.name=local", "discovery.type=single-node", f"path.data={root / 'data'}", f"path.logs={root / 'logs'}",
        f"http.host={host}", f"http.port={port}", f"transport.host={transport_host}",
        f"transport.port={transport_port}",
        "cluster.routing.allocation.disk.threshold_enabled=false",
    )  # fmt: skip
    return Child(name="logstore", command=command, ready=f"http://{listen}/_cluster/health?wait_for_status=yellow")


def put_templates(listen: str) -> None:
    """Tells the node at HOST:PORT what logs, traces and metrics are. Raises OSError."""
    connection = http.client.HTTPConnection(listen, timeout=30)
    try:
        body, headers = json.dumps(TEMPLATE), {"Content-Type": "application/json"}
        connection.request("PUT", "/_index_template/tealdeck", body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"Elasticsearch refused its template: {answer.read().decode(errors='replace')[:500]}")
    finally:
        connection.close()
