import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.parallel import beside, may_fork, part_of


@pytest.mark.parametrize("apart", [True, False])
def test_work_is_done_beside_the_block(tmp_path: Path, apart: bool) -> None:
    note = tmp_path / "note"

    def write() -> None:
        note.write_text(str(os.getpid()))

    fork = may_fork()
    with beside(write, apart=apart):
        pass
    assert (note.read_text() != str(os.getpid())) == (apart and fork)


@pytest.mark.parametrize("apart", [True, False])
def test_what_fails_beside_the_block_is_raised(apart: bool) -> None:
    def fail() -> None:
        raise OSError("盘满了")

    with pytest.raises(OSError, match="盘满了"), beside(fail, apart=apart):
        pass


@pytest.mark.parametrize("apart", [True, False])
def test_what_fails_in_the_block_is_raised_and_nothing_goes_on(apart: bool) -> None:
    before = threading.active_count()
    with pytest.raises(KeyError), beside(lambda: None, apart=apart):
        raise KeyError("here")
    assert threading.active_count() == before


_STEPPED_BACK = """
import os
from indexer.parallel import PATIENCE, start_processes, step_back
from indexer.analysis import warm_up
with start_processes(warm_up) as pool:
    print(pool.submit(os.nice, 0).result() - os.nice(0))
step_back()
step_back()
print(os.nice(0))
"""


@pytest.mark.skipif(not hasattr(os, "nice"), reason="there is no such thing on Windows")
def test_builders_let_others_go_first_and_no_further_than_that() -> None:
    command = [sys.executable, "-c", _STEPPED_BACK]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    before = os.nice(0)
    assert done.stdout.split() == [str(max(10 - before, 0)), str(max(10, before))]


_KILLED = """
import os
from indexer.parallel import beside
try:
    with beside(lambda: os._exit(9), apart=True):
        pass
except RuntimeError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere work is never done apart")
def test_a_process_that_is_killed_is_told_of() -> None:
    # In a process of its own, which surely has no threads.
    command = [sys.executable, "-c", _KILLED]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "一个后台进程中途停了，可能是内存不够。\n"


def test_a_part_of_the_work_counts_as_a_part() -> None:
    told: list[float] = []
    tell: Callable[[float], None] = part_of(told.append, 0.5, 0.7)
    tell(0.0)
    tell(0.5)
    tell(1.0)
    assert told == pytest.approx([0.5, 0.6, 0.7])
