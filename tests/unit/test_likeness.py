"""Likeness of log lines: the same error is one kind however it is written, another error is another kind."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.error_lines import error_lines
from dashboard.decide.likeness import LONGEST_KIND, kind

LONG = "the request of this tenant was refused by the upstream gateway " * 7


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("run 17 failed after 3.2 s", "run 9 failed after 12 s", id="numbers"),
        pytest.param("took 250ms, 3.5s, 12%", "took 3ms, 1s, 99.5%", id="numbers with units"),
        pytest.param("task 4f2a9c01 is lost", "task 00ffab12 is lost", id="ids"),
        pytest.param("id 123e4567-e89b-12d3-a456-426614174000", "id 223e4567-e89b-12d3-a456-426614174001", id="UUIDs"),
        pytest.param("from 10.1.2.3:8080 refused", "from 10.2.3.4:443 refused", id="addresses"),
        pytest.param("at 2026-03-01T12:00:00Z it broke", "at 2026-03-02 07:00:01 it broke", id="times"),
        pytest.param('no tool "web_search"', 'no tool "calculator"', id="a quoted name"),
        pytest.param("no tool 'web_search'", "no tool 'calculator'", id="a name in single quotes"),
        pytest.param("pod agent-runtime-7d4f is away", "pod agent-runtime-99ab is away", id="names with a digit"),
        pytest.param("lost shards [1, 2, 3]", "lost shards [4]", id="lists of numbers"),
        pytest.param("token " + "aB" * 40 + " refused", "token " + "xY" * 60 + " refused", id="encoded values"),
        pytest.param("\x1b[31mERROR\x1b[0m model timed out", "ERROR model timed out", id="colours"),
        pytest.param("\x1b[1;38;5;9mmodel timed out\x1b[m", "model timed out", id="many colours"),
        pytest.param("  model timed out \r\n", "model timed out", id="space around"),
        pytest.param(
            '{"level":"error","ts":"2026-03-01T11:00:01Z","msg":"model timed out","agent":"planner"}',
            '{"agent":"writer","msg":"model timed out","ts":"2026-03-01T11:00:02Z","level":"error"}',
            id="JSON with other values beside the message, in another order",
        ),
        pytest.param(
            '{"message": "run 3 failed", "error": {"type": "Timeout", "stack_trace": "at x:1"}}',
            '{"message": "run 4 failed", "error": {"type": "Timeout", "stack_trace": "at y:2"}}',
            id="JSON with a stack",
        ),
        pytest.param('{"code": "E7", "part": "ledger"}', '{"part": "ledger", "code": "E9"}', id="JSON of own words"),
        pytest.param(
            'ts=1 level=error msg="model timed out" agent=planner',
            'ts=2 level=error agent=writer msg="model timed out"',
            id="logfmt",
        ),
        pytest.param(
            "2026-03-01T11:00:00.123456789Z stderr F model timed out",
            "2026-03-01T11:00:07.987654321Z stderr F model timed out",
            id="a container runtime's own header",
        ),
        pytest.param(
            "Traceback (most recent call last):\n  File a, line 3\nModelTimeout: 3 s",
            "Traceback (most recent call last):\n  File b, line 9\n    x()\nModelTimeout: 8 s",
            id="tracebacks of other ways to the same error",
        ),
        pytest.param(
            "java.lang.RuntimeException: no\n\tat a.B.c(B.java:3)\nCaused by: java.io.IOException: disk full",
            "java.lang.RuntimeException: no\n\tat a.B.d(B.java:9)\nCaused by: java.io.IOException: disk full",
            id="Java's stacks with one cause",
        ),
        pytest.param("任务17在3秒后失败", "任务9在12秒后失败", id="numbers in Chinese"),
        pytest.param("ポート8080に接続できません", "ポート443に接続できません", id="numbers in Japanese"),
        pytest.param("หมดเวลาหลัง๓๐วินาที", "หมดเวลาหลัง๕วินาที", id="Thai digits"),
        pytest.param('找不到文件"a.txt"', '找不到文件"ledger.txt"', id="a quoted name in Chinese"),
    ],
)
def test_lines_that_say_the_same_are_of_one_kind(one: str, other: str) -> None:
    assert kind(one) == kind(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("model timed out", "model refused", id="plain words"),
        pytest.param(
            '{"level":"error","msg":"model timed out"}', '{"level":"error","msg":"ledger corrupt"}', id="JSON"
        ),
        pytest.param('{"event":"model timed out"}', '{"event":"ledger corrupt"}', id="JSON of structlog"),
        pytest.param('ERROR {"msg":"timed out"}', 'ERROR {"msg":"ledger corrupt"}', id="JSON behind a header"),
        pytest.param('{"log":"{\\"msg\\":\\"one\\"}"}', '{"log":"{\\"msg\\":\\"other\\"}"}', id="JSON within JSON"),
        pytest.param(
            '{"msg":"run failed","error":"timed out"}', '{"msg":"run failed","error":"ledger corrupt"}', id="its error"
        ),
        pytest.param('level=error msg="timed out"', 'level=error msg="ledger corrupt"', id="logfmt"),
        pytest.param(
            'msg=failed err="timed out" v=1', 'msg=failed err="ledger corrupt" v=1', id="logfmt with an error"
        ),
        pytest.param('failed: "model timed out"', 'failed: "ledger is corrupt"', id="a quoted sentence"),
        pytest.param("can't write the ledger, won't retry", "can't reach the model, won't retry", id="apostrophes"),
        pytest.param("agents' ledger isn't there", "agents' model isn't there", id="a plural's apostrophe"),
        pytest.param(
            "Traceback (most recent call last):\n  File x\nLedgerCorrupt: entries lost",
            "Traceback (most recent call last):\n  File x\nModelTimeout: 3 s",
            id="the last line of a traceback",
        ),
        pytest.param(
            "run failed\nTraceback (most recent call last):\n  File x\nA: b\n\nDuring handling of it:\n\n"
            "Traceback (most recent call last):\n  File y\nLedgerCorrupt: entries lost",
            "run failed\nTraceback (most recent call last):\n  File x\nA: b\n\nDuring handling of it:\n\n"
            "Traceback (most recent call last):\n  File y\nModelTimeout: 3 s",
            id="the last of a chain of tracebacks",
        ),
        pytest.param(
            "RuntimeException: no\n\tat a.B.c(B.java:3)\nCaused by: IOException: disk full",
            "RuntimeException: no\n\tat a.B.c(B.java:3)\nCaused by: SocketException: reset",
            id="Java's innermost cause",
        ),
        pytest.param(
            "thread 'main' panicked at src/x.rs:3:5:\nledger corrupt",
            "thread 'main' panicked at src/x.rs:3:5:\nmodel timed out",
            id="a first line that only introduces the second",
        ),
        pytest.param("模型3调用超时", "账本3已损坏", id="Chinese with a digit"),
        pytest.param("モデル3が応答しません", "台帳3が壊れています", id="Japanese with a digit"),
        pytest.param("โมเดล3ไม่ตอบ", "บัญชี3เสียหาย", id="Thai with a digit"),
        pytest.param('错误："模型超时"', '错误："账本损坏"', id="a quoted sentence in Chinese"),
        pytest.param("长" * 50 + "模型超时", "长" * 50 + "账本损坏", id="a long sentence in Chinese"),
        pytest.param("org.h2.jdbc.LedgerCorrupt: no", "org.h2.jdbc.ModelTimeout: no", id="classes of h2"),
        pytest.param(
            f"Exception: {LONG}\n\tat a.B\nCaused by: a.DiskFull: no",
            f"Exception: {LONG}\n\tat a.B\nCaused by: a.LinkReset: no",
            id="Java's cause behind a long message",
        ),
        pytest.param(
            f"E: {LONG * 20}\n\tat a.B\nCaused by: a.DiskFull",
            f"E: {LONG * 20}\n\tat a.B\nCaused by: a.LinkReset",
            id="Java's cause behind a message of 8 kB",
        ),
        pytest.param(
            json.dumps({"msg": LONG, "error": "timed out"}),
            json.dumps({"msg": LONG, "error": "ledger corrupt"}),
            id="the error of JSON behind a long message",
        ),
        pytest.param(f"{LONG} timed out", f"{LONG} ledger corrupt", id="the end of a long line"),
    ],
)
def test_lines_that_say_something_else_are_of_another_kind(one: str, other: str) -> None:
    assert kind(one) != kind(other)
    found = error_lines([one] * 40, [other] * 40, is_whole=True)
    assert [pattern.other for pattern in found.patterns] == [0]


def test_kinds_are_counted_on_both_tracks_most_first() -> None:
    found = error_lines(["run 1 failed", "out of luck", "run 2 failed"], ["run 3 failed"], is_whole=True)
    assert [(p.template, p.candidate, p.other) for p in found.patterns] == [
        ("run … failed", 2, 1),
        ("out of luck", 1, 0),
    ]


def test_a_word_before_a_full_stop_stays() -> None:
    assert kind("it failed. Trying again in 3 s") == "it failed. Trying again in … s"


@pytest.mark.parametrize("message", ["", "  \n", "\x1b[0m", "{}", '{"level":"error"}'])
def test_a_line_that_says_nothing_has_no_kind(message: str) -> None:
    assert kind(message) in ("", "{}")


_lines = st.lists(
    st.sampled_from(
        [
            "run 1 failed",
            "run 2 failed",
            "can't write",
            '{"msg":"a b","v":1}',
            "msg=x level=error",
            "Traceback (most recent call last):\n  File x\nBoom: 3",
            "",
        ]
    ),
    max_size=30,
)


@given(_lines, _lines, st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_kind_and_no_count(
    ours: list[str], theirs: list[str], dice: random.Random
) -> None:
    before = error_lines(ours, theirs, is_whole=True)
    dice.shuffle(ours)
    dice.shuffle(theirs)

    assert error_lines(ours, theirs, is_whole=True) == before
    assert sum(pattern.candidate for pattern in before.patterns) + before.without_text == len(ours)


@given(st.text(max_size=300))
def test_every_text_has_a_short_kind_of_its_own(message: str) -> None:
    found = kind(message)

    assert len(found) <= LONGEST_KIND
    assert kind(message) == found


# What has made such expressions take quadratic time: a long run that nearly matches, from each of its beginnings.
_PIECES = [
    *("a.", "a-", "a", "1", "1.", "QUJDRA+/", "deadbeef", "'", '"', "`", "it's ", "a=", 'a="', "a=b ", "{", "[", "(a"),
    *(
        "\x1b[",
        "#033[",
        "\\",
        "\n",
        " ",
        "x\n",
        "a.b-c",
        "Traceback (most recent call last)\n",
        "Caused by: ",
        "…",
        "…:",
    ),
]


@pytest.mark.parametrize("piece", _PIECES)
@pytest.mark.parametrize(
    "around", [("", ""), ('{"msg":"', '"}'), ('msg="', '"'), ("", "=")], ids=["", "JSON", "msg", "="]
)
def test_a_line_of_40_kilobytes_takes_milliseconds(piece: str, around: tuple[str, str]) -> None:
    if around[0].startswith("{"):
        message = json.dumps({"msg": piece * (40_000 // len(piece))})
    else:
        message = around[0] + piece * (40_000 // len(piece)) + around[1]

    taken = []
    for _ in range(3):
        began = time.process_time()
        kind(message)
        taken.append(time.process_time() - began)

    assert min(taken) < 0.05


@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4))
def test_no_mixture_of_them_takes_long_either(pieces: list[str]) -> None:
    def seconds(size: int) -> float:
        message = ("".join(pieces) * size)[:size]
        taken = []
        for _ in range(3):
            began = time.process_time()
            kind(message)
            taken.append(time.process_time() - began)
        return min(taken)

    assert seconds(200_000) < 0.25


FRAMES = "\n\tat x.Y(Z.java:1)\n\tat x.Z(Z.java:2)"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            f"12:00 ERROR x.Y - Run failed\njava.util.concurrent.TimeoutException: up{FRAMES}",
            f"12:00 ERROR x.Y - Run failed\njava.lang.OutOfMemoryError: Java heap space{FRAMES}",
            id="Java without causes",
        ),
        pytest.param(
            "fail: MyApp.Worker[0]\n      Run failed\n      System.TimeoutException: up\n         at X.Y()",
            "fail: MyApp.Worker[0]\n      Run failed\n      System.IO.IOException: disk full\n         at X.Y()",
            id=".NET's console",
        ),
        pytest.param("fail: A.B[0]\n      Run failed", "fail: A.B[0]\n      Ledger is corrupt", id="the second line"),
        pytest.param(
            "file:///app/a.js:10\n  throw new Error('x')\n  ^\n\nError: timeout\n    at f (a.js:1)",
            "file:///app/a.js:10\n  throw new Error('x')\n  ^\n\nError: ledger is corrupt\n    at f (a.js:1)",
            id="Node",
        ),
        pytest.param(
            '{"level":"ERROR","message":"Run failed","stack_trace":"a.TimeoutException: up\\n\\tat x.Y(Z.java:1)"}',
            '{"level":"ERROR","message":"Run failed","stack_trace":"a.OutOfMemoryError: heap\\n\\tat x.Y(Z.java:1)"}',
            id="a stack in JSON",
        ),
        pytest.param(
            '{"level":"error","message":"Run failed","thrown":{"name":"a.B","message":"heap"}}',
            '{"level":"error","message":"Run failed","thrown":{"name":"a.C","message":"disk"}}',
            id="log4j",
        ),
        pytest.param('{"msg":"run failed","code":"ETIMEDOUT"}', '{"msg":"run failed","code":"ENOSPC"}', id="a code"),
        pytest.param('{"msg":"run failed","cause":"slow"}', '{"msg":"run failed","cause":"corrupt"}', id="a cause"),
        pytest.param("Request failed with status code 401", "Request failed with status code 500", id="a status"),
        pytest.param("tool exited with code 1", "tool exited with code 137", id="an exit code"),
        pytest.param("SQLSTATE[40001] on write", "SQLSTATE[53100] on write", id="a state of SQL"),
        pytest.param('ERROR failed error="EOF"', 'ERROR failed error="ENOSPC"', id="an error in quotes"),
    ],
)
def test_another_error_under_the_same_message_is_another_kind(one: str, other: str) -> None:
    assert kind(one) != kind(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            '{"@mt":"Run of {User} failed","@m":"Run of \\"anna\\" failed","@l":"Error"}',
            '{"@mt":"Run of {User} failed","@m":"Run of \\"bob the second\\" failed","@l":"Error"}',
            id="a template beside its rendering",
        ),
        pytest.param(
            f"ERROR Run failed\njava.lang.OutOfMemoryError: heap{FRAMES}",
            "ERROR Run failed\njava.lang.OutOfMemoryError: heap\n\tat a.B(C.java:7)",
            id="other frames",
        ),
        pytest.param("run 17 failed with status code 500", "run 18 failed with status code 500", id="beside a status"),
    ],
)
def test_the_same_error_in_other_words_around_it_is_one_kind(one: str, other: str) -> None:
    assert kind(one) == kind(other)
