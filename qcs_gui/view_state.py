"""What is seen, as plain values: layout, view, panels, ranges, maps; so that it can be kept and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qcs_gui.stage.view_store import MAPS, VIEWS

if TYPE_CHECKING:
    from qcs_gui.main_window import MainWindow

__all__ = ["restore_view", "view_state"]

TOGGLES = ("diagnostics", "uncertainty", "history")


def view_state(window: MainWindow) -> dict[str, Any]:
    """Everything about the view that is the user's choice."""
    stage = window.stage
    return {
        "view": "" if stage.following else stage.picture.key, "grid": stage.is_grid, "panels": list(stage.board.shown),
        "colours": dict(stage.store.colours), "fixed": stage.store.fixed,
        "levels": {k: list(v) for k, v in stage.store.levels.items()} if stage.store.fixed else {},
        "measurement": stage.measurement_combo.currentData(), "splitter": stage.splitter.sizes(),
        "column": window.splitter.sizes(), "sort": window.history.sort.currentText(),
        "more": [form.title() for form in window.forms if form.more_button.isChecked()],
        "shown": [name for name in TOGGLES if window.actions_by_name[name].isChecked()],
    }  # fmt: skip


def restore_view(window: MainWindow, state: dict[str, Any]) -> None:
    """Takes what makes sense of :func:`view_state`; anything else is left as it is."""
    stage = window.stage
    if state.get("view") in VIEWS:
        stage.show_view(state["view"])
    elif state.get("view") == "":
        stage.follow()
    panels = [k for k in state.get("panels") or [] if k in VIEWS] if isinstance(state.get("panels"), list) else []
    if panels:
        stage.board.show_panels(panels)
    stage.show_grid(state.get("grid") is True)
    colours = state.get("colours")
    if isinstance(colours, dict):
        stage.store.colours |= {k: v for k, v in colours.items() if k in VIEWS and v in MAPS}
    levels = state.get("levels")
    if state.get("fixed") is True and isinstance(levels, dict):
        for key, value in levels.items():
            if (
                key in VIEWS
                and isinstance(value, list)
                and len(value) == 2
                and all(isinstance(v, float | int) for v in value)
            ):
                stage.store.levels[key] = (float(value[0]), float(value[1]))
        window.actions_by_name["fix_ranges"].setChecked(True)
    index = stage.measurement_combo.findData(state.get("measurement"))
    if index >= 0:
        stage.measurement_combo.setCurrentIndex(index)
    for splitter, key in ((stage.splitter, "splitter"), (window.splitter, "column")):
        sizes = state.get(key)
        if isinstance(sizes, list) and len(sizes) == splitter.count() and all(isinstance(s, int) for s in sizes):
            splitter.setSizes(sizes)
    if state.get("sort"):
        window.history.sort.setCurrentText(str(state["sort"]))
    more = state.get("more")
    for form in window.forms:
        form.more_button.setChecked(isinstance(more, list) and form.title() in more)
    shown = state.get("shown")
    for name in TOGGLES:
        window.actions_by_name[name].setChecked(isinstance(shown, list) and name in shown)
