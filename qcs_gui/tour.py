"""A tour in which each hint can be done as it is read: it points at what is meant, and goes on when that was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from qcs_gui.context import Context, Feature
from qcs_gui.model import State

__all__ = ["Hint", "TourController"]

WIDTH, MARGIN = 340, 18


@dataclass(frozen=True)
class Hint:
    """What to do, the widget that is meant, whether it has been done since the hint came up, and what does it by itself."""

    words: str
    target: Callable[[], QWidget | None]
    done: Callable[[], bool]
    do: Callable[[], object]


class Marker(QWidget):
    """A frame about a widget, through which the mouse goes."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def follow(self, target: QWidget | None) -> None:
        """Lies about the part of the target that is seen."""
        if target is None or not target.isVisible():
            self.hide()
            return
        window = self.parentWidget()
        assert window is not None
        seen = target.visibleRegion().boundingRect()
        place = QRect(target.mapTo(window, seen.topLeft()), seen.size()).adjusted(-4, -4, 4, 4)
        if place != self.geometry():
            self.setGeometry(place)
        self.setVisible(not seen.isEmpty())
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor("#f0a13a"), 3))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 6, 6)


class HintBox(QFrame):
    """One hint, how many there are, and the ways on."""

    shown_how, skipped, ended = Signal(), Signal(), Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("hint")
        self.count, self.words = QLabel(), QLabel()
        self.count.setObjectName("dim")
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.do_button, self.skip_button = QPushButton("Do it for me"), QPushButton("Skip")
        self.end_button = QPushButton("End the tour")
        row = QHBoxLayout()
        for button in (self.do_button, self.skip_button, self.end_button):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 12)
        layout.addWidget(self.count)
        layout.addWidget(self.words)
        layout.addLayout(row)
        self.setFixedWidth(WIDTH)
        self.do_button.clicked.connect(self.shown_how)
        self.skip_button.clicked.connect(self.skipped)
        self.end_button.clicked.connect(self.ended)

    def say(self, number: int, count: int, words: str) -> None:
        self.count.setText(f"Tour: {number} of {count}")
        self.words.setText(words)
        last = number == count
        self.skip_button.setVisible(not last)
        self.end_button.setText("Done" if last else "End the tour")
        self.setFixedHeight(self.layout().heightForWidth(WIDTH))  # type: ignore[union-attr]


class TourController(Feature):
    """Begins from the menu or the gallery, ends when it is through or no longer wanted."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.box: HintBox | None = None
        self.marker: Marker | None = None
        self.number = 0
        self.hints = self._hints()
        self._came: object = None
        self._waits = False
        self.act(tour=self.begin)
        context.ticked.connect(self._look)

    def _hints(self) -> list[Hint]:
        w, session, actions = self.window, self.session, self.window.actions_by_name

        def rows_box() -> QWidget | None:
            return w.operator_form.findChild(QWidget, "2  Sensing.measurements")

        def fewer() -> None:
            rows = getattr(session.spec.operator, "measurements", None)
            if rows:
                session.set_spec(
                    session.spec.replace(operator=session.spec.operator.replace(measurements=max(1, rows // 2)))
                )

        def changed() -> object:
            return self._came_with()["spec"] != session.spec

        def run_ended() -> bool:
            return session.state == State.IDLE and session.result is not self._came_with()["result"]

        return [
            Hint("Press Run (Ctrl+R). A picture is measured, and found again from what little was kept of it.",
                 lambda: w.run_button, run_ended, actions["run"].trigger),
            Hint("Compare it with the truth: press 1 for the picture that was measured.",
                 lambda: w.pages, lambda: w.stage.picture.key == "truth", lambda: w.show_view("truth")),
            Hint("And 5 for the estimate.",
                 lambda: w.pages, lambda: w.stage.picture.key == "mean", lambda: w.show_view("mean")),
            Hint("Make it harder: halve the measurements.", rows_box, lambda: bool(changed()), fewer),
            Hint("Run again, and watch it form from half of the bits.", lambda: w.run_button, run_ended, actions["run"].trigger),
            Hint("Every run is kept. Open the history (Ctrl+H).",
                 lambda: w.menuBar(), lambda: not w.history_dock.isHidden(), lambda: actions["history"].setChecked(True)),
            Hint("Choose two runs in it (Ctrl+click) and press Compare.",
                 lambda: w.history, lambda: w.pages.currentWidget() is w.compare, self._compare_two),
            Hint("Replay shows both forming by one clock; the wheel enlarges both. Try it.",
                 lambda: w.compare.replay.play_button, lambda: w.compare.replay.clock < 1, w.compare.replay.play_button.click),
            Hint("That was it. Ctrl+K finds every command, F1 opens the guide, Ctrl+G the gallery.",
                 lambda: None, lambda: False, actions["gallery"].trigger),
        ]  # fmt: skip

    def _compare_two(self) -> None:
        """At the next look at the window if the run that has just ended is not in the history yet."""
        view = self.window.history
        self._waits = view.list.count() < 2
        if not self._waits:
            view.list.clearSelection()
            for i in range(2):
                view.list.item(i).setSelected(True)
            view.verbs["compare"].trigger()

    def _came_with(self) -> dict[str, object]:
        assert isinstance(self._came, dict)
        return self._came

    @property
    def going(self) -> bool:
        return self.box is not None

    def begin(self) -> None:
        """From the first hint, whatever the window shows."""
        self.end()
        self.box, self.marker = HintBox(self.window), Marker(self.window)
        self.box.shown_how.connect(lambda: self.hints[self.number].do())
        self.box.skipped.connect(self.next)
        self.box.ended.connect(self.end)
        self.window.show_page(self.window.stage)
        self._go_to(0)

    def next(self) -> None:
        if self.number + 1 < len(self.hints):
            self._go_to(self.number + 1)
        else:
            self.end()

    def end(self) -> None:
        for widget in (self.box, self.marker):
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.box = self.marker = None

    def _go_to(self, number: int) -> None:
        assert self.box is not None
        self.number, self._waits = number, False
        self._came = {"spec": self.session.spec, "result": self.session.result}
        self.box.say(number + 1, len(self.hints), self.hints[number].words)
        self.box.show()
        self._look()

    def _look(self) -> None:
        """Follows the window, and goes on once the hint has been done."""
        if self.box is None or self.marker is None:
            return
        if self.hints[self.number].done():
            self.next()
            return
        if self._waits:
            self._compare_two()
        corner = self.window.pages.mapTo(self.window, QPoint(self.window.pages.width(), self.window.pages.height()))
        self.box.move(corner.x() - self.box.width() - MARGIN, corner.y() - self.box.height() - MARGIN)
        self.box.raise_()
        self.marker.follow(self.hints[self.number].target())
