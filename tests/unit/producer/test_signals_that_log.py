"""A handler of a signal logs, prints and flushes while the main thread does the same, hundreds of times."""

from pathlib import Path

import pytest

from .scripts import run_script, sessions

SIGNALS = 300

SCRIPT = """
import faulthandler
faulthandler.dump_traceback_later(45, exit=True)
reading, writing = os.pipe()
drained = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 1 << 16), b"")], daemon=True)
drained.start()
sys.stdout = os.fdopen(writing, "w")
experiment = Experiment("owner/project/run", mode="offline", capture_context=False, {settings})
handled = sent = 0
def handle(number, frame):
    global handled
    handled += 1
    {handler}
signal.signal(signal.SIGUSR1, handle)
def send():
    global sent
    main = threading.main_thread().ident
    ending = time.monotonic() + 25
    while sent < {signals} and time.monotonic() < ending:
        if handled == sent:
            sent += 1
            signal.pthread_kill(main, signal.SIGUSR1)
        time.sleep(0.0002)
with experiment.run:
    sender = threading.Thread(target=send)
    sender.start()
    count = 0
    while sender.is_alive():
        {call}
        count += 1
    sender.join()
    experiment.metrics("counts").log(handled=handled, count=count)
"""


@pytest.mark.parametrize(
    ("settings", "handler", "call"),
    [
        ("echo=True", 'experiment.log("handler")', 'experiment.log("loop")'),
        ("echo=True", 'experiment.log("handler")', 'print("x" * 3000)'),
        ("capture_stdout=True", 'print("handler")', 'print("loop")'),
        ("capture_stdout=True", 'print("handler"); experiment.log("handler too"); experiment.flush()', 'print("loop")'),
        ("echo=False", 'experiment.metrics("m").buffer(a=1)', 'experiment.metrics("m").buffer(a=1)'),
    ],
    ids=["echo", "log-in-print", "capture", "capture-and-log", "buffer"],
)
def test_a_handler_never_waits_for_what_it_interrupted(tmp_path: Path, settings: str, handler: str, call: str) -> None:
    script = SCRIPT.format(settings=settings, handler=handler, call=call, signals=SIGNALS)
    run_script(tmp_path, script)
    (session,) = sessions(tmp_path)
    (counts,) = session["metrics", "counts"]
    assert counts["handled"] > 20
    lines = [fields["message"] for fields in session.get(("logs", ""), [])]
    if "log(" in handler:
        assert sum(line.startswith("handler") for line in lines) >= counts["handled"]
    if "buffer" in handler:
        (point,) = [fields for fields in session["metrics", "m"] if "a.mean" in fields]
        assert point["a.mean"] == 1.0
