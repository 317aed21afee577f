"""Every refusal of the API, as the Status object that official clients parse.

The code decides what a client does (retry, re-read, give up), the reason is what programs compare, the message is for
people; all three follow the real server's wording, since clients print it.
"""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A refusal that is answered as a Status object."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}

    def status(self) -> Json:
        """The Status object that goes over the wire."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(qualified: str, name: str, why: str, *, causes: list[Json] | None = None) -> ApiError:
    details: Json = {"name": name, "kind": qualified.partition(".")[0]}
    if causes:
        details["causes"] = causes
    return ApiError(403, "Forbidden", f'{qualified} "{name}" is forbidden: {why}', details)


def not_found(qualified: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{qualified} "{name}" not found', _details(qualified, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def already_exists(qualified: str, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{qualified} "{name}" already exists', _details(qualified, name))


def conflict(qualified: str, name: str, why: str, *, causes: list[Json] | None = None) -> ApiError:
    details = _details(qualified, name)
    if causes:
        details["causes"] = causes
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {qualified} "{name}": {why}', details)


def modified(qualified: str, name: str) -> ApiError:
    return conflict(
        qualified,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def too_large() -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")


def unsupported_media_type(accepted: list[str]) -> ApiError:
    listed = ", ".join(accepted)
    return ApiError(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {listed}",
    )


def invalid(qualified_kind: str, name: str, causes: list[Json]) -> ApiError:
    """An object that breaks its kind's rules; causes come from `validation.cause`."""
    shown = [f"{cause['field']}: {cause['message']}" for cause in causes]
    listed = shown[0] if len(shown) == 1 else "[" + ", ".join(shown) + "]"
    kind, _, group = qualified_kind.partition(".")
    details: Json = {"name": name, "kind": kind, "causes": causes}
    if group:
        details["group"] = group
    return ApiError(422, "Invalid", f'{qualified_kind} "{name}" is invalid: {listed}', details)


def too_many_requests(message: str, *, causes: list[Json]) -> ApiError:
    """Without a time to wait, as the real server does it: clients would wait by themselves and never tell anybody."""
    return ApiError(429, "TooManyRequests", message, {"causes": causes})


def internal(message: str) -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}")


def version_too_large(asked: int, current: int) -> ApiError:
    details: Json = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return ApiError(504, "Timeout", f"Timeout: Too large resource version: {asked}, current: {current}", details)


def _details(qualified: str, name: str) -> Json:
    resource, _, group = qualified.partition(".")
    details: Json = {"name": name, "kind": resource}
    if group:
        details["group"] = group
    return details
