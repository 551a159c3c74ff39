"""The logic of the page of sweeps: the file is checked while it is written, and computed by processes beside the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from engine.control import Control
from engine.errors import InputError
from engine.runs.spec import RunSpec
from engine.sweeps.definition import FILE_SUFFIX, Sweep, ready_sweeps
from engine.sweeps.records import Record, Store
from engine.sweeps.workers import Pool, gpus
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Failure, Task, Worker
from qcs_gui.context import Context, Feature
from qcs_gui.library.documents import DocumentController
from qcs_gui.sweeps.page import SweepPage
from qcs_gui.widgets.files import ask_folder, ask_open, ask_save

if TYPE_CHECKING:
    from engine.sweeps.clock import Clock
    from engine.sweeps.plan import Plan
    from engine.sweeps.runner import Progress, Result

__all__ = ["SweepController"]

WAIT_MS = 400
FILTER = f"Sweeps (*{FILE_SUFFIX})"


@dataclass
class _Laid:
    """A sweep laid out, with what is known of its time."""

    plan: Plan
    clock: Clock
    seconds: float | None


def _lay_out(sweep: Sweep, speeds: dict) -> _Laid:
    from engine.sweeps.clock import Clock
    from engine.sweeps.plan import Plan

    plan = Plan(sweep)
    clock = Clock(plan, speeds=speeds)
    return _Laid(plan, clock, clock.estimate())


def _records(laid: _Laid, folder: Path) -> list[Record]:
    return list(Store(folder).done(laid.plan.by_identity).values())


class SweepController(Feature):
    """Computes in processes of their own, so that the window and its engine stay as they are."""

    def __init__(self, context: Context, documents: DocumentController) -> None:
        super().__init__(context)
        self.documents = documents
        self.page = page = SweepPage()
        self.window.pages.addWidget(page)
        self.worker = context.worker("sweep plans")
        self.runner: Worker | None = None
        self.control = Control()
        self._progress: Mailbox[Progress] = Mailbox(20)
        self._new: deque[Record] = deque()
        self._speeds: dict = {}
        self._laying = Task()
        self._sweep: Sweep | None = None
        self._laid: _Laid | None = None
        self._shown = Path()
        """The folder of the table that is shown."""
        self._beside: Path | None = None
        """The folder that names of images are relative to: that of the file that was opened."""
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._check)
        for name in ready_sweeps():
            page.ready.addItem(name, name)
        page.ready.activated.connect(self._choose)
        page.text.textChanged.connect(self._timer.start)
        page.open_button.clicked.connect(self._ask_open)
        page.save_button.clicked.connect(self._ask_save)
        page.from_setup.clicked.connect(self._from_setup)
        page.folder_button.clicked.connect(self._ask_folder)
        page.results_button.clicked.connect(self._ask_results)
        page.jobs.valueChanged.connect(lambda _: self._say_outlook())
        page.start_button.clicked.connect(self.start)
        page.pause_button.clicked.connect(self.pause)
        page.cancel_button.clicked.connect(self.cancel)
        page.cell_opened.connect(self._open_cell)
        context.ticked.connect(self.poll)
        context.closing.connect(self._leave)
        self.act(sweep=self.open)
        self._enable()

    @property
    def running(self) -> bool:
        """Whether a sweep is going or paused."""
        return self.runner is not None

    def open(self) -> None:
        self.window.show_page(self.page)

    # -- the file ----------------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        name = self.page.ready.currentData()
        if name:
            self.open_file(ready_sweeps()[name])

    def _ask_open(self) -> None:
        name = ask_open(self.window, "Open a sweep", FILTER)
        if name:
            self.open_file(Path(name))

    def open_file(self, path: Path) -> None:
        """Shows a sweep file, to be started or changed."""
        self.open()
        self.context.files.submit(
            partial(path.read_text, encoding="utf-8"), partial(self._show_file, path), self._unread
        )

    def _show_file(self, path: Path, text: str) -> None:
        self._beside = path.parent
        known = ready_sweeps().get(path.stem) == path
        self.page.ready.setCurrentIndex(self.page.ready.findData(path.stem) if known else 0)
        self._begin_anew(text)
        self.page.show_tab("File")
        self.page.folder.setText(str(_home() / path.stem))
        self._check()

    def _begin_anew(self, text: str) -> None:
        """What was said of another sweep goes."""
        self.page.text.setPlainText(text)
        if not self.running:
            self.page.state.clear()
            self.page.progress.reset()

    def _unread(self, failure: Failure) -> None:
        self.context.report("That file cannot be read as text; give a sweep file (.toml).", failure.details)

    def _ask_save(self) -> None:
        path = ask_save(self.window, "Save the sweep", f"sweep{FILE_SUFFIX}", FILTER)
        if path is None:
            return
        try:
            text = self.page.text.toPlainText()
            sweep = Sweep.parse(text, path.name, self._beside)
            if self._beside is not None and path.parent != self._beside:
                text = sweep.as_toml()  # names of images are relative to the file's own folder
        except InputError as error:
            self.page.says.setText(str(error))
            return
        self.context.files.submit(partial(_write, path, text), self.context.say_saved)

    def _from_setup(self) -> None:
        """A sweep of the measurements about the set-up."""
        self.page.ready.setCurrentIndex(0)
        self._beside = None
        self._begin_anew(_text_of(self.session.spec))
        self.page.show_tab("File")
        if not self.page.folder.text():
            self.page.folder.setText(str(_home() / "my-sweep"))
        self._check()

    def _check(self) -> None:
        """Reads what is written and lays it out, in the background."""
        self._timer.stop()
        self._laying.forget()
        self._sweep = self._laid = None
        text = self.page.text.toPlainText()
        if text.strip():
            try:
                self._sweep = Sweep.parse(text, beside=self._beside)
            except InputError as error:
                self.page.says.setText(str(error))
            else:
                self.page.says.setText("Counting cells and timing networks ...")
                work = partial(_lay_out, self._sweep, self._speeds)
                self._laying = self.worker.submit(work, self._laid_out, self._not_laid_out)
        self._enable()

    def _laid_out(self, laid: _Laid) -> None:
        self._laid = laid
        self._say_outlook()
        self._enable()

    def _not_laid_out(self, failure: Failure) -> None:
        self.page.says.setText(failure.sentence)
        if failure.details:
            self.context.console.add(failure.sentence, failure.details)

    def _say_outlook(self) -> None:
        from engine.sweeps.clock import outlook

        if self._laid is not None:
            self.page.says.setText(outlook(self._laid.plan, self._laid.seconds, self.page.jobs.value()))

    # -- the folder --------------------------------------------------------------------------------------------------

    def _ask_folder(self) -> None:
        name = ask_folder(self.window, "Folder of the results", self.page.folder.text())
        if name:
            self.page.folder.setText(name)

    def _ask_results(self) -> None:
        name = ask_folder(self.window, "Results of a sweep", self.page.folder.text())
        if name:
            self.open_results(Path(name))

    def open_results(self, folder: Path) -> None:
        """Shows the file and the table of an earlier sweep, which can go on from there."""
        try:
            sweep = Store(folder).sweep()
        except InputError as error:
            self.context.report(str(error))
            return
        self.open()
        self.page.ready.setCurrentIndex(0)
        self.page.folder.setText(str(folder))
        self._beside = folder
        self.page.text.setPlainText(sweep.as_toml())
        self._check()
        self.worker.submit(partial(self._read_results, sweep, folder), partial(self._show_results, sweep, folder))

    def _read_results(self, sweep: Sweep, folder: Path) -> list[Record]:
        return _records(_lay_out(sweep, self._speeds), folder)

    def _show_results(self, sweep: Sweep, folder: Path, records: list[Record]) -> None:
        self._fill(sweep, records, folder)
        self.page.show_tab("Table")
        picture = folder / "figure.png"
        if picture.is_file():
            self.page.figure.show_file(str(picture))

    def _fill(self, sweep: Sweep, records: list[Record], folder: Path) -> None:
        self._shown = folder
        self.page.cells.show(sweep, records)
        self.page.table.resizeColumnsToContents()

    # -- running -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Computes what is not done in the folder yet."""
        if self.running or self._laid is None or self._sweep is None:
            return
        folder = self.page.folder.text().strip()
        if not folder:
            self.page.says.setText("Name a folder for the results.")
            return
        sweep, laid = self._sweep, self._laid
        self.control = Control()
        self._progress.take()
        self._new.clear()
        self._fill(sweep, [], Path(folder))
        self.page.figure.say("The figure is drawn when the sweep has ended, where its file has a [figure].")
        self.page.state.setText("Starting the processes ...")
        self.page.show_tab("Table")
        self.runner = self.context.worker("sweep")
        work = partial(_run, laid, Path(folder), self.page.jobs.value(), self.control, self._heard)
        self.runner.submit(work, self._done, self._failed)
        self._enable()
        self.page.pause_button.setFocus()  # not to where Tab would have gone from Start

    def pause(self) -> None:
        """Holds every process within a step of its run, or lets them go on."""
        if self.running:
            (self.control.resume if self.control.paused else self.control.pause)()
            self._enable()

    def cancel(self) -> None:
        self.control.cancel()
        self.page.state.setText("Ending the processes ...")

    def _leave(self) -> None:
        self._timer.stop()
        self.control.cancel()

    def _heard(self, progress: Progress) -> None:
        """In the thread of the sweep."""
        self._new.extend(progress.latest)
        self._progress.put(progress)

    def poll(self) -> None:
        """Shows what is new."""
        records = [self._new.popleft() for _ in range(len(self._new))]
        if records:
            was_empty = not self.page.cells.rows
            self.page.cells.add(records)
            if was_empty:
                self.page.table.resizeColumnsToContents()
        progress = self._progress.take()
        if progress is not None and self.running:
            self._say(progress)

    def _say(self, progress: Progress) -> None:
        from engine.sweeps.clock import words

        self.page.progress.setValue(round(1000 * progress.share))
        told = [f"{progress.done:,} of {progress.total:,} cells"]
        if progress.found:
            told.append(f"{progress.found:,} had been done before")
        if progress.errors:
            told.append(f"{progress.errors:,} without a result")
        told.append("paused" if progress.paused else f"{words(progress.left)} left")
        if not self.control.cancelled:
            self.page.state.setText(", ".join(told))

    def _done(self, found: tuple[Result, str]) -> None:
        result, problem = found
        self._end()
        self._fill(result.plan.sweep, result.rows, result.store.folder)
        ended = "Stopped" if result.cancelled else "Done"
        errors = f", {len(result.errors):,} without a result" if result.errors else ""
        self.page.progress.setValue(round(1000 * len(result.rows) / max(len(result.plan.cells), 1)))
        self.page.state.setText(
            f"{ended}: {len(result.rows):,} of {len(result.plan.cells):,} cells{errors}. "
            f"Table and figure are in {result.store.folder}."
        )
        picture = result.store.folder / "figure.png"
        if problem:
            self.page.figure.say(problem)
        elif result.plan.sweep.figure is not None and picture.is_file():
            self.page.figure.show_file(str(picture))
        self._laid_again()

    def _failed(self, failure: Failure) -> None:
        self._end()
        self.page.state.setText(failure.sentence)
        if failure.details:
            self.context.failed(failure)

    def _end(self) -> None:
        self.poll()
        if self.runner is not None:
            self.runner.end()
        self.runner = None
        self._enable()

    def _laid_again(self) -> None:
        """The next start needs a clock of its own."""
        if self._sweep is not None:
            self._check()

    def _enable(self) -> None:
        page = self.page
        page.start_button.setEnabled(not self.running and self._laid is not None)
        for widget in (
            page.text,
            page.ready,
            page.folder,
            page.folder_button,
            page.jobs,
            page.open_button,
            page.from_setup,
        ):
            widget.setEnabled(not self.running)
        page.results_button.setEnabled(not self.running)
        page.save_button.setEnabled(self._sweep is not None)
        for button in (page.pause_button, page.cancel_button):
            button.setEnabled(self.running)
        page.pause_button.setText("Resume" if self.running and self.control.paused else "Pause")

    # -- a cell ------------------------------------------------------------------------------------------------------

    def _open_cell(self, identity: str) -> None:
        """Shows the run of a cell on the stage; where its document was not kept, the same is computed again."""
        record = next((r for r in self.page.cells.records if r.identity == identity), None)
        sweep, folder = self.page.cells.sweep, self._shown
        if record is None or sweep is None:
            return
        if record.error:
            self.context.report(record.error)
            return
        self.context.say("Opening the cell ...")
        self.worker.submit(partial(_document, sweep, folder, identity), self._show_run)

    def _show_run(self, path: Path) -> None:
        self.window.show_page(self.window.stage)
        self.documents.open(str(path))


