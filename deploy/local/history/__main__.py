"""`python -m deploy.local.history`: writes the history of a new environment, then ends.

It runs at the lowest priority, one step after the other, and sends documents at a bounded rate. The plan file records
which steps are done, so an interrupted job continues at the next start.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from elasticsearch import Elasticsearch, helpers

from deploy.local.history import blocks, documents
from deploy.local.history.recipe import DAY, HOUR, Past
from deploy.local.history.runs import runs
from deploy.local.layout import read_json, write_whole

_BULK = 500
_MOST_A_SECOND = 1500
_CONFLICT = 409


def main() -> int:
    """Runs to the end."""
    options = _parser().parse_args()
    os.nice(19)
    plan = read_json(options.plan)
    end = int(plan["end"])
    past = Past(seed=int(plan["seed"]), anchor=end // DAY * DAY)
    if "metrics" not in plan["done"]:
        began = time.monotonic()
        start = end - int(plan["days"]) * DAY
        data = options.prometheus_data
        count = blocks.lay(
            past, start=start, end=end, promtool=options.promtool, cache=blocks.cache_folder(), data=data
        )
        plan["done"].append("metrics")
        write_whole(options.plan, plan)
        print(f"metrics of {plan['days']} days blocks={count} seconds={time.monotonic() - began:.0f}", flush=True)
    if "documents" not in plan["done"]:
        began = time.monotonic()
        count = ship(past, first_document(past, end, int(plan["days"])), end, options.elasticsearch)
        plan["done"].append("documents")
        write_whole(options.plan, plan)
        print(f"logs and spans documents={count} seconds={time.monotonic() - began:.0f}", flush=True)
    return 0


def first_document(past: Past, end: int, days: int) -> int:
    """Where logs and spans begin: a day back, or a little before the last incident where that is longer ago."""
    return max(end - days * DAY, min(end - DAY, past.incidents[-1].start - HOUR))


def ship(past: Past, start: int, end: int, url: str) -> int:
    """Creates the documents of a time, oldest first; those that are there already stay. Returns how many there are.

    Raises helpers.BulkIndexError when the store refuses one for good.
    """
    client = Elasticsearch(url, request_timeout=30, retry_on_timeout=True, max_retries=5)
    waiting = (entry for run in runs(past, start, end) for entry in documents.entries(past, run))
    count = 0
    while bulk := list(islice(waiting, _BULK)):
        began = time.monotonic()
        for ok, answer in helpers.streaming_bulk(
            client, _actions(bulk), chunk_size=_BULK, raise_on_error=False, max_retries=8, initial_backoff=1
        ):
            if not ok and answer["create"]["status"] != _CONFLICT:
                raise helpers.BulkIndexError("the store refuses a document of the past", [answer])
            count += 1
        time.sleep(max(0.0, _BULK / _MOST_A_SECOND - (time.monotonic() - began)))
    return count


def _actions(bulk: list[documents.Entry]) -> Iterator[dict[str, object]]:
    for stream, document_id, document in bulk:
        yield {"_op_type": "create", "_index": stream, "_id": document_id, "_source": document}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.history", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, metavar="FILE", help="days, end, seed and what is done")
    parser.add_argument("--prometheus-data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--promtool", type=Path, required=True, metavar="PROGRAM")
    parser.add_argument("--elasticsearch", required=True, metavar="URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())
