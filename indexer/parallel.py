"""Several cores (多核): how work is spread over processes, and what each system allows."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

PATIENCE = 10  # of 19, by which a process steps back behind others


def may_fork() -> bool:
    """Tell whether this process may be copied.

    A copy has at once what is loaded here; but a process with threads cannot be copied safely, and
    on other systems than Linux a new process starts afresh in any case.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def step_back() -> None:
    """Let every other process go first, such as one that answers readers."""
    if hasattr(os, "nice"):
        os.nice(max(PATIENCE - os.nice(0), 0))


def start_processes(warm_up: Callable[[], None]) -> ProcessPoolExecutor:
    """Return a process for each core, in which `warm_up` has been done; others go first."""
    fork = may_fork()
    if fork:
        warm_up()
    context = get_context("fork" if fork else "spawn")
    return ProcessPoolExecutor(
        os.cpu_count() or 1,
        mp_context=context,
        initializer=_step_back_and,
        initargs=(warm_up,),
    )


def _step_back_and(warm_up: Callable[[], None]) -> None:
    step_back()
    warm_up()


def ignore(share: float) -> None:
    """Tell nobody what share of some work is done."""


def part_of(tell: Callable[[float], None], begin: float, end: float) -> Callable[[float], None]:
    """Return what tells the share of one part of some work as a share of the whole."""
    return lambda share: tell(begin + (end - begin) * share)


@contextmanager
def beside(work: Callable[[], None], *, apart: bool) -> Iterator[None]:
    """Do some work while the block runs, and end when both are done.

    Where it may be, it is done `apart`, in a process of its own: then it must leave its result in
    files. Otherwise it is done first: a thread would take longer, as it waits for the block's own.
    What fails in either is raised.
    """
    if not (apart and may_fork()):
        work()
        yield
        return
    context = get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def work_and_tell() -> None:
        try:
            step_back()
            work()
            sending.send(None)
        except BaseException as error:
            sending.send(error)

    process = context.Process(target=work_and_tell)
    process.start()
    sending.close()
    try:
        yield
        try:
            failure = receiving.recv()
        except EOFError:  # killed from outside
            failure = RuntimeError("一个后台进程中途停了，可能是内存不够。")
        if failure is not None:
            raise failure
    finally:
        process.kill()  # no harm where it has ended
        process.join()
        receiving.close()
