"""Ctrl-C: whether it was pressed, and whether twice."""

import signal
import threading
import time
from contextlib import contextmanager

TWICE_WITHIN = 2.0  # seconds
ONE_PRESS = 0.05  # seconds, within which several contexts see one press
_last_pressed = -TWICE_WITHIN


class CtrlC(threading.Event):
    """Set once Ctrl-C was pressed; `twice` once it was pressed again at once."""

    twice = False


@contextmanager
def noticing_ctrl_c():
    """Notice whether Ctrl-C was pressed, as callbacks end a fit by the same exception.

    Yields
    ------
    pressed : CtrlC
        Set once it was pressed. The handler that was there is called as ever, and put
        back in the end.
    """
    pressed = CtrlC()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(
        before
    ):
        yield pressed
        return

    def note(number, frame):
        global _last_pressed
        now = time.monotonic()
        pressed.twice = ONE_PRESS < now - _last_pressed < TWICE_WITHIN
        _last_pressed = now
        pressed.set()
        return before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
