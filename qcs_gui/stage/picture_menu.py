"""The right-click menu of every picture: copy, save, colour map, range."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QMenu

from engine.files import write_atomically
from qcs_gui.context import Context, Feature
from qcs_gui.stage.view_store import MAPS, VIEWS, displayed
from qcs_gui.widgets.colour_maps import painted, to_qimage
from qcs_gui.widgets.files import ask_save

__all__ = ["PictureMenu"]


class PictureMenu(Feature):
    """Serves the stage, the grid and the menu entry that copies."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.store = self.window.stage.store
        self.window.stage.picture.menu.connect(self.pop_up)
        self.window.board.menu.connect(self.pop_up)
        self.act(copy_image=self.copy_shown)

    def build(self, key: str) -> QMenu:
        """The menu for a view."""
        menu = QMenu(self.window)
        there = self.store.pixels.get(key) is not None
        for text, work in (
            ("Copy image", self.copy),
            ("Save image ...", self.ask_save),
            ("Show large", self.window.show_view),
        ):
            action = menu.addAction(text)
            action.setEnabled(there)
            action.triggered.connect(lambda _=False, work=work: work(key))
        maps = menu.addMenu("Colour map")
        for name in MAPS:
            action = maps.addAction(name)
            action.setCheckable(True)
            action.setChecked(self.store.map(key) == name)
            action.triggered.connect(lambda _=False, name=name: self.store.set_map(key, name))
        menu.addSeparator()
        for name in ("reset_contrast", "fix_ranges", "reset_zoom"):
            menu.addAction(self.window.actions_by_name[name])
        return menu

    def pop_up(self, key: str, at: QPoint) -> None:
        menu = self.build(key)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def image(self, key: str) -> QImage | None:
        """The view as it is painted, one pixel a pixel."""
        pixels = self.store.pixels.get(key)
        if pixels is None:
            return None
        return to_qimage(painted(displayed(key, pixels), self.store.map(key), self.store.range(key)))

    def copy_shown(self) -> None:
        self.copy(self.window.stage.picture.key)

    def copy(self, key: str) -> None:
        image = self.image(key)
        if image is None:
            self.context.say("There is no picture to copy yet.", 4000)
            return
        QGuiApplication.clipboard().setImage(image)
        self.context.say(f"{VIEWS[key].title} is on the clipboard.", 4000)

    def ask_save(self, key: str) -> None:
        path = ask_save(self.window, "Save image", f"{key}.png", "PNG (*.png)")
        if path is not None:
            self.save(key, path)

    def save(self, key: str, path: Path) -> None:
        from engine.errors import InputError

        image = self.image(key)
        if image is None:
            return

        def write(temporary: Path) -> None:
            if not image.save(str(temporary), "PNG"):  # type: ignore[call-overload]  # the stub asks for bytes
                raise OSError("the picture could not be written")

        try:
            write_atomically(path, write)
            self.context.say_saved(path)
        except InputError as error:
            self.context.report(str(error))
