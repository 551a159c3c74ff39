"""The column of fields and the session's RunSpec, kept equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSignalBlocker

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import ESTIMATE
from engine.errors import InputError
from engine.images.bundled import name_without
from engine.priors.library import priors
from engine.runs.estimates import estimate
from engine.runs.fit import nearest_size, with_share_of_rows
from engine.runs.spec import RunSpec
from qcs_gui.main_window import MainWindow
from qcs_gui.model import Session

__all__ = ["SetupController"]


class SetupController(QObject):
    """Each field is bound to one key of the spec: an edit changes that key and nothing else.

    Edits that do not fit together yet wait until they do, and the reason is said. While the algorithm is ``auto`` its form shows
    the one that suits; the line below says which and why.
    """

    def __init__(self, session: Session, window: MainWindow) -> None:
        super().__init__(window)
        self.session, self.window = session, window
        self._waiting: dict[str, Any] = {}
        self._editing = False
        self.problem = self._expected = ""
        self.forms = {
            "operator": window.operator_form, "quantizer": window.quantizer_form, "prior": window.prior_form,
            "algorithm": window.algorithm_form,
        }  # fmt: skip
        for key, form in self.forms.items():
            form.edited.connect(lambda key=key: self._form_edited(key))
        for key, box in window.fields.items():
            box.valueChanged.connect(lambda value, key=key: self.edit(key, value))
        window.image.colour_combo.currentTextChanged.connect(lambda text: self.edit("colour", text))
        window.image.size_combo.activated.connect(self._size_edited)
        line = window.image.size_combo.lineEdit()
        assert line is not None
        line.editingFinished.connect(self._size_edited)
        window.advice_button.clicked.connect(self.follow_advice)
        window.anew_button.clicked.connect(self._measure_anew)
        window.crop_button.clicked.connect(self._crop)
        self._crop_to = ""
        session.observe(self._changed)
        self.show_spec()

    # -- from the fields to the spec -------------------------------------------------------------------------------

    def _form_edited(self, key: str) -> None:
        try:
            choice = self.forms[key].choice()
        except InputError as error:
            self._refuse(str(error))
            return
        self.edit(key, choice)

    def _size_edited(self) -> None:
        text = self.window.image.size_combo.currentText()
        if self.session.original is not None and text != (self.session.spec.size or "auto"):
            self.edit("size", text)

    def edit(self, key: str, value: Any) -> None:
        """Sets one key of the spec; what does not fit is said, stops Run, and waits for the edit that makes it fit."""
        self._waiting[key] = value
        session, changes = self.session, dict(self._waiting)
        try:
            spec = self._with(changes)
            if session.original is not None and session.shape_with(spec) != session.shape():
                spec = with_share_of_rows(session.picture, session.spec, spec)
        except InputError as error:
            self._grey(changes)
            self._refuse(str(error))
            return
        problem = session.unfit(spec)
        if problem:
            self._grey(changes)
            self._refuse(problem, spec)
            return
        self._take(spec, shown=spec.operator == changes.get("operator", session.spec.operator))

    def _with(self, changes: dict[str, Any]) -> RunSpec:
        spec = self.session.spec
        try:
            return spec.replace(first_sample=0, **changes)
        except InputError:
            if "prior" not in changes or spec.measurement:
                raise
            # what was settled for pictures of another size is settled anew
            return spec.replace(first_sample=0, size=None, colour="auto", **changes)

    def _take(self, spec: RunSpec, shown: bool = True) -> None:
        """Takes a spec whose values stand in the fields already, unless it has others than were ``shown``."""
        self._waiting, self.problem = {}, ""
        self._offer_crop(None)
        self._editing = shown
        self.session.set_spec(spec)
        self._editing = False
        if spec.reconstructed.algorithm is None and self.window.algorithm_form.choice() != spec.algorithm:
            self.window.algorithm_form.show_choice(spec.algorithm)
        self._show_rest()
        self.session.changed("state")

    def _refuse(self, problem: str, spec: RunSpec | None = None) -> None:
        self.problem = problem
        self._offer_crop(spec)
        self._show_estimate()
        self.session.changed("state")

    def _offer_crop(self, spec: RunSpec | None) -> None:
        """One click to a size that can be measured, where the refused set-up cannot for want of one that divides."""
        found = None
        if spec is not None and self.session.original is not None and spec.prior.any_size:
            found = nearest_size(spec, self.session.shape_with(spec))
        self._crop_to = f"{found[0]}x{found[1]}" if found else ""
        self.window.crop_button.setText(f"Crop the picture to {found[0]} x {found[1]}" if found else "")
        self.window.crop_button.setVisible(bool(found))

    def _crop(self) -> None:
        if self._crop_to:
            self.edit("size", self._crop_to)

    def follow_advice(self) -> None:
        """Goes back to the suggested algorithm, and keeps following."""
        self.edit("algorithm", None)

    def _measure_anew(self) -> None:
        self.session.measure_anew()
        self.show_spec()

    def list_priors(self, name: str = "") -> None:
        """Lists the priors anew, after one has joined them; the chosen one stays chosen."""
        form, chosen = self.window.prior_form, self.session.spec.prior
        form.fill(priors(), chosen.name)
        form.show_choice(chosen)
        if name:
            self.window.statusBar().showMessage(f"The prior '{name}' can now be chosen.", 8000)

    # -- from the spec to the fields -------------------------------------------------------------------------------

    def show_spec(self) -> None:
        """Takes the session's spec into the fields."""
        self._waiting = {}
        spec, w = self.session.spec, self.window
        seen = spec.instrument
        for key, choice in (
            ("operator", seen.operator), ("quantizer", seen.quantizer), ("prior", spec.prior), ("algorithm", spec.algorithm),
        ):  # fmt: skip
            self.forms[key].show_choice(choice)
        for key, box in w.fields.items():
            box.show_value(getattr(seen if spec.measurement and key in ("noise", "offset") else spec, key))
        with QSignalBlocker(w.image.colour_combo):
            w.image.colour_combo.setCurrentText(spec.colour)
        # a measurement file has decided what was measured, and how
        decided = [w.fields[key] for key in ("noise", "offset", "measurement_seed")]
        for widget in (w.operator_form, w.quantizer_form, w.image.colour_combo, *decided):
            widget.setEnabled(not spec.measurement)
        file = name_without(Path(spec.measurement).name)
        own_matrix = bool(file) and seen.operator.name not in w.operator_form.family.choices
        w.operator_form.show_words(f"The matrix in '{file}'." if own_matrix else "")
        w.quantizer_form.show_words(f"As '{file}' says." if file else "")
        self.problem = self.session.unfit(spec) if self.session.ready else ""
        self._offer_crop(spec if self.problem else None)
        self._show_rest()

    def _show_rest(self) -> None:
        """What follows from the spec: the size shown, what fits, what stands."""
        spec, w, session = self.session.spec, self.window, self.session
        with QSignalBlocker(w.image.size_combo):
            shape = session.measured_shape if spec.measurement else None
            w.image.size_combo.setCurrentText(f"{shape[2]}x{shape[1]}" if shape else spec.size or "auto")
        stands = session.original is not None and session.adviser != spec.prior and not spec.measured.is_settled
        w.anew_label.setText(
            f"Measured as for '{session.adviser.name}': ranges and offset stay, so that results compare."
            if stands
            else ""
        )
        for widget in (w.anew_label, w.anew_button):
            widget.setVisible(stands)
        self._grey({})
        self._show_estimate()

    def _grey(self, changes: dict[str, Any]) -> None:
        """Greys the algorithms that do not go with the choices as they stand, edits that wait among them."""
        spec = self.session.spec
        operator = changes.get("operator", spec.instrument.operator)
        quantizer, prior = changes.get("quantizer", spec.instrument.quantizer), changes.get("prior", spec.prior)
        chosen = changes.get("algorithm", spec.reconstructed.algorithm)
        try:
            written, why = self._advice(operator, quantizer, prior)
        except InputError:  # a kind of prior that nothing takes
            return
        suggested = ALGORITHMS.parse(written)
        algorithm = chosen or suggested
        reasons = {name: cls().refusal(operator, quantizer, prior) for name, cls in ALGORITHMS.choices.items()}
        reasons[algorithm.name] = algorithm.refusal(operator, quantizer, prior)
        w = self.window
        if chosen is None and w.algorithm_form.name() != algorithm.name:
            w.algorithm_form.show_choice(algorithm)
        w.algorithm_form.set_refusals(reasons, algorithm.warning(operator, quantizer, prior))
        w.fields["samples"].setEnabled(algorithm.rows_are != ESTIMATE)
        follows = chosen is None or algorithm == suggested
        w.advice.setText(f"{'Why' if follows else 'Suggested here:'} {suggested.label}: {why}.")
        w.advice_button.setVisible(not follows)

    @staticmethod
    def _advice(operator: Any, quantizer: Any, prior: Any) -> tuple[str, str]:
        from engine.runs.advice import recommend

        return recommend(operator, quantizer, prior)

    def _changed(self, what: str) -> None:
        if what in ("spec", "image", "measurement") and not self._editing:
            self.show_spec()
        if what in ("spec", "image", "speed", "result"):
            self._show_rest() if what == "result" else self._show_estimate()

    def say_expected(self, words: str) -> None:
        """What the run is expected to give, as it was worked out elsewhere."""
        self._expected = words
        self._show_estimate()

    def _show_estimate(self) -> None:
        session, label = self.session, self.window.estimate_label
        grey = session.ready and session.shape()[0] == 1
        self.window.operator_form.show_row("colour", not grey and not session.spec.measurement)
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
