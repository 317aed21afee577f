"""`python -m deploy.local.probes`: whether a source answers, how soon, and how long its certificate lasts.

Asked by Prometheus as it asks the blackbox exporter in production: `/probe?target=URL`. It needs no more than an answer
below 500: a refusal for want of a token comes from a server that works.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp import web
from cryptography import x509

from deploy.local import serving

_PROBE_SECONDS = 1.5  # less than a scrape may take, so that a failure is told and not missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came of one question. The certificate's end is 0 where there is none."""

    is_success: bool
    duration_seconds: float
    status: int = 0
    certificate_ends_timestamp_seconds: float = 0.0

    def render(self) -> str:
        """Under the blackbox exporter's names."""
        values = {
            "probe_success": int(self.is_success),
            "probe_duration_seconds": self.duration_seconds,
            "probe_http_status_code": self.status,
        }
        if self.certificate_ends_timestamp_seconds:
            values["probe_ssl_earliest_cert_expiry"] = self.certificate_ends_timestamp_seconds
        return "".join(f"# TYPE {name} gauge\n{name} {value:.12g}\n" for name, value in values.items())


async def probe(url: str) -> Probe:
    """Asks once, over a connection of its own: only a new one shows the certificate of the moment."""
    started = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=_PROBE_SECONDS)
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, session.get(url) as answer:
            await answer.read()
            ends = await _certificate_end(urlsplit(url)) if url.startswith("https:") else 0.0
            return Probe(
                is_success=answer.status < 500,
                duration_seconds=time.perf_counter() - started,
                status=answer.status,
                certificate_ends_timestamp_seconds=ends,
            )
    except (aiohttp.ClientError, OSError):
        return Probe(is_success=False, duration_seconds=time.perf_counter() - started)


async def _certificate_end(url: SplitResult) -> float:
    """Over a second connection: an HTTP client does not show the certificate of one that it has given back."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # one that has ended is to be seen as well
    async with asyncio.timeout(_PROBE_SECONDS):
        _, writer = await asyncio.open_connection(url.hostname, url.port or 443, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).not_valid_after_utc.timestamp()


async def _answer(request: web.Request) -> web.Response:
    url = request.query.get("target", "")
    if not url.startswith(("http://", "https://")):
        return web.Response(status=400, text="target must be an http or https URL\n")
    return web.Response(text=(await probe(url)).render(), headers={"Content-Type": serving.METRICS})


async def _health(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.probes", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    options = parser.parse_args()
    routes = [web.get("/probe", _answer), web.get("/healthz", _health)]
    return serving.guarded(lambda: asyncio.run(serving.serve(options.listen, routes, asyncio.Event().wait)))


if __name__ == "__main__":
    sys.exit(main())
