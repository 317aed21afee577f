"""The part of the settings that says how a team does blue-green in its cluster."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dashboard.model import blue_green
from dashboard.model.blue_green import BlueGreen
from dashboard.settings.base import Section, not_allowed

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"({_NAME})?")
_SERVICE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise not_allowed(repr(text), "a label's name as Kubernetes has it: color, or example.com/color")
    return text


def _value(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise not_allowed(repr(text), "a label's value as Kubernetes has it: letters, digits, dashes, dots, at most 63")
    return text


def _service(text: str) -> str:
    if not _SERVICE.fullmatch(text):
        raise not_allowed(repr(text), "the name of a Service: lower-case letters, digits and dashes, at most 63")
    return text


def _pattern(text: str) -> str:
    if text and (text.count("{}") != 1 or not _SERVICE.fullmatch(text.replace("{}", "x")) or text == "{}"):
        raise not_allowed(repr(text), "a name with {} once, where the Service's own name stands: {}-preview; or empty")
    return text


def _listed(given: Any) -> Any:
    return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given


class BlueGreenSettings(Section):
    """Which label tells the track, and which Services are governed."""

    track_label: Annotated[str, AfterValidator(_key)] = Field(
        default=blue_green.TRACK, description="The label on pods and in the Service's selector that tells the track."
    )
    blue: Annotated[str, AfterValidator(_value)] = Field(
        default="", description="Its value for blue. With green empty as well: the two values that are seen."
    )
    green: Annotated[str, AfterValidator(_value)] = Field(default="", description="Its value for green.")
    version_label: Annotated[str, AfterValidator(_key)] = Field(
        default=blue_green.VERSION, description="The label on pods with the version. Without it: the image's tag."
    )
    governed_label: Annotated[str, AfterValidator(_key)] = Field(
        default=blue_green.GOVERNED, description='A Service with this label at "true" is governed.'
    )
    services: Annotated[tuple[Annotated[str, AfterValidator(_service)], ...], BeforeValidator(_listed)] = Field(
        default=(), description="Services that are governed by name; they need no label."
    )
    preview_name: Annotated[str, AfterValidator(_pattern)] = Field(
        default="{}-preview", description="Name of a preview Service; the annotation on the Service wins over it."
    )

    @model_validator(mode="after")
    def _two_values(self) -> Self:
        if bool(self.blue) != bool(self.green):
            raise not_allowed("blue or green alone", "both, or neither: then the two values that are seen")
        if self.blue and self.blue == self.green:
            raise not_allowed(f"blue and green {self.blue!r}", "two values that differ")
        if self.blue == "green" or self.green == "blue":
            raise not_allowed(f"blue {self.blue!r} and green {self.green!r}", "a track's own word for that track alone")
        return self

    @property
    def known(self) -> BlueGreen:
        """The same for what reads and writes the cluster. The deck's own label has the values blue and green."""
        given = self.model_dump()
        if not self.blue and self.track_label == blue_green.TRACK:
            given |= {"blue": "blue", "green": "green"}
        return BlueGreen(**given)
