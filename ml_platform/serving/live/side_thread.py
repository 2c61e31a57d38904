"""A thread for code that may hang, waited for no longer than is allowed."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class NotInTime(Exception):
    """The code did not end in time, or what ran before it has not ended yet."""


class SideThread:
    """Runs one call at a time; called from one thread.

    A call that did not end in time goes on in the background, and until it ends every further
    call is `NotInTime` at once: a hang costs its time once, not for each request.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[int, Callable[[], Any]] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        self._asked = 0
        self._answered = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, call: Callable[[], T], *, timeout: float) -> T:
        """Return what the call returns, or raise what it raises, an exit as RuntimeError.

        timeout: in seconds. Raises NotInTime.
        """
        while self._answered < self._asked:
            try:
                self._answered = self._results.get_nowait()[0]
            except Empty:
                raise NotInTime from None
        self._asked += 1
        self._calls.put((self._asked, call))
        try:
            self._answered, result, error = self._results.get(timeout=timeout)
        except Empty:
            raise NotInTime from None
        if error is None:
            return result
        if isinstance(error, Exception):
            raise error
        raise RuntimeError(f"it wanted to end the process: {error!r}") from error

    def close(self) -> None:
        """End the thread once it is idle."""
        self._calls.put(None)

    def _work(self) -> None:
        while (asked := self._calls.get()) is not None:
            number, call = asked
            try:
                self._results.put((number, call(), None))
            except BaseException as error:
                self._results.put((number, None, error))
