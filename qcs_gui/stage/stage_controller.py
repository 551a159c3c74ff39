"""Shows frames: panels, strip, curves, timeline; stages the run, and says of the picture that is shown what it is worth. It
computes nothing but the difference of mean and truth, and that number."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker

from engine.algorithms.base import ESTIMATE, RESTARTS, SAMPLES
from engine.errors import InputError
from engine.images import framed
from engine.images.bundled import name_without
from qcs_gui.background.frames import Frame, Keyframes, amount_in_words
from qcs_gui.context import Context, Feature
from qcs_gui.model import State
from qcs_gui.stage.result import BETWEEN, details_line, disagree, doubts_about, number_of, result_line
from qcs_gui.stage.view_store import VIEWS, displayed

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["StageController"]

NOTHING_YET = "Drop a picture here, or choose one on the left."
UNSPLIT = " = "
# Iterate and denoised estimate follow every frame; what changes slowly is painted less often, because painting holds
# the interpreter lock that the engine needs.
SUMMARIES_PER_SECOND, CURVES_PER_SECOND, STATUS_PER_SECOND = 8.0, 4.0, 4.0


Message = tuple[int, np.ndarray | None]
"""The number of a run and its last EP message."""
Before = tuple[Keyframes, Frame | None, Message]
"""What is shown of a run, kept while the next one goes."""


class StageController(Feature):
    """Follows the newest frame, unless the timeline was dragged back."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        session, window = self.session, self.window
        self.keyframes = Keyframes()
        self.newest: Frame | None = None
        self.shown: Frame | None = None
        self.frames_shown = 0
        self.seconds_per_frame = 0.0
        self._painted = 0.0
        self._following = True
        self._last_message: Message = (0, None)
        self._summaries_at = self._curves_at = self._status_at = 0.0
        self.running = ""
        """What the run that goes is called."""
        self._live = ""
        self._next = True
        """Whether the picture of the next run stands on the stage, and not what came of the last one."""
        window.timeline.valueChanged.connect(self._scrubbed)
        window.strip.selected.connect(self._sample_chosen)
        window.measurement_combo.currentIndexChanged.connect(lambda _: self._show_measurement())
        window.board.hovered.connect(window.pixel_label.setText)
        window.stage.picture.hovered.connect(window.pixel_label.setText)
        window.curves.clicked.connect(self._jump)
        self.store = window.stage.store
        window.image.original_button.toggled.connect(lambda _: self.show_truth())
        window.stage.view_chosen.connect(lambda _: self.say())
        window.stage.follow_wanted.connect(self._stage)
        window.stage.laid_out.connect(self._laid_out)
        session.observe(self._changed)

    # -- life of a run ---------------------------------------------------------------------------------------------

    def begin(self) -> Before:
        """Clears the timeline for a new run; returns what :meth:`restore` needs to undo that."""
        before = (self.keyframes, self.newest, self._last_message)
        self.keyframes, self._following = Keyframes(), True
        self._next = False
        self.window.stage.show_empty(False)
        return before

    def restore(self, before: Before, result: Reconstruction | None) -> None:
        """Shows what was there before a run that was cancelled or failed."""
        self.keyframes, self.newest, self._last_message = before
        self.window.speed_label.setText("")
        self._following = True
        if self.newest is None or result is None:
            self.clear()
            return
        self._set_timeline()
        self.window.progress.setValue(round(1000 * self.newest.step / self.newest.steps))
        self.show(self.newest)

    def clear(self) -> None:
        """Empties all that belongs to a run."""
        self.newest = self.shown = None
        for key in VIEWS.keys() - {"truth"}:
            self.store.set_image(key, None)
        self.show_truth()
        self.window.stage.measured_thumb.set_picture(None, "What was measured")
        self.window.strip.clear_samples()
        self.window.stage.show_empty(True)
        self._next = True
        self._show_amount()
        self._stage()
        self.window.curves.set_history({}, 0)
        self.window.step_label.setText("no run yet")
        self.window.timeline.setEnabled(False)
        self.window.stage.timeline.refresh()
        self.window.progress.setValue(0)
        self.window.speed_label.setText("")

    def arrive(self, frame: Frame) -> None:
        """A new frame from the engine."""
        start = time.perf_counter()
        self.newest = frame
        self.keyframes.add(frame)
        self.frames_shown += 1
        self.window.progress.setValue(round(1000 * frame.step / frame.steps))
        self._set_timeline()
        if self._following:
            self.show(frame)
        now = time.monotonic()
        if frame.final or now - self._status_at >= 1 / STATUS_PER_SECOND:
            self._status_at = now
            speed = frame.step / max(frame.elapsed, 1e-6)
            left = "done" if frame.final else f"{frame.seconds_left:.0f} s left"
            self.window.speed_label.setText(f"{speed:.1f} steps/s, {left}")
        # the painting that the last frame caused, and the handling of this one; smoothed
        painted, stage = self._painted, self.window.stage
        self._painted = stage.board.paint_seconds + stage.picture.paint_seconds
        cost = time.perf_counter() - start + self._painted - painted
        self.seconds_per_frame += 0.2 * (cost - self.seconds_per_frame)

    def show_result(self, result: Reconstruction) -> None:
        """Puts the finished result, which may hold earlier samples too, in the place of the run's last frame."""
        last = self.newest
        if last is None:
            return
        samples = result.samples if len(result.samples) else last.denoised
        std = result.spread if result.rows_are == RESTARTS else result.std
        ended = "done" if result.status == "done" else "early"
        self.window.speed_label.setText("done" if ended == "done" else "finished early")
        frame = replace(last, iterate=samples, denoised=samples, mean=result.mean, std=std, final=True, ended=ended)
        self.newest = frame
        self.keyframes.replace_last(frame)
        self._following = True
        if frame.best is not None and len(frame.losses) == len(samples):
            self.window.strip.select(frame.best)  # the one that is the estimate
        self._set_timeline()
        self.show(frame)

    def show_opened(self, frames: list[Frame]) -> None:
        """Shows a result that was kept, with the frames of its run on the timeline."""
        self.window.show_page(self.window.stage)
        self.begin()
        for frame in frames:
            self.keyframes.add(frame)
        self.newest = frames[-1]
        self.window.progress.setValue(1000)
        self.window.speed_label.setText("")
        self._set_timeline()
        self.show(frames[-1])
        self.say_result()

    def say_result(self) -> None:
        """The result in one line of large type, its details, and what is doubtful about it below."""
        self.say()

    def say_live(self, words: str) -> None:
        """What live mode says, of its picture or of what is in its way."""
        self._live = words
        self.say()

    def say(self) -> None:
        """What there is to say now of the picture that is shown."""
        session, stage = self.session, self.window.stage
        words, result = self._words(), session.result
        stage.result_label.setText(BETWEEN.join(w for w in (words, self._number()) if w))
        settled = session.state == State.IDLE and not session.live and not self.is_next and result is not None
        details = details_line(result) if settled and result is not None else ""
        doubts = doubts_about(result) if settled and result is not None else []
        told = result.facts.get("inferred", ()) if settled and result is not None and not stage.presenting else ()
        stage.inferred.show_inferred(told)
        for label, text in ((stage.details_label, details), (stage.note_label, " ".join(doubts))):
            label.setText(text)
            label.setVisible(bool(text) and not (stage.presenting and label is stage.details_label))

    @property
    def is_next(self) -> bool:
        """Whether what is seen is the picture of the next run."""
        stage = self.window.stage
        return self.shown is None or (self._next and stage.picture.key == "truth" and not stage.is_wall)

    def _words(self) -> str:
        session, frame = self.session, self.shown
        if session.state == State.PAUSED:
            at = "" if self.newest is None else f" at step {self.newest.step} of {self.newest.steps}"
            return f"Paused{at}: Resume goes on"
        if session.state == State.STOPPING:
            return "Stopping after this step ..."
        if session.state == State.RUNNING:
            return f"{self.running} forms the picture"
        if session.live and self._live:
            return self._live
        if self.is_next:
            return self._invitation()
        if frame is not None and self.newest is not None and frame is not self.newest:
            return f"Step {frame.step} of {frame.steps}"
        return NOTHING_YET if session.result is None else result_line(session.result)

    def _invitation(self) -> str:
        session = self.session
        if session.spec.measurement:
            return f"Press Run: the picture is rebuilt from '{name_without(Path(session.spec.measurement).name)}'."
        if session.pixels is None:
            return NOTHING_YET
        amount = self._amount().split(UNSPLIT)[0]
        are = "is" if amount.startswith("1 ") else "are"
        return f"Press Run: {amount} {are} taken of this picture, and it is rebuilt from them alone." if amount else ""

    def _amount(self) -> str:
        """How much the set-up as it is will measure."""
        spec = self.session.spec
        try:
            return amount_in_words(spec.operator.rows_for(self.session.shape()), spec.quantizer.bits_per_measurement)
        except InputError:  # too many rows: that is said elsewhere
            return ""

    def _number(self) -> str:
        frame, stage = self.shown, self.window.stage
        if frame is None or self.is_next:
            return ""
        if stage.is_wall:
            count, measured = len(frame.denoised), frame.seen.words.split(UNSPLIT)[0] if frame.seen is not None else ""
            return f"{count} pictures that fit the same {measured or 'measurements'}"
        key, truth = "mean" if stage.is_grid else stage.picture.key, None if frame.seen is None else frame.seen.truth
        row, rows = min(self.window.strip.index, len(frame.denoised) - 1), len(frame.denoised)
        return number_of(key, self.store.pixels.get(key), truth, row, rows, frame.rows_are)

    def _show_amount(self) -> None:
        """Bits and bytes of what is seen: of the run that is shown, or of the next one."""
        stage, seen = self.window.stage, None if self.shown is None else self.shown.seen
        words = self._amount() if self._next or seen is None else seen.words
        stage.amount_label.setText(words.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}=", " ="))
        stage.truth_thumb.setHidden(self._next)  # it stands on the stage itself
        if self._next:
            stage.measured_thumb.set_picture(None, "Not measured yet")

    # -- staging -----------------------------------------------------------------------------------------------------

    def _stage(self) -> None:
        """Shows what there is to see now, as long as nobody chose a view: the picture, its forming, what came of it."""
        frame, stage = self.shown, self.window.stage
        if not stage.following or stage.is_grid:
            self.say()
            return
        if frame is None or self._next:
            stage.stage_view("truth")
        elif self.session.live:
            stage.stage_view("mean")
        elif not frame.ended:
            stage.stage_view("iterate")
        elif frame.rows_are == SAMPLES and disagree(frame.denoised):
            stage.stage_wall()
        else:
            stage.stage_view("mean", fade=True)
        self.say()

    def _laid_out(self) -> None:
        if self.shown is not None and self.window.stage.is_wall:
            self.window.stage.set_samples(self.shown.denoised)
        self.say()

    def _sample_chosen(self, _: int) -> None:
        """A sample that was chosen is looked at: the live iterate and the denoised estimate are its own."""
        self._show_iterate()
        stage, frame = self.window.stage, self.shown
        if stage.following and frame is not None and frame.ended and not stage.is_grid and len(frame.denoised) > 1:
            stage.show_view("denoised")
        self.say()

    def show_live(self, frame: Frame) -> None:
        """Shows what live mode made; the frames of the last run stay on the timeline's shelf until the next run."""
        self.newest = frame
        self.keyframes, self._following = Keyframes(), True
        self.keyframes.add(frame)
        self.frames_shown += 1
        self._set_timeline()
        self.show(frame)

    def _jump(self, step: int) -> None:
        """To the kept frame nearest to a step: a click on a curve."""
        frames = self.keyframes.frames
        if frames:
            nearest = min(range(len(frames)), key=lambda i: abs(frames[i].step - step))
            self.window.timeline.setValue(nearest)

    def _set_timeline(self) -> None:
        timeline = self.window.timeline
        with QSignalBlocker(timeline):
            timeline.setEnabled(bool(self.keyframes.frames))
            position = timeline.value()
            timeline.setRange(0, max(0, len(self.keyframes.frames) - 1))
            timeline.setValue(timeline.maximum() if self._following else min(position, timeline.maximum()))
        self.window.stage.timeline.refresh()

    # -- showing ---------------------------------------------------------------------------------------------------

    def show(self, frame: Frame) -> None:
        """Shows a frame in all panels."""
        self.shown = frame
        at_once = frame.final or not self._following or frame.step == 1 or self.session.state == State.PAUSED
        self._show_iterate()
        now = time.monotonic()
        if at_once or now - self._summaries_at >= 1 / SUMMARIES_PER_SECOND:
            self._summaries_at = now
            self._show_summaries()
        if at_once or now - self._curves_at >= 1 / CURVES_PER_SECOND:
            self._curves_at = now
            history = self.newest.history if self.newest is not None else frame.history
            self.window.curves.set_history(history, frame.step)
            sigma = frame.statistics.get("sigma")
            level = f", sigma {sigma:.3g}" if sigma is not None else ""
            self.window.step_label.setText(f"{frame.phase}: {frame.step} / {frame.steps}{level}")
            self.say()
        self._stage_frame(frame)

    def _stage_frame(self, frame: Frame) -> None:
        """The views change with the frame: at the first one, at the last one, and where the timeline was dragged to."""
        stage = self.window.stage
        wanted = "mean" if frame.ended or self.session.live else "iterate"
        if stage.following and not stage.is_grid and (stage.is_wall or stage.picture.key != wanted):
            self._stage()

    def _show_iterate(self) -> None:
        frame = self.shown
        if frame is None:
            return
        row = min(self.window.strip.index, len(frame.iterate) - 1)
        for key, title in (("iterate", "Live iterate"), ("denoised", "Denoised estimate")):
            images = getattr(frame, key)
            self.store.set_image(key, images[row], _row_title(title, row, len(images), frame.losses))

    def _show_summaries(self) -> None:
        frame = self.shown
        if frame is None:
            return
        board = self.store
        look = board.map("denoised"), board.range("denoised")
        for strip in (self.window.strip, self.window.stage.wall):
            strip.set_look(*look)
        self.window.stage.set_samples(frame.denoised)
        mean_title, std_title = _titles(frame)
        board.set_image("mean", frame.mean, mean_title)
        board.set_image("std", frame.std, std_title)
        truth = frame.seen.truth if frame.seen is not None else None
        board.set_image("error", frame.mean - truth if truth is not None else None)
        self.show_truth()
        board.set_image("message", self._message(), None)
        self._show_measurement()

    def _changed(self, what: str) -> None:
        idle = self.session.state == State.IDLE
        if what in ("image", "measurement") and idle and not self.session.live:
            self._next = True
        if what == "image":
            self.show_truth(chosen=idle)
            self.window.board.reset_zoom()
            self.window.stage.picture.reset_zoom()
        if what in ("image", "spec", "measurement") and self._next:
            self._show_amount()
            self._stage()
        elif what in ("state", "live"):
            if self.session.state == State.PAUSED and self.newest is not None and self._following:
                self.show(self.newest)  # all of it, now that there is time
            self.say()

    def show_truth(self, chosen: bool = False) -> None:
        """The truth of the run that is shown, told apart from the picture that the next run will take; ``chosen`` shows
        that one."""
        session, board = self.session, self.store
        if self.window.image.original_button.isChecked() and session.original is not None:
            board.set_image("truth", framed(session.original, session.shape()), "Original, kept part framed")
            self._show_truth_thumb()
            return
        seen = self.shown.seen if self.shown is not None else None
        truth, picture = None if seen is None else seen.truth, session.pixels
        same = seen is None or (truth is None and picture is None) or _equal(truth, picture)
        if chosen and not same:
            board.set_image("truth", picture, "Next run: this picture")
        elif same:
            board.set_image("truth", picture, "Truth" if picture is not None else "Truth (not known)")
        else:
            board.set_image("truth", truth, "Truth of the run shown" if truth is not None else "Truth (not known)")

        self._show_truth_thumb()

    def _show_truth_thumb(self) -> None:
        pixels = self.store.pixels.get("truth")
        title = self.store.title("truth")
        shown = None if pixels is None else displayed("truth", pixels)
        look = self.store.map("truth"), self.store.range("truth")
        self.window.stage.truth_thumb.set_picture(
            shown, title.replace("Truth of the run shown", "Truth of this run"), *look
        )

    def _message(self) -> np.ndarray | None:
        """The frame's EP message, or the last one before it: turbo has none any more while it samples."""
        frame = self.shown
        if frame is not None and frame.message is not None:
            self._last_message = (frame.run, frame.message)
            return frame.message
        run, message = self._last_message
        return message if frame is not None and frame.run == run else None

    def _show_measurement(self) -> None:
        seen = self.shown.seen if self.shown is not None else None
        if seen is None:
            return
        board, view = self.store, self.window.measurement_combo.currentData()
        if view == "codes" and seen.codes is not None:
            kind = "bits" if seen.cells == 2 else "codes" if seen.cells else "values"
            board.set_image("measurement", seen.codes, f"Measurement ({kind})")
        elif view == "sensing":
            board.set_image("measurement", seen.sensing, "What is measured")
        else:
            board.set_image("measurement", seen.back_projection, "Measurement (back-projected)")
        shown = board.pixels.get("measurement")
        picture = None if shown is None else displayed("measurement", shown)
        look = board.map("measurement"), board.range("measurement")
        self.window.stage.measured_thumb.set_picture(picture, "What was measured", *look)
        self._show_amount()

    def _scrubbed(self, position: int) -> None:
        self._next = False
        self._following = position >= self.window.timeline.maximum()
        if 0 <= position < len(self.keyframes.frames):
            self.show(self.keyframes.frames[position])


def _titles(frame: Frame) -> tuple[str, str]:
    """Of the panels of mean and std: what they are depends on what the method's rows are."""
    done = frame.ended == "done"
    if frame.rows_are == ESTIMATE:
        return "Estimate" if done else "Estimate so far", "No std: one estimate"
    if frame.rows_are == RESTARTS:
        so_far = "Best restart so far" if frame.losses else "Mean of restarts so far"
        return "Best restart" if done else so_far, "Spread of restarts (no std)"
    spread = "Posterior std" if done else "Spread of estimates"
    if frame.std_is and frame.std is not None:
        spread += f" ({frame.std_is})"
    mean = "Posterior mean" if done else "Posterior mean so far"
    if frame.std is None:
        spread = "Spread: needs two samples" if done else "Posterior std (after sampling)"
    return mean, spread


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _row_title(title: str, row: int, rows: int, losses: tuple[float, ...] = ()) -> str:
    """Which row it is and, of restarts, its loss and whether it is the best."""
    words = title if rows == 1 else f"{title} {row + 1} of {rows}"
    if len(losses) != rows or rows == 1:
        return words
    return f"{words}, loss {losses[row]:.3g}" + (" (the best)" if losses[row] == min(losses) else "")
