"""The column of forms and the session's RunSpec, kept equal."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSignalBlocker

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.estimates import estimate
from engine.operators.base import refuse_if_too_large
from engine.spec import RunSpec
from qcs_gui.model import Session
from qcs_gui.views.main_window import MainWindow

__all__ = ["SetupController"]


class SetupController(QObject):
    """Forms to spec at every edit; spec to forms when it changes from elsewhere."""

    def __init__(self, session: Session, window: MainWindow) -> None:
        super().__init__(window)
        self.session, self.window = session, window
        self._editing = False
        self.problem = ""
        for form in self._forms().values():
            form.edited.connect(self.read_forms)
        for box in (window.noise, window.samples, window.seed):
            box.valueChanged.connect(self.read_forms)
        session.observe(self._changed)
        self.show_spec()

    def _forms(self):
        w = self.window
        return {
            "operator": w.operator_form,
            "quantizer": w.quantizer_form,
            "prior": w.prior_form,
            "algorithm": w.algorithm_form,
        }

    def read_forms(self) -> None:
        """Takes the forms into the session; a combination that does not fit is said and stops Run."""
        try:
            choices = {name: form.choice() for name, form in self._forms().items()}
            self._grey(choices["operator"], choices["quantizer"])
            spec = self.session.spec.replace(
                noise=float(f"{self.window.noise.value():.6g}"), samples=self.window.samples.value(),
                seed=self.window.seed.value(), first_sample=0, **choices,
            )  # fmt: skip
            self.problem = ""
        except InputError as error:
            self.problem = str(error)
            self._show_estimate()
            self.session.changed("state")
            return
        self._editing = True
        self.session.set_spec(spec)
        self._editing = False
        self.session.changed("state")

    def _grey(self, operator, quantizer) -> None:
        reasons = {name: cls().refusal(operator, quantizer) for name, cls in ALGORITHMS.choices.items()}
        self.window.algorithm_form.set_refusals(reasons)

    def show_spec(self) -> None:
        """Takes the session's spec into the forms."""
        spec: RunSpec = self.session.spec
        for name, form in self._forms().items():
            form.show_choice(getattr(spec, name))
        w = self.window
        for box, value in ((w.noise, spec.noise), (w.samples, spec.samples), (w.seed, min(spec.seed, 2**31 - 1))):
            with QSignalBlocker(box):
                box.setValue(value)
        self.problem = ""
        self._grey(spec.operator, spec.quantizer)
        self._show_estimate()

    def _changed(self, what: str) -> None:
        if what == "spec" and not self._editing:
            self.show_spec()
        if what in ("spec", "image", "speed"):
            self._show_estimate()

    def _show_estimate(self) -> None:
        session, label = self.session, self.window.estimate_label
        snr = session.snr_db()
        self.window.snr.setText("" if snr is None else f"SNR {snr:.1f} dB")
        text, warn = self.problem, bool(self.problem)
        if not text:
            guess = estimate(session.spec, session.speed)
            try:
                refuse_if_too_large(
                    guess.memory_bytes, "This run", "lower the measurements, the samples or the image size"
                )
                text = f"This run: {guess.words()}"
            except InputError as error:
                text, warn = str(error), True
        label.setObjectName("warning" if warn else "dim")
        label.setText(text)
        label.style().polish(label)
        for name in ("save_run", "copy_command"):  # they would write the last set-up that fitted, not the one shown
            self.window.actions_by_name[name].setEnabled(not self.problem)
