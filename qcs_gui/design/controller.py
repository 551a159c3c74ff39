"""What is predicted before a run: the expected PSNR beside time and memory, and the designer. Worked out in a thread of its
own, the newest question first."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from engine.runs.spec import RunSpec
from qcs_gui.background.worker import Outcome, Worker
from qcs_gui.design.dialog import KINDS, DesignDialog
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session
from qcs_gui.theme import THEMES

__all__ = ["PredictionController"]

WAIT_MS = 120


class PredictionController(QObject):
    """``say`` is told the expectation in words, or nothing where nothing can be expected; ``take_over`` gets the spec of a
    design."""

    def __init__(self, session: Session, window: MainWindow, theme: Callable[[], str]) -> None:
        super().__init__(window)
        self.session, self.window, self.theme = session, window, theme
        self.worker = Worker("predictions")
        self.say: Callable[[str], None] = lambda words: None
        self.take_over: Callable[[RunSpec], None] = lambda spec: None
        self.dialog: DesignDialog | None = None
        self._design_spec: RunSpec | None = None
        self._asked: dict[int, str] = {}
        self._stale: set[str] = set()
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._ask)
        session.observe(self._changed)
        window.actions_by_name["design"].triggered.connect(self.open)

    def _changed(self, what: str) -> None:
        if what in ("spec", "image", "measurement", "speed"):
            self._timer.start()

    def _ask(self) -> None:
        """Asks for both; a question that is being worked out is asked again once it is answered."""
        if not self.session.device or not self.session.ready:
            return  # the engine is starting: nothing shall be in its way
        self._submit("expect")
        if self.dialog is not None and self.dialog.isVisible():
            self._submit("design")

    def _submit(self, what: str) -> None:
        if what in self._asked.values():
            self._stale.add(what)
            return
        spec, shape, adviser = self.session.spec, self.session.shape(), self.session.adviser
        if what == "expect":

            def work():
                from engine.runs.expectation import expect

                return expect(spec, shape, adviser)
        else:
            assert self.dialog is not None
            kind, amount = KINDS[self.dialog.kind.currentText()], self.dialog.budget.value()
            fixed = self.dialog.fixed_time.isChecked()
            base = spec if spec.operator.random_like and spec.operator.is_linear else spec.replace(operator="dct")

            def work():
                from engine.experiments.design import design

                return design(base.replace(measurement="", algorithm="turbo"), shape, amount, kind, fixed)

        self._asked[self.worker.submit(work)] = what

    def poll(self) -> None:
        """Takes what was worked out since the last look."""
        for outcome in self.worker.take():
            self._take(outcome)

    def close(self, timeout: float = 10.0) -> bool:
        """Ends the thread; whether it ended in time."""
        self._timer.stop()
        return self.worker.close(timeout)

    def _take(self, outcome: Outcome) -> None:
        what = self._asked.pop(outcome.task, "")
        if what in self._stale:
            self._stale.discard(what)
            self._submit(what)
        elif what == "expect":
            found = outcome.value if outcome.kind == "done" else None
            self.say("" if found is None else found.words())
        elif self.dialog is not None and outcome.kind == "done":
            self._design_spec = outcome.value.spec
            self.dialog.show_design(outcome.value)
        elif self.dialog is not None:
            self.dialog.show_problem(outcome.sentence)

    def open(self) -> None:
        """Shows the designer for the set-up as it is."""
        if self.dialog is None:
            self.dialog = dialog = DesignDialog(self.window)
            dialog.kind.currentIndexChanged.connect(self._timer.start)
            dialog.budget.valueChanged.connect(self._timer.start)
            dialog.fixed_time.toggled.connect(self._timer.start)
            dialog.use_button.clicked.connect(self._use)
        colours = THEMES[self.theme()]
        self.dialog.set_colours(colours["plot"], colours["text"])
        channels, height, width = self.session.shape()
        self.dialog.about.setText(
            f"For {width} x {height} {'colour' if channels == 3 else 'grey'} pictures like those of the prior "
            f"{self.session.spec.prior.name}, noise {self.session.spec.noise:g} and the operator on the left."
        )
        self.dialog.show()
        self.dialog.raise_()
        self._timer.start()

    def _use(self) -> None:
        if self._design_spec is not None:
            self.take_over(self._design_spec)
