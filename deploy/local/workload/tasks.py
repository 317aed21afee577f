"""The tasks that were accepted, and what became of each: none is lost silently, whoever is killed.

A task is acknowledged when it is on disk. It ends as completed, with an outcome, or as failed, with a reason; until
then it is pending, and whoever takes over its gateway's journal runs it again: perhaps twice, never not at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.workload.journal import Journal, Record, orphans

COMPLETED, FAILED, PENDING = "completed", "failed", "pending"
_REMEMBERED = 5000


@dataclass(slots=True, kw_only=True)
class Task:
    """One task. `answer` is what its caller gets when it is done."""

    task_id: str
    task_type: str
    seed: Any
    synthetic: bool = False
    state: str = PENDING
    answer: Record | None = None
    accepted_at: float = 0.0
    done: asyncio.Event | None = None

    def document(self) -> Record:
        """For whoever asks for it."""
        return {"task_id": self.task_id, "task_type": self.task_type, "state": self.state, "result": self.answer}


class Tasks:
    """All tasks of one gateway. Without a folder they are kept in memory only."""

    def __init__(self, folder: str, name: str) -> None:
        self.counts: Counter[str] = Counter()
        self._known: dict[str, Task] = {}
        self._pending: dict[str, Task] = {}
        self._folder = Path(folder) if folder else None
        self._name = name
        self._journal: Journal | None = None

    def open(self) -> list[Task]:
        """Opens the journal; returns what an earlier life of this gateway had not done yet. Raises OSError."""
        if self._folder:
            self._journal = Journal(self._folder, self._name, self._compacted)
            self._take(self._journal.records())
        return list(self._pending.values())

    async def run(self) -> None:
        """Writes until cancelled."""
        if self._journal:
            await self._journal.run()

    async def adopt(self) -> list[Task]:
        """What gateways left that are gone; from now on it is ours."""
        if not (self._folder and self._journal):
            return []
        before = set(self._pending)
        with orphans(self._folder) as records:
            for record in records:
                self._journal.note(record)
            if records:
                await self._journal.append({"adopted": len(records)})
            self._take(records)
        return [task for task_id, task in self._pending.items() if task_id not in before]

    def get(self, task_id: str) -> Task | None:
        """A task that is pending, or one of the last that were done."""
        return self._pending.get(task_id) or self._known.get(task_id)

    async def accept(self, task: Task) -> None:
        """Returns when the task is safe. Raises OSError if it cannot be: then it was not accepted."""
        self._begin(task)  # before it is on disk: a journal that is written anew at this moment is to have it
        try:
            if self._journal:
                await self._journal.append(_accepted(task))
        except OSError as error:
            self._refuse(task, str(error))
            raise

    def finish(self, task: Task, state: str, answer: Record) -> None:
        """Completed or failed. Should this be lost in a crash, the task is run again."""
        if self._journal:
            self._journal.note({"done": task.task_id, "state": state, "answer": answer})
        self._end(task, state, answer)

    def oldest_age_seconds(self) -> float:
        """How long the oldest pending task has been known here."""
        return time.monotonic() - next(iter(self._pending.values())).accepted_at if self._pending else 0.0

    def document(self) -> Record:
        """Counts over the life of the journal: accepted = completed + failed + pending."""
        counts = {key: self.counts[key] for key in ("accepted", COMPLETED, FAILED)}
        return {**counts, PENDING: len(self._pending)}

    def _begin(self, task: Task) -> None:
        task.accepted_at = time.monotonic()
        self.counts["accepted"] += 1
        self._pending[task.task_id] = task

    def _refuse(self, task: Task, reason: str) -> None:
        """As if it had never come; who sent it at the same time hears of it too."""
        self.counts["accepted"] -= 1
        del self._pending[task.task_id]
        task.state, task.answer = FAILED, {"error": reason}
        if task.done:
            task.done.set()

    def _end(self, task: Task, state: str, answer: Record) -> None:
        task.state, task.answer = state, answer
        self.counts[state] += 1
        del self._pending[task.task_id]
        self._known[task.task_id] = task
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        if task.done:
            task.done.set()

    def _take(self, records: list[Record]) -> None:
        for record in records:
            if "accepted" in record and self.get(record["accepted"]["task_id"]) is None:
                self._begin(Task(**record["accepted"]))
            elif "done" in record and (task := self._pending.get(record["done"])):
                self._end(task, record["state"], record["answer"])
            elif "counts" in record:
                self.counts.update(record["counts"])

    def _compacted(self) -> Iterator[Record]:
        """The state in few records: the counts of what is done, the last that were done, and what is pending."""
        counts = self.counts.copy()
        for task in self._known.values():
            counts["accepted"] -= 1
            counts[task.state] -= 1
        counts["accepted"] -= len(self._pending)
        yield {"counts": dict(counts)}
        for task in self._known.values():
            yield _accepted(task)
            yield {"done": task.task_id, "state": task.state, "answer": task.answer}
        yield from map(_accepted, self._pending.values())


def _accepted(task: Task) -> Record:
    said = {"task_id": task.task_id, "task_type": task.task_type, "seed": task.seed, "synthetic": task.synthetic}
    return {"accepted": said}
