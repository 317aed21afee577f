"""Writes schema.json, the fields of the built-in kinds, from the Go modules of Kubernetes' API.

Run by hand when the served version changes: `python -m deploy.local.apiserver.compile_schema API_DIR APIMACHINERY_DIR`
with the unpacked modules k8s.io/api and k8s.io/apimachinery. Each field becomes `shape+type`: `[]` list, `{}` map, `~`
inlined into its parent.
"""

import json
import re
import sys
from pathlib import Path

from .kinds import BUILT_IN

_MESSAGE = re.compile(r"^message (\w+) \{$(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (optional|repeated|map<\w+, )\s*([\w.]+)>? (\w+) = \d+;", re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r'^\s+(?:\w+\s+)?\S+\s+`json:"([^"]*)".*protobuf:"[^"]*name=(\w+)', re.MULTILINE)
# Messages whose JSON is one value.
_VALUES = {
    "api.resource.Quantity": "quantity",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "meta.v1.FieldsV1": "raw",
    "runtime.RawExtension": "raw",
    "util.intstr.IntOrString": "intstr",
}
_EXTRA = ("policy.v1.Eviction", "autoscaling.v1.Scale", "authentication.v1.TokenRequest", "meta.v1.DeleteOptions")
Messages = dict[str, dict[str, str]]


def main() -> int:
    api, machinery = (Path(argument) for argument in sys.argv[1:3])
    sources = [*sorted(api.glob("*/v*/generated.proto")), *sorted(machinery.glob("pkg/**/generated.proto"))]
    messages: Messages = {}
    for source in sources:
        messages.update(_messages(source))
    roots = [_short(f"k8s.io.api.{r.group.partition('.')[0] or 'core'}.{r.version}.{r.kind}") for r in BUILT_IN]
    kept = _reachable(messages, [*roots, *_EXTRA])
    lines = ",\n".join(f'"{name}": {json.dumps(messages[name])}' for name in sorted(kept))
    Path(__file__).with_name("schema.json").write_text("{\n" + lines + "\n}\n")
    return 0


def _short(name: str) -> str:
    for prefix in ("k8s.io.api.", "k8s.io.apimachinery.pkg.apis.", "k8s.io.apimachinery.pkg."):
        name = name.removeprefix(prefix)
    return name


def _messages(source: Path) -> Messages:
    text = source.read_text()
    package = re.search(r"^package ([\w.]+);", text, re.MULTILINE)
    if package is None:
        raise ValueError(f"{source}: no package")
    tags = _tags(source.parent)
    found: Messages = {}
    for message, body in _MESSAGE.findall(text):
        fields = {}
        for label, kind, name in _FIELD.findall(body):
            full = _short(kind[1:] if kind.startswith(".") else f"{package[1]}.{kind}" if kind[0].isupper() else kind)
            inlined, json_name = tags.get((message, name), ("", name))
            shape = {"repeated": "[]", "optional": inlined}.get(label, "{}")
            fields[json_name] = f"{shape}{_VALUES.get(full, full)}"
        found[_short(f"{package[1]}.{message}")] = fields
    return found


def _tags(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """What only the Go files say, by message and field: `~` for an inlined field, and the name in JSON."""
    tags = {}
    for source in folder.glob("*.go"):
        for struct, body in _STRUCT.findall(source.read_text()):
            for tag, name in _MEMBER.findall(body):
                inlined = tag.startswith(",inline")
                tags[struct, name] = ("~", name) if inlined else ("", tag.partition(",")[0] or name)
    return tags


def _reachable(messages: Messages, roots: list[str]) -> set[str]:
    kept: set[str] = set()
    waiting = [root for root in roots if root in messages]
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            kinds = (re.sub(r"^(~|\[\]|\{\})", "", field) for field in messages[name].values())
            waiting += [kind for kind in kinds if kind in messages]
    return kept


if __name__ == "__main__":
    sys.exit(main())
