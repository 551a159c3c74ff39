"""What is predicted before a run: the expected PSNR beside time and memory, and the designer. Worked out in a thread of its
own, the newest question first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from engine.priors.choice import PriorChoice, Shape
from engine.runs.spec import RunSpec
from qcs_gui.background.worker import Failure, Task
from qcs_gui.context import Context, Feature
from qcs_gui.design.dialog import KINDS, DesignDialog

if TYPE_CHECKING:
    from engine.experiments.design import Design

__all__ = ["PredictionController"]

WAIT_MS = 120


def _expected_words(spec: RunSpec, shape: Shape, adviser: PriorChoice) -> str:
    from engine.runs.expectation import expect

    found = expect(spec, shape, adviser)
    return "" if found is None else found.words()


def _designed(spec: RunSpec, shape: Shape, amount: float, kind: str, fixed: bool) -> Design:
    from engine.experiments.design import design

    return design(spec.replace(measurement="", algorithm="turbo"), shape, amount, kind, fixed)


class PredictionController(Feature):
    """Asks anew after every change; what was asked before is of no more use."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.worker = context.worker("predictions")
        self.dialog: DesignDialog | None = None
        self._design: Design | None = None
        self._expecting, self._designing = Task(), Task()
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._ask)
        context.closing.connect(self._timer.stop)
        self.session.observe(self._changed)
        self.act(design=self.open)

    def _changed(self, what: str) -> None:
        if what in ("spec", "image", "measurement", "speed"):
            self._timer.start()

    def _ask(self) -> None:
        if not self.session.device or not self.session.ready:
            return  # the engine is starting: nothing shall be in its way
        spec, shape = self.session.spec, self.session.shape()
        self._expecting.forget()
        self._expecting = self.worker.submit(
            partial(_expected_words, spec, shape, self.session.adviser),
            self.context.setup.say_expected,
            self._not_expected,
        )
        if self.dialog is not None and self.dialog.isVisible():
            kind, amount = KINDS[self.dialog.kind.currentText()], self.dialog.budget.value()
            base = spec if spec.operator.random_like and spec.operator.is_linear else spec.replace(operator="dct")
            work = partial(_designed, base, shape, amount, kind, self.dialog.fixed_time.isChecked())
            self._designing.forget()
            self._designing = self.worker.submit(work, self._show_design, self._not_designed)

    def _not_expected(self, failure: Failure) -> None:
        """Said where the expectation would stand: a window that comes up at every edit would be in the way of mending it."""
        self.context.setup.say_expected(f"the PSNR cannot be predicted ({failure.sentence.rstrip('.')})")
        self.context.console.add(failure.sentence, failure.details)

    def _show_design(self, design: Design) -> None:
        self._design = design
        if self.dialog is not None:
            self.dialog.show_design(design)

    def _not_designed(self, failure: Failure) -> None:
        if self.dialog is not None:
            self.dialog.show_problem(failure.sentence)

    def open(self) -> None:
        """Shows the designer for the set-up as it is."""
        if self.dialog is None:
            self.dialog = dialog = DesignDialog(self.window)
            dialog.kind.currentIndexChanged.connect(self._timer.start)
            dialog.budget.valueChanged.connect(self._timer.start)
            dialog.fixed_time.toggled.connect(self._timer.start)
            dialog.use_button.clicked.connect(self._use)
        colours = self.context.colours
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
        """The set-up with the designed measurement in it."""
        if self._design is not None:
            old, new = self.session.spec, self._design.spec
            self.session.set_spec(
                old.replace(operator=new.operator, quantizer=new.quantizer, noise=new.noise, algorithm="turbo")
            )
