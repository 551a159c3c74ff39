"""Dark and light palettes of our own, so that both look the same on every platform and can be tested offscreen."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

__all__ = ["ACCENT", "CURVES", "THEMES", "apply_theme", "pen"]

ACCENT = "#4c9be8"
CURVES = ("#4c9be8", "#f0a13a", "#5fbf77", "#d66fb0")
"""Curve colours, told apart by common forms of colour blindness."""

THEMES = {
    "dark": {
        "window": "#1e2126", "base": "#16181c", "text": "#e8eaed", "dim": "#8f959e", "button": "#2b2f36",
        "edge": "#3b4048", "plot": "#16181c", "warning": "#ffb454", "error": "#ff7b72", "chunk": "#2368b0", "faint": "#6b717b",
    },
    "light": {
        "window": "#f4f5f7", "base": "#ffffff", "text": "#1c1e21", "dim": "#5d6470", "button": "#e6e8ec",
        "edge": "#c3c8d0", "plot": "#ffffff", "warning": "#8a5300", "error": "#b3261e", "chunk": "#9cc3ec", "faint": "#9aa0aa",
    },
}  # fmt: skip

_SHEET = """
QWidget {{ color: {text}; }}
QWidget:disabled {{ color: {faint}; }}
QAbstractItemView::item:disabled {{ color: {faint}; }}
QAbstractItemView::item:selected {{ color: white; background: #2368b0; }}
QCheckBox::indicator:unchecked {{ border: 1px solid {dim}; border-radius: 2px; background: {base}; }}
QMainWindow, QDialog, QScrollArea, QScrollArea > QWidget > QWidget {{ background: {window}; }}
QGroupBox {{ border: 1px solid {edge}; border-radius: 6px; margin-top: 1.1em; padding: 6px 6px 4px 6px; font-weight: 600; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 8px; padding: 0 4px; }}
QPushButton {{ background: {button}; border: 1px solid {edge}; border-radius: 4px; padding: 5px 10px; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:checked {{ border-color: {accent}; background: {edge}; }}
QPushButton:disabled {{ color: {faint}; background: {window}; }}
QPushButton#run {{ background: #2368b0; color: white; border-color: #2368b0; font-weight: 600; }}
QPushButton#run:disabled {{ background: {button}; color: {faint}; border-color: {edge}; }}
QLineEdit, QPlainTextEdit {{ background: {base}; border: 1px solid {edge}; border-radius: 4px; padding: 3px 5px; }}
QAbstractSpinBox QLineEdit {{ border: none; padding: 0; }}
QLineEdit:focus {{ border-color: {accent}; }}
QFrame#panel {{ background: {base}; border: 1px solid {edge}; border-radius: 6px; }}
QLabel#headline {{ font-size: 22px; font-weight: 600; }}
QPushButton#more, QPushButton:checked#more {{ border: 1px solid transparent; background: transparent; color: {dim};
    text-align: left; padding: 1px 0; }}
QPushButton:hover#more, QPushButton:focus#more {{ color: {text}; border-color: {edge}; }}
QPushButton#view {{ padding: 4px 4px; border-radius: 3px; }}
QPushButton#view:checked {{ background: #2368b0; color: white; border-color: #2368b0; }}
QPushButton:checked#live {{ background: #2368b0; color: white; }}
QAbstractButton#card {{ background: {base}; border: 1px solid {edge}; border-radius: 8px; }}
QAbstractButton#card:hover, QAbstractButton#card:focus {{ border: 2px solid {accent}; }}
QLabel#section {{ font-size: 15px; font-weight: 600; padding-top: 6px; }}
QFrame#hint {{ border: 1px solid {accent}; border-radius: 8px; background: {base}; }}
QFrame#tile {{ border: 1px solid transparent; border-radius: 6px; }}
QFrame#tile:hover {{ border-color: {edge}; }}
QFrame#tile:focus {{ border-color: {accent}; }}
QLabel#tile_heading {{ font-weight: 600; }}
QTabWidget::pane {{ border: none; }}
QDockWidget::title {{ background: {window}; padding: 6px; }}
QListWidget, QTableWidget, QTextBrowser {{ background: {base}; border: 1px solid {edge}; border-radius: 4px; }}
QListWidget:focus, QTableWidget:focus, QTextBrowser:focus, QPlainTextEdit:focus {{ border-color: {accent}; }}
QHeaderView::section {{ background: {button}; color: {text}; border: none; padding: 4px 6px; }}
QTableCornerButton::section {{ background: {button}; border: none; }}
QComboBox:focus, QAbstractSpinBox:focus, QCheckBox:focus, QSlider:focus {{ border: 1px solid {accent}; border-radius: 4px; }}
QLabel#dim {{ color: {dim}; }}
QLabel#warning {{ color: {warning}; }}
QProgressBar {{ border: 1px solid {edge}; border-radius: 4px; text-align: center; background: {base}; }}
QProgressBar::chunk {{ background: {chunk}; border-radius: 3px; }}
QToolTip {{ background: {base}; color: {text}; border: 1px solid {edge}; }}
"""


def apply_theme(app: QApplication, name: str) -> dict[str, str]:
    """Sets style, palette and plot colours; returns the colours."""
    colours = THEMES[name]
    if app.property("theme") == name:  # a style sheet is worked out anew for every widget that there is
        return colours
    app.setProperty("theme", name)
    app.setStyle("Fusion")
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: "window", QPalette.ColorRole.WindowText: "text", QPalette.ColorRole.Base: "base",
        QPalette.ColorRole.AlternateBase: "window", QPalette.ColorRole.Text: "text", QPalette.ColorRole.Button: "button",
        QPalette.ColorRole.ButtonText: "text", QPalette.ColorRole.ToolTipBase: "base", QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.PlaceholderText: "dim", QPalette.ColorRole.Mid: "edge", QPalette.ColorRole.Dark: "edge",
        QPalette.ColorRole.Light: "button", QPalette.ColorRole.Midlight: "button", QPalette.ColorRole.Shadow: "base",
    }  # fmt: skip
    for role, key in roles.items():
        palette.setColor(role, QColor(colours[key]))
    palette.setColor(QPalette.ColorRole.Highlight, QColor("#2368b0"))
    for role in (QPalette.ColorRole.Link, QPalette.ColorRole.LinkVisited):
        palette.setColor(role, QColor(ACCENT if name == "dark" else "#2368b0"))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor("white"))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours["faint"]))
    app.setPalette(palette)
    app.setStyleSheet(_SHEET.format(accent=ACCENT, **colours))
    pg.setConfigOption("background", colours["plot"])
    pg.setConfigOption("foreground", colours["text"])
    return colours


def pen(index: int, dashed: bool = False):
    """A one-pixel cosmetic pen: wider ones are a hundred times slower to draw."""
    from PySide6.QtCore import Qt

    return pg.mkPen(CURVES[index], width=1, style=Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
