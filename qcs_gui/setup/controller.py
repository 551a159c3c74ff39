"""The column of forms and the session's RunSpec, kept equal."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSignalBlocker

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import ESTIMATE
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs.advice import recommend
from engine.runs.estimates import estimate
from engine.runs.fit import with_share_of_rows
from engine.runs.spec import RunSpec
from qcs_gui.main_window import AUTO_OFFSET, MainWindow
from qcs_gui.model import Session

__all__ = ["SetupController"]


class SetupController(QObject):
    """Forms to spec at every edit; spec to forms when it changes from elsewhere.

    Until the user chooses an algorithm, it follows operator and quantizer; the line below the form says which and why.
    """

    def __init__(self, session: Session, window: MainWindow) -> None:
        super().__init__(window)
        self.session, self.window = session, window
        self._editing = False
        self.problem = self._expected = ""
        self.chosen_by_hand = False
        self.take_choice(session.spec)
        for name, form in self._forms().items():
            form.edited.connect(self._algorithm_edited if name == "algorithm" else self.read_forms)
        for box in (window.noise, window.offset, window.samples, window.seed):
            box.valueChanged.connect(self.read_forms)
        window.advice_button.clicked.connect(self.follow_advice)
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

    def _algorithm_edited(self) -> None:
        self.chosen_by_hand = True
        self.read_forms()

    def take_choice(self, spec: RunSpec) -> None:
        """A run file names its algorithm: it counts as chosen unless it is the suggested one."""
        self.chosen_by_hand = spec.algorithm != ALGORITHMS.parse(
            recommend(spec.operator, spec.quantizer, spec.prior)[0]
        )

    def follow_advice(self) -> None:
        """Goes back to the suggested algorithm, and keeps following."""
        self.chosen_by_hand = False
        self.read_forms()

    def list_priors(self, name: str = "") -> None:
        """Lists the priors anew, after one has joined them; the chosen one stays chosen."""
        form, chosen = self.window.prior_form, self.session.spec.prior
        form.fill(priors(), chosen.name)
        form.show_choice(chosen)
        if name:
            self.window.statusBar().showMessage(f"The prior '{name}' can now be chosen.", 8000)

    def read_forms(self) -> None:
        """Takes the forms into the session; a combination that does not fit is said and stops Run."""
        w = self.window
        try:
            operator, quantizer, prior = w.operator_form.choice(), w.quantizer_form.choice(), w.prior_form.choice()
            if not self.chosen_by_hand:
                suggested = ALGORITHMS.parse(recommend(operator, quantizer, prior)[0])
                if w.algorithm_form.choice() != suggested:
                    w.algorithm_form.show_choice(suggested)
            algorithm = w.algorithm_form.choice()
            self._grey(operator, quantizer, prior, algorithm)
            offset = w.offset.value()
            size = self.session.spec.size if prior.any_size or self.session.spec.measurement else "auto"
            spec = self.session.spec.replace(
                noise=float(f"{w.noise.value():.6g}"), offset=None if offset <= AUTO_OFFSET else float(f"{offset:.6g}"),
                samples=w.samples.value(), seed=w.seed.value(), first_sample=0, operator=operator, quantizer=quantizer,
                prior=prior, algorithm=algorithm, size=size,
            )  # fmt: skip
            if self.session.original is not None:
                spec = with_share_of_rows(self.session.picture, self.session.spec, spec)
                if spec.operator != operator:
                    w.operator_form.show_choice(spec.operator)
        except InputError as error:
            self.problem = str(error)
            self._show_estimate()
            self.session.changed("state")
            return
        self.problem = self.session.misfit(spec)
        if self.problem:
            self._show_estimate()
        else:
            self._editing = True
            self.session.set_spec(spec)
            self._editing = False
            with QSignalBlocker(w.image.size_combo):
                w.image.size_combo.setCurrentText(spec.size)
        self.session.changed("state")

    def _grey(self, operator, quantizer, prior, algorithm) -> None:
        reasons = {name: cls().refusal(operator, quantizer, prior) for name, cls in ALGORITHMS.choices.items()}
        reasons[algorithm.name] = algorithm.refusal(operator, quantizer, prior)
        self.window.algorithm_form.set_refusals(reasons, algorithm.warning(operator, quantizer, prior))
        self.window.samples.setEnabled(algorithm.rows_are != ESTIMATE)
        written, why = recommend(operator, quantizer, prior)
        suggested = ALGORITHMS.parse(written)
        follows = algorithm == suggested
        says = f"Suggested here: {suggested.label}" if self.chosen_by_hand and not follows else f"Why {suggested.label}"
        self.window.advice.setText(f"{says}: {why}.")
        self.window.advice_button.setVisible(not follows)

    def show_spec(self) -> None:
        """Takes the session's spec into the forms."""
        spec: RunSpec = self.session.spec
        for name, form in self._forms().items():
            form.show_choice(getattr(spec, name))
        w = self.window
        offset = AUTO_OFFSET if spec.offset is None else spec.offset
        boxes = (
            (w.noise, spec.noise),
            (w.offset, offset),
            (w.samples, spec.samples),
            (w.seed, min(spec.seed, 2**31 - 1)),
        )
        for box, value in boxes:
            with QSignalBlocker(box):
                box.setValue(value)
        with QSignalBlocker(w.image.size_combo):
            shape = self.session.measured_shape if spec.measurement else None
            w.image.size_combo.setCurrentText(f"{shape[2]}x{shape[1]}" if shape else spec.size)
        # a measurement file has decided what was measured, and how
        for widget in (w.operator_form, w.quantizer_form):
            widget.setEnabled(not spec.measurement)
        file = Path(spec.measurement).name
        w.operator_form.show_words(f"The matrix in '{file}'." if file and self.session.own_matrix else "")
        w.quantizer_form.show_words(f"As '{file}' says." if file else "")
        self.problem = self.session.misfit(spec) if self.session.ready else ""
        self._grey(spec.operator, spec.quantizer, spec.prior, spec.algorithm)
        self._show_estimate()

    def _changed(self, what: str) -> None:
        if what == "measurement" and not self.chosen_by_hand:
            spec = self.session.spec
            self.session.spec = spec.replace(algorithm=recommend(spec.operator, spec.quantizer, spec.prior)[0])
        if what in ("spec", "image", "measurement") and not self._editing:
            self.show_spec()
        if what in ("spec", "image", "speed"):
            self._show_estimate()

    def say_expected(self, words: str) -> None:
        """What the run is expected to give, as it was worked out elsewhere."""
        self._expected = words
        self._show_estimate()

    def _show_estimate(self) -> None:
        grey = self.session.ready and self.session.shape()[0] == 1
        self.window.operator_form.show_row("colour", not grey and not self.session.spec.measurement)
        session, label = self.session, self.window.estimate_label
        text, warn = self.problem, bool(self.problem)
        if not text:
            try:
                snr = session.snr_db()
                self.window.snr.setText("" if snr is None else f"SNR {snr:.1f} dB")
                text = f"This run: {estimate(session.spec, session.speed, session.shape()).words()}"
                text += f"; {self._expected}" if self._expected else ""
            except InputError as error:  # before there is a picture
                text, warn = str(error), True
        label.setObjectName("warning" if warn else "dim")
        label.setText(text)
        label.style().polish(label)
        for name in ("save_run", "copy_command"):  # they would write the last set-up that fitted, not the one shown
            self.window.actions_by_name[name].setEnabled(not self.problem)
