"""A real Elasticsearch node as a process, and the index templates that make data streams of what is sent to it.

The distribution brings templates for logs and traces in a module that is not published; these say the same of the
fields that the deck asks for, as far as the published field types go.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy.local.children import Child
from deploy.local.errors import CommandError
from deploy.local.real import builds

_HEAP = "512m"
_PATIENCE_SECONDS = 180.0  # a Java server on one busy core
_TEXT = {"type": "text"}
_TEMPLATE = {
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
# What a node takes from its configuration before it answers anybody.
_SETTINGS = {
    "metadata": {"version": "1", "compatibility": "8.4.0"},
    "state": {"index_templates": {"composable_index_templates": {"tealdeck": _TEMPLATE}}},
}


def child(home: Path, root: Path, listen: str, transport: str) -> Child:
    """One node of its own. Raises CommandError if there is no Java to run it."""
    java = builds.java()
    if java is None:
        raise CommandError("Elasticsearch needs a Java of 21 or newer; name one in JAVA_HOME.")
    host, port = listen.split(":")
    transport_host, transport_port = transport.split(":")
    scratch, settings = root / "tmp", root / "config" / "operator" / "settings.json"
    for folder in (scratch, settings.parent):
        folder.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(_SETTINGS))
    command = (
        str(java / "bin" / "java"), f"-Xmx{_HEAP}", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={scratch}",
        f"-Des.path.home={home}", f"-Des.path.conf={root / 'config'}",
        "-p", str(home / "lib"), "--add-modules=ALL-MODULE-PATH,jdk.net",
        "--enable-native-access=ALL-UNNAMED,org.apache.lucene.core,org.elasticsearch.nativeaccess",
        "-cp", str(home / "starter"), "Starter",
        "cluster.name=local", "discovery.type=single-node", f"path.data={root / 'data'}", f"path.logs={root / 'logs'}",
        f"http.host={host}", f"http.port={port}", f"transport.host={transport_host}",
        f"transport.port={transport_port}", "cluster.routing.allocation.disk.threshold_enabled=false",
    )  # fmt: skip
    # Before the template is there, what is sent would make plain indices with guessed fields.
    ready = f"http://{listen}/_index_template/tealdeck"
    return Child(name="logstore", command=command, ready=ready, patience_seconds=_PATIENCE_SECONDS)
