"""Every command of the window as data: menus, shortcuts, the shortcut page and the tests are made from this table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACTIONS", "Command", "shortcut_table"]


@dataclass(frozen=True)
class Command:
    """``menu`` and ``text`` with their mnemonics, ``shortcut`` as Qt writes it (empty for none), ``tip`` in one clause."""

    name: str
    menu: str
    text: str
    shortcut: str = ""
    tip: str = ""
    checkable: bool = False


ACTIONS = (
    Command("new", "&File", "&New", "Ctrl+N", "Back to the defaults; the history keeps what was run"),
    Command("gallery", "&File", "&Gallery of presets", "Ctrl+G", "Ready-made runs, each started by one click"),
    Command("open_image", "&File", "Open &image ...", "Ctrl+O", "A picture file"),
    Command("draw", "&File", "&Draw an image ...", "Ctrl+D", "Draw with the mouse"),
    Command("open_measurement", "&File", "Open o&wn measurements ...", "Ctrl+Shift+M", "y, A, thresholds, noise"),
    Command(
        "check_data", "&File", "Chec&k my data ...", "Ctrl+Alt+K", "Whether y, matrix and noise can belong together"
    ),
    Command("save_measurement", "&File", "Save meas&urement ...", "Ctrl+Alt+M", "The simulated measurement as a file"),
    Command("open_result", "&File", "Open resul&t ...", "Ctrl+Shift+R", "A kept run, or results of earlier versions"),
    Command("save_result", "&File", "Save resu&lt", "Ctrl+S", "The run shown, as a document"),
    Command("save_result_as", "&File", "Save result &as ...", "Ctrl+Shift+S", "The same under another name"),
    Command("open_run", "&File", "Open &run file ...", "Ctrl+Shift+O", "A set-up, or a picture that carries one"),
    Command("save_run", "&File", "Save r&un file ...", "Ctrl+Alt+S", "The set-up alone, as JSON"),
    Command("export_mean", "&File", "Export &mean ...", "Ctrl+E", "The estimate as PNG, 16-bit TIFF or NPZ"),
    Command("export_std", "&File", "Export st&d ...", "Ctrl+Shift+E", "The posterior standard deviation"),
    Command("export_samples", "&File", "Export sam&ples ...", "Ctrl+Alt+E", "All samples on one sheet"),
    Command("export_all", "&File", "Export e&verything ...", "Ctrl+Alt+A", "All pictures, arrays and the recipe"),
    Command(
        "export_film", "&File", "Export &film ...", "Ctrl+Alt+F", "The run as GIF, numbered PNG, or MP4 where installed"
    ),
    Command("export_report", "&File", "Export rep&ort ...", "Ctrl+Alt+R", "One HTML file with pictures and tables"),
    Command("preferences", "&File", "Pr&eferences ...", "Ctrl+,", "Device, threads, library, theme, pace"),
    Command("quit", "&File", "&Quit", "Ctrl+Q", "End the program; what was run is kept"),
    Command("undo", "&Edit", "&Undo", "Ctrl+Z", "The set-up before the last change"),
    Command("redo", "&Edit", "&Redo", "Ctrl+Shift+Z", "The change again"),
    Command("copy_image", "&Edit", "&Copy image", "Ctrl+C", "The picture on the stage"),
    Command("copy_command", "&Edit", "Copy as command &line", "Ctrl+Shift+C", "What repeats this set-up in a terminal"),
    Command("run", "&Run", "&Run", "Ctrl+R", "Reconstruct"),
    Command("live", "&Run", "&Live", "Ctrl+Shift+L", "Reconstruct at every change", checkable=True),
    Command(
        "queue_run", "&Run", "Add to the &queue", "Ctrl+Shift+Return", "Run it in the background, after what waits"
    ),
    Command("pause", "&Run", "&Pause or resume", "Ctrl+P", "Hold the run"),
    Command("finish", "&Run", "&Finish now", "Ctrl+Return", "End after this step and keep the estimate"),
    Command("cancel", "&Run", "&Cancel", "Esc", "End after this step and keep nothing"),
    Command("more", "&Run", "&Add samples", "Ctrl+M", "As many samples again"),
    Command(
        "compare_algorithms", "&Run", "C&ompare algorithms ...", "Ctrl+Shift+A", "Several, on the same measurement"
    ),
    Command(
        "run_grid", "&Run", "A &grid of runs ...", "Ctrl+Alt+G", "Over one or two settings, with pictures and curves"
    ),
    Command("sweep", "&Run", "S&weeps ...", "Ctrl+Shift+W", "Many images and settings as one job, with its table"),
    Command("design", "&Run", "&Design a measurement ...", "Ctrl+B", "The best split of a budget of bits or rows"),
    Command("prior_page", "&Prior", "&About this prior ...", "Ctrl+I", "What it is, its samples, its error"),
    Command("train_prior", "&Prior", "&Train a prior ...", "Ctrl+T", "On pictures of your own"),
    Command("import_prior", "&Prior", "I&mport a network ...", "Ctrl+Shift+I", "Trained elsewhere"),
    Command("grid", "&View", "&Grid of panels", "Ctrl+2", "Several pictures at once", checkable=True),
    Command("split", "&View", "&Split with truth", "Ctrl+Shift+D", "A line between two views", checkable=True),
    Command("diagnostics", "&View", "&Curves", "Ctrl+Alt+K", "Noise level, error, consistency", checkable=True),
    Command("uncertainty", "&View", "&Uncertainty", "Ctrl+U", "Calibration, pixels, probabilities", checkable=True),
    Command("history", "&View", "&History", "Ctrl+H", "Every run that was kept", checkable=True),
    Command("comparison", "&View", "Co&mparison", "Ctrl+3", "The runs that stand side by side"),
    Command("fix_ranges", "&View", "&Fix the colour ranges", "Ctrl+F", "For comparing runs", checkable=True),
    Command("reset_contrast", "&View", "Reset c&ontrast", "Ctrl+9", "Ranges that fit the data"),
    Command("reset_zoom", "&View", "Reset &zoom", "Ctrl+0", "Whole pictures"),
    Command("present", "&View", "&Present", "F11", "The stage alone, for an audience", checkable=True),
    Command("theme", "&View", "&Light or dark", "Ctrl+L", "The other palette"),
    Command("play", "&Replay", "&Play or stop", "Ctrl+Space", "The run from its kept frames"),
    Command("live_end", "&Replay", "&Back to live", "Ctrl+End", "Follow the run, or its result"),
    Command("palette", "&Help", "&Find a command ...", "Ctrl+K", "Every command, by a few letters"),
    Command("guide", "&Help", "&Guide", "F1", "First steps, every panel and setting"),
    Command("tour", "&Help", "Take the &tour", "", "Nine hints, each done as it is read"),
    Command("shortcuts", "&Help", "&Shortcuts", "Ctrl+?", "This table"),
    Command("console", "&Help", "&Messages", "Ctrl+J", "Warnings and problems so far"),
    Command("about", "&Help", "&About QCS Studio", "", "Version and sources"),
)

VIEW_KEYS = (
    "1 to 0 choose what the stage shows, F follows the run, W shows all samples, T held the truth; Alt+click in the history "
    "compares; Ctrl+wheel over a picture zooms."
)


def shortcut_table() -> list[tuple[str, str, str]]:
    """(text, shortcut, tip) of every command that has a shortcut."""
    return [(c.text.replace("&", "").replace(" ...", ""), c.shortcut, c.tip) for c in ACTIONS if c.shortcut]
