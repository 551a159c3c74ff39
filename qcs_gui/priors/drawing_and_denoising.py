"""The two working parts of the prior page: drawing samples, and the denoising demo. Each has a thread of its own, so
that the slider answers while samples are drawn; a thread starts when it is first needed and ends with the page."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from engine.control import Control
from engine.errors import InputError
from engine.priors.choice import KINDS, PriorChoice
from qcs_gui.background.mailbox import Mailbox
from qcs_gui.background.worker import Failure, Task, Worker
from qcs_gui.context import CLOSING_SECONDS, Context
from qcs_gui.priors.prior_computations import (
    DemoFrame,
    Demonstrator,
    DemoRequest,
    SampleFrame,
    SampleRequest,
    draw_samples,
)
from qcs_gui.priors.prior_dialog import BOTH, ERROR, ESTIMATE, PriorPage

__all__ = ["DenoisingDemo", "Part", "SampleDrawing"]

LOWEST_SIGMA, HIGHEST_SIGMA = 0.005, 100.0


_FOR = {
    "sparsity": "it is for algorithms that minimise, such as lasso",
    "low-rank": "it is for algorithms that descend on factors, such as scaled-gd",
    "generator": "it is for algorithms that search its latents, such as csgm",
}


class Part:
    """Something on the page that works in a thread of its own."""

    def __init__(self, context: Context, page: PriorPage) -> None:
        self.context, self.session, self.page, self.threads = context, context.session, page, context.threads
        self.choice: PriorChoice = self.session.spec.prior
        self._task = Task()
        self._worker: Worker | None = None
        self._ending: list[Worker] = []

    def _submit(self, work: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[Failure], None]) -> None:
        """What waits gives way to it; what is being worked out is still heard of."""
        self._task.withdraw()
        self._worker = self._worker or self.context.worker("prior page")
        self._task = self._worker.submit(work, then, failed)

    def end(self) -> None:
        """Tells the thread to end, without waiting for it."""
        self._task.forget()
        if self._worker is not None:
            self._worker.end()
            self._ending = [w for w in [*self._ending, self._worker] if not w.gone]
        self._worker = None

    def ended(self) -> bool:
        """Waits; whether all threads there were have ended."""
        return all(worker.close(CLOSING_SECONDS) for worker in self._ending)


class SampleDrawing(Part):
    """Draws, streams into the sheet, stops. Every draw takes the numbers after those of the last one."""

    def __init__(self, context: Context, page: PriorPage) -> None:
        super().__init__(context, page)
        self.channels: int | None = None
        self._control = Control()
        self._mailbox: Mailbox[SampleFrame] = Mailbox()
        self._run = self._count = 0
        self._frame: SampleFrame | None = None
        self.page.draw_button.clicked.connect(self.draw)
        self.page.stop_button.clicked.connect(self.stop)
        self.page.shown.currentIndexChanged.connect(self._show)
        context.ticked.connect(self.poll)

    def begin(self, choice: PriorChoice, channels: int | None) -> None:
        """Forgets what was drawn: another prior is looked at, or another file of it."""
        self.stop()
        self.choice, self.channels, self._count, self._frame = choice, channels, 0, None
        self.page.sheet.clear_samples()
        draws = choice.kind in ("denoiser", "generator")
        self.page.draw_button.setEnabled(draws)
        for widget in (self.page.levels, self.page.shown):  # a generator draws in one step
            widget.setEnabled(choice.kind == "denoiser")
        self._say("None drawn yet." if draws else f"A {KINDS[choice.kind][0]} has no samples.", 0, 1)

    def draw(self) -> None:
        """Draws the next few samples in the background."""
        self.stop()
        self._control = Control()
        request = SampleRequest(
            self._run, self.choice, self.channels, self._count, self.page.count.value(), self.page.levels.value(),
            self.session.spec.device, self.threads,
        )  # fmt: skip
        self._count += request.count
        self._submit(partial(draw_samples, request, self._control, self._mailbox), self._drawn, self._not_drawn)
        self._set_drawing(True)
        self._say("Starting ...", 0, 1)

    def stop(self) -> None:
        """Ends the drawing within a step; what is shown stays."""
        self._control.cancel()
        self._run += 1  # frames that are still on the way are of no more use
        if not self._task.ended:
            self._task.forget()
            self._set_drawing(False)
            frame = self._frame
            step = f"at step {frame.step} of {frame.steps}" if frame is not None else "before the first step"
            self._say(f"Stopped {step}.", 0, 1)

    def end(self) -> None:
        self.stop()
        super().end()

    def poll(self) -> None:
        """Shows the newest frame."""
        frame = self._mailbox.take()
        if frame is not None and frame.run == self._run:
            self._arrive(frame)

    def _drawn(self, frame: SampleFrame) -> None:
        self._set_drawing(False)
        self._arrive(frame)
        count = len(frame.iterate)
        numbers = f"s {self._count - count + 1} to {self._count}" if count > 1 else f" {self._count}"
        self._say(f"Done: sample{numbers} of seed 0. Draw again for the next ones.", 1, 1)

    def _not_drawn(self, failure: Failure) -> None:
        self._set_drawing(False)
        self._say("The drawing failed.", 0, 1)
        self.context.failed(failure)

    def _arrive(self, frame: SampleFrame) -> None:
        self._frame = frame
        self._show()
        self._say(f"Step {frame.step} of {frame.steps}, noise level {frame.sigma:.3g}", frame.step, frame.steps)

    def _show(self) -> None:
        frame, wanted = self._frame, self.page.shown.currentText()
        if frame is None:
            return
        if wanted == BOTH and frame.step < frame.steps:  # in the end both are the same
            self.page.sheet.set_samples(np.concatenate([frame.iterate, frame.denoised]), in_a_row=len(frame.iterate))
        else:
            self.page.sheet.set_samples(frame.denoised if wanted == ESTIMATE else frame.iterate)

    def _say(self, words: str, step: int, steps: int) -> None:
        self.page.drawn.setText(words)
        self.page.progress.setRange(0, steps)
        self.page.progress.setValue(step)

    def _set_drawing(self, drawing: bool) -> None:
        self.page.draw_button.setEnabled(not drawing)
        self.page.stop_button.setEnabled(drawing)


class DenoisingDemo(Part):
    """The window's picture at the slider's noise level; while one level is computed, only the newest position waits."""

    def __init__(self, context: Context, page: PriorPage) -> None:
        super().__init__(context, page)
        self._demonstrator = Demonstrator()
        self._shown: DemoFrame | None = None
        self.page.slider.valueChanged.connect(self.ask)
        self.page.third.currentIndexChanged.connect(self._show_third)

    def begin(self, choice: PriorChoice) -> None:
        """Another prior is looked at."""
        self.choice, self._shown = choice, None
        try:
            low, high = choice.facts["sigma_min"], choice.facts["sigma_max"]
        except KeyError:  # of another kind, which has no levels
            low, high = 0.0, math.inf
        except InputError:  # a folder that is not there; the card has said so
            low, high = 0.0, math.inf
        high = min(max(1.0, high), HIGHEST_SIGMA) if math.isfinite(high) else 1.0
        self.page.set_range(min(max(LOWEST_SIGMA, low), 0.5), high, self.page.sigma())
        self.ask()

    def ask(self) -> None:
        """Asks for the picture there is now at the slider's noise level."""
        session = self.session
        fitted = session.pixels is not None and str(self.choice) == str(session.spec.prior)
        pixels = session.pixels if fitted else session.original
        other = self.choice.kind != "denoiser"
        if pixels is None or other:
            self._task.forget()
            self._shown = None
            for index, title in enumerate(("Noisy", "Denoised", "Original")):
                self.page.trio.show_picture(index, None, title)
            self.page.verdict.setText(
                f"A {KINDS[self.choice.kind][0]} has no denoiser; {_FOR[self.choice.kind]}."
                if other
                else "The window has no picture; open one to see it denoised."
            )
            self.mark()
        else:
            sigma = self.page.sigma()
            request = DemoRequest(self.choice, pixels, fitted, sigma, session.spec.device, self.threads)
            self._submit(partial(self._demonstrator, request), self._show, self._not_denoised)

    def _not_denoised(self, failure: Failure) -> None:
        self.page.verdict.setText(failure.sentence)
        self.context.failed(failure)

    def _show(self, frame: DemoFrame) -> None:
        if frame.request.choice is not self.choice or self.session.original is None:
            return
        self._shown, trio, sigma = frame, self.page.trio, frame.request.sigma
        trio.show_picture(0, frame.noisy, f"Noisy, {frame.psnr_before:.2f} dB")
        trio.show_picture(1, frame.denoised, f"Denoised, {frame.psnr_after:.2f} dB")
        self._show_third()
        facts = self.choice.facts
        trained = facts["sigma_min"] <= sigma <= facts["sigma_max"]
        self.page.verdict.setText(
            f"PSNR at sigma {sigma:.3g}: noisy {frame.psnr_before:.2f} dB, denoised {frame.psnr_after:.2f} dB "
            f"({frame.psnr_after - frame.psnr_before:+.2f} dB).\n{frame.words[0].upper()}{frame.words[1:]}; "
            f"{frame.seconds:.2g} s.{'' if trained else ' The prior was not made for this level.'}"
        )
        self.mark()

    def _show_third(self) -> None:
        if self._shown is not None:
            title, frame = self.page.third.currentText(), self._shown
            error = title == ERROR
            pixels = frame.denoised - frame.clean if error else frame.clean
            self.page.trio.show_picture(2, pixels, title, "error" if error else "picture")

    def mark(self) -> None:
        """Marks the demo's picture on the card's curve."""
        frame = self._shown
        values = (None, None) if frame is None else (frame.request.sigma, frame.psnr_after)
        self.page.card.plot.set_point(*values)
