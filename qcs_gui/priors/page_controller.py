"""The page about a prior: which one it shows, and taking it into the window."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker

from engine.errors import InputError
from engine.priors.library import PriorChoice, priors
from qcs_gui.context import Context, Feature
from qcs_gui.priors.card_text import card_text, variants_of
from qcs_gui.priors.drawing_and_denoising import DenoisingDemo, SampleDrawing
from qcs_gui.priors.latent_walk import LatentWalk
from qcs_gui.priors.prior_dialog import PriorPage

__all__ = ["PriorPageController"]


class PriorPageController(Feature):
    """Follows the window's prior until another one is chosen on the page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.page: PriorPage | None = None
        self.choice: PriorChoice = self.session.spec.prior
        self._following = True
        context.prior_added.connect(self.list_priors)
        context.closing.connect(self.close)
        self.act(prior_page=self.open)
        self.session.observe(self._changed)

    # -- opening and closing -----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Shows the page with the window's prior, or brings it to the front."""
        page = self.page or self._make()
        if not page.isVisible():
            self._following = True
            page.show()
            self.list_priors()
        page.raise_()
        page.activateWindow()

    def _make(self) -> PriorPage:
        """The page is made when it is first opened, to let the window come up sooner."""
        self.page = page = PriorPage(self.window)
        self.drawing, self.demo = SampleDrawing(self.context, page), DenoisingDemo(self.context, page)
        self.walk = LatentWalk(self.context, page)
        page.combo.currentIndexChanged.connect(self._chosen)
        page.files.currentChanged.connect(self._show_file)
        page.use_button.clicked.connect(self.use)
        page.finished.connect(self._end)
        return page

    def _end(self) -> None:
        for part in (self.drawing, self.demo, self.walk):
            part.end()

    def close(self) -> bool:
        """Closes the page; whether its threads ended in time."""
        if self.page is None:
            return True
        self.page.close()
        self._end()
        return all(part.ended() for part in (self.drawing, self.demo, self.walk))

    # -- which prior -------------------------------------------------------------------------------------------------

    def list_priors(self) -> None:
        """Lists the priors there are now, and shows the window's."""
        if self.page is None or not self.page.isVisible():
            return
        combo = self.page.combo
        with QSignalBlocker(combo):
            combo.clear()
            for name, cls in priors().choices.items():
                combo.addItem(cls.label, name)
            combo.setCurrentIndex(combo.findData(self.session.spec.prior.name))
        self._show(self._of_window())

    def _of_window(self) -> PriorChoice:
        """The window's prior with its settings, as its file is now."""
        try:
            return priors().parse(str(self.session.spec.prior))
        except InputError:  # its file has gone
            return self.session.spec.prior

    def _chosen(self, index: int) -> None:
        assert self.page is not None
        name = str(self.page.combo.itemData(index))
        self._following = name == self.session.spec.prior.name
        try:
            self._show(self._of_window() if self._following else priors().parse(name))
        except InputError as error:
            self.context.report(str(error))

    def _show(self, choice: PriorChoice) -> None:
        assert self.page is not None
        self.choice, files = choice, self.page.files
        with QSignalBlocker(files):
            while files.count():
                files.removeTab(0)
            for channels, name in variants_of(choice).items():
                files.setTabData(files.addTab(name), channels)
            picture = self.session.pixels
            for tab in range(files.count()):
                if picture is not None and files.tabData(tab) == len(picture):
                    files.setCurrentIndex(tab)  # the one that the window's picture takes
        files.setVisible(files.count() > 1)
        self._show_file()
        self.demo.begin(choice)
        self.walk.begin(choice)
        self._show_use()

    def _show_file(self) -> None:
        """The card of the chosen file; samples are drawn from that one too."""
        assert self.page is not None
        channels = self.page.files.tabData(self.page.files.currentIndex())
        self.drawing.begin(self.choice, channels)
        try:
            self.page.card.show_card(card_text(self.choice, channels))
        except InputError as error:
            self.context.report(str(error))
        else:
            self.demo.mark()

    # -- the window --------------------------------------------------------------------------------------------------

    def use(self) -> None:
        """Chooses the prior in the window's form, as if by hand."""
        assert self.page is not None
        form = self.window.prior_form
        try:
            form.fill(priors(), self.choice.name)  # with what was trained or imported since
        except InputError as error:
            self.context.report(str(error))
            return
        form.edited.emit()
        self._show_use()
        if str(self.session.spec.prior) != str(self.choice):  # a size or a measurement that it does not take
            self.page.says.setText(self.window.estimate_label.text())

    def _show_use(self) -> None:
        assert self.page is not None
        used = str(self.session.spec.prior) == str(self.choice)
        self.page.use_button.setEnabled(not used)
        self.page.says.setText("The window uses this prior." if used else "The window uses another prior.")

    def _changed(self, what: str) -> None:
        if self.page is None or not self.page.isVisible():
            return
        if what in ("spec", "measurement"):
            if self._following and str(self.session.spec.prior) != str(self.choice):
                self.list_priors()
            else:
                self._show_use()
        if what in ("image", "measurement"):
            self.demo.ask()
            self.walk.ask()
