"""Workers are confined and killed by the operating system, and one's end touches no other's item."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # so that pickle finds the jobs by the name that the workers know them by

import isolate_jobs as jobs  # noqa: E402

from verify.isolate import Failure, Limits, Pool, WorkerStartError, network_isolation  # noqa: E402

GIB = 1024**3
LIMITS = Limits(wall_seconds=20.0, memory_bytes=2 * GIB, cpu_seconds=20)


def results(pool, items):
    done = list(pool.map(jobs.act, items))
    assert sorted(one.index for one in done) == list(range(len(items)))  # each item ends once
    return [one.result for one in sorted(done, key=lambda one: one.index)]


def only(items, limits=LIMITS, workers=1):
    with Pool(workers, limits) as pool:
        return results(pool, items)


def is_alive(process_id):
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_values_come_back_with_their_index_and_workers_are_reused():
    with Pool(2, LIMITS) as pool:
        assert results(pool, [("square", n) for n in range(20)]) == [n * n for n in range(20)]
        first = set(results(pool, [("process_id",)] * 20))
        second = set(results(pool, [("process_id",)] * 20))
        assert len(first | second) <= 2
        assert os.getpid() not in first
        assert results(pool, []) == []


def test_an_evm_call_that_never_ends_is_killed_at_the_wall_limit_and_the_rest_completes():
    limits = Limits(wall_seconds=1.0, memory_bytes=2 * GIB, cpu_seconds=60)
    start = time.monotonic()
    with Pool(2, limits) as pool:
        looped, *rest = results(pool, [("evm", jobs.LOOP), *[("evm", jobs.ADD)] * 10])
        assert time.monotonic() - start < 30.0
        assert looped == Failure("timeout", "killed after 1 s")
        assert [int.from_bytes(value, "big") for value in rest] == [5] * 10
        assert results(pool, [("square", 3)]) == [9]  # the replacement works


def test_processor_time_is_limited_for_each_item_not_for_the_worker():
    limits = Limits(wall_seconds=60.0, memory_bytes=2 * GIB, cpu_seconds=1)
    assert only([("evm", jobs.LOOP)], limits) == [Failure("timeout", "killed at its limit of processor time")]
    with Pool(1, limits) as pool:  # three times 0.6 s in one worker are within the limit of each
        assert results(pool, [("burn", 0.6)] * 3) == [0.6] * 3


@pytest.mark.parametrize("bomb", [("bytes_of", 8 * GIB), ("evm", jobs.HUGE_MEMORY)], ids=["python", "evm"])
def test_memory_beyond_the_limit_is_refused_by_the_system(bomb):
    with Pool(1, Limits(wall_seconds=20.0, memory_bytes=GIB, cpu_seconds=20)) as pool:
        failure, after = results(pool, [bomb, ("square", 5)])
        assert failure.kind == "memory", failure
        assert after == 25
    assert only([("bytes_of", GIB // 2)]) == [GIB // 2]  # within the limit it is there


def test_a_worker_that_ends_itself_is_a_crash_of_its_item_only():
    with Pool(2, LIMITS) as pool:
        found = results(pool, [("end", 3), ("square", 2), ("kill_self",), ("end", 0), ("square", 3)])
    assert found[1], found[4] == (4, 9)
    assert [found[n].kind for n in (0, 2, 3)] == ["crashed"] * 3
    assert "exit code 3" in found[0].detail
    assert "signal 9" in found[2].detail


def test_an_exception_is_an_error_and_the_worker_lives_on():
    with Pool(1, LIMITS) as pool:
        before, failure, after = results(pool, [("process_id",), ("fail", "no pool here"), ("process_id",)])
        assert failure.kind == "error"
        assert "ValueError: no pool here" in failure.detail
        assert before == after
        (failure,) = results(pool, [("unpicklable",)])
        assert failure.kind == "error"
        panicked, replaced = results(pool, [("panic",), ("process_id",)])
        assert panicked.kind == "error"
        assert replaced != before  # whoever panicked is not trusted again


def test_every_item_runs_once_whatever_happens_to_others(tmp_path):
    log = tmp_path / "log"
    items = []
    for n in range(30):
        items.append(("append", str(log), f"{n}\n"))
        if n % 5 == 0:
            items.append(("kill_self",))
        if n % 10 == 0:
            items.append(("evm", jobs.LOOP))
    only(items, Limits(wall_seconds=0.5, memory_bytes=2 * GIB, cpu_seconds=20), workers=2)
    assert sorted(map(int, log.read_text().split())) == list(range(30))


def test_nothing_is_left_behind():
    with Pool(2, Limits(wall_seconds=0.5, memory_bytes=2 * GIB, cpu_seconds=20)) as pool:
        ids = [
            value
            for value in results(pool, [("process_id",)] * 8 + [("evm", jobs.LOOP), ("kill_self",)])
            if isinstance(value, int)
        ]
        folder = Path(pool._folder.name)
        assert folder.is_dir()
    assert ids
    for process_id in ids:
        wait_until(lambda process_id=process_id: not Path(f"/proc/{process_id}").exists())  # no zombie either
    assert not folder.exists()


def test_the_initializer_runs_once_in_every_worker_also_in_a_replacement():
    with Pool(1, LIMITS, jobs.set_up, ("world",)) as pool:
        assert results(pool, [("setups",), ("setups",)]) == [["world"], ["world"]]
        crashed, after = results(pool, [("kill_self",), ("setups",)])
        assert crashed.kind == "crashed"
        assert after == ["world"]


def test_a_wrong_initializer_is_told_and_not_tried_for_ever():
    with Pool(2, LIMITS, jobs.set_up_wrongly) as pool, pytest.raises(WorkerStartError, match="no such world"):
        results(pool, [("square", 1)])
    with Pool(1, LIMITS, jobs.end, (7,)) as pool, pytest.raises(WorkerStartError, match="exit code 7"):
        results(pool, [("square", 1)])


def test_the_limits_are_in_force(tmp_path):
    ((found,), (failure,)) = only([("limits",)]), only([("write", str(tmp_path / "big"), 20 * 1024**2)])
    assert found == {"AS": 2 * GIB, "CORE": 0, "FSIZE": 16 * 1024**2, "NOFILE": 256}
    assert failure.kind == "error"
    assert "File too large" in failure.detail


def test_a_worker_reaches_no_network_where_the_machine_can_take_it_away():
    possible, reason = network_isolation()
    if not possible:
        assert reason
        pytest.skip(reason)
    assert not reason
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert jobs.connect(port) == "connected"  # from here it works
        (failure,) = only([("connect", port)])
    assert failure.kind == "error"
    assert "unreachable" in failure.detail


def test_ctrl_c_reaches_the_parent_while_a_worker_is_busy_and_kills_it(tmp_path):
    mark = tmp_path / "pid"
    start = time.monotonic()
    with Pool(1, Limits(wall_seconds=60.0, memory_bytes=2 * GIB, cpu_seconds=60)) as pool:
        with pytest.raises(KeyboardInterrupt):
            results(pool, [("interrupt_parent_then_loop", os.getpid(), str(mark))])
        assert time.monotonic() - start < 10.0
        wait_until(lambda: not is_alive(int(mark.read_text())))
        assert results(pool, [("square", 4)]) == [16]


def test_leaving_the_iterator_early_kills_who_is_busy(tmp_path):
    mark = tmp_path / "pid"
    with Pool(2, Limits(wall_seconds=60.0, memory_bytes=2 * GIB, cpu_seconds=60)) as pool:
        done = pool.map(jobs.act, [("evm_after_mark", str(mark), jobs.LOOP), ("nap", 0.5)])
        assert next(done).index == 1
        done.close()
        wait_until(lambda: not is_alive(int(mark.read_text())))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a signal at the parent's death is Linux's")
def test_no_worker_outlives_a_killed_parent(tmp_path):
    mark = tmp_path / "pid"
    parent = subprocess.Popen(
        [sys.executable, str(HERE / "isolate_jobs.py"), str(mark)],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    try:
        wait_until(lambda: mark.exists() and mark.read_text())
        worker = int(mark.read_text())
        assert is_alive(worker)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not is_alive(worker))


def test_a_pool_needs_a_worker():
    with pytest.raises(ValueError, match="at least one"):
        Pool(0, LIMITS)