def _run(
    laid: _Laid, folder: Path, jobs: int, control: Control, told: Callable[[Progress], None]
) -> tuple[Result, str]:
    """Runs the sweep, with a GPU for each process where there are some, and writes its table and figure; what the figure
    lacks, in a sentence."""
    from engine.sweeps.figure import draw
    from engine.sweeps.runner import run_sweep
    from engine.sweeps.table import write_tables

    sweep = laid.plan.sweep
    workers = Pool(jobs, gpus=gpus(sweep))
    result = run_sweep(sweep, folder, workers, control, told, plan=laid.plan, clock=laid.clock)
    write_tables(result.store.folder, sweep, result.rows)
    try:
        if sweep.figure is not None:
            draw(result.store.folder, sweep, result.rows)
    except InputError as error:
        return result, str(error)
    return result, ""


def _document(sweep: Sweep, folder: Path, identity: str) -> Path:
    from engine.sweeps.opening import document_of
    from engine.sweeps.plan import Plan

    store = Store(folder)
    path = store.document(identity)
    return path if path.is_file() else document_of(Plan(sweep), store, identity)


def _write(path: Path, text: str) -> Path:
    from engine.files import write_atomically

    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _home() -> Path:
    """Where results are kept unless another folder is named."""
    from engine.priors.library import user_folder

    return user_folder().parent / "sweeps"


def _text_of(spec: RunSpec) -> str:
    """A sweep about a set-up: half, once and twice its measurements where it has a number of them, else three seeds."""
    from engine.sweeps.written import toml_text

    keys = ("operator", "quantizer", "noise", "prior", "algorithm", "samples", "seed")
    fixed = {key: value for key, value in spec.as_dict().items() if key in keys}
    fixed["algorithm"] = str(spec.algorithm)
    number = getattr(spec.operator, "measurements", None)
    if number is None:
        axis: str = "seed"
        values: list[int] = [0, 1, 2]
        fixed.pop("seed")
    else:
        axis, values = "operator.measurements", [max(1, number // 2), number, 2 * number]
    return toml_text(
        {
            "title": "A sweep of my own", "images": [spec.image], "fixed": fixed, "axes": {axis: values},
            "figure": {"x": axis, "y": ["psnr_mean", "ssim_mean"]},
        }
    )  # fmt: skip
