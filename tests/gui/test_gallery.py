"""The gallery: sections of equal cards whose thumbnails play while they are looked at."""

import pytest
from PySide6.QtCore import QEvent, QPointF, QRect
from PySide6.QtGui import QEnterEvent, QFontMetrics, QHoverEvent
from PySide6.QtWidgets import QApplication

from engine.runs.presets import SECTIONS
from qcs_gui.gallery.page import WRAP, GalleryPage


def page_of(qtbot, width, height=700):
    page = GalleryPage()
    qtbot.addWidget(page)
    page.resize(width, height)
    page.show()
    qtbot.waitExposed(page)
    QApplication.processEvents()
    return page


@pytest.mark.parametrize("width", [420, 880, 1220, 2100])
def test_cards_of_a_section_are_equal_and_hold_their_words(qtbot, width):
    page = page_of(qtbot, width)
    assert [h.text() for h, _, _ in page.sections] == list(SECTIONS.values())
    for _, _, cards in page.sections:
        assert len({c.height() for c in cards}) == 1
        assert len({c.width() for c in cards}) <= 2  # a pixel that is left over
        for card in cards:
            assert card.height_for(card.width()) <= card.height()
            for font, words, height in card._texts(card.width()):
                place = QRect(0, 0, card.width() - 24, 10000)
                assert QFontMetrics(font).boundingRect(place, int(WRAP), words).width() <= card.width() - 24 + 1
                assert height > 0
    right = max(c.mapTo(page, c.rect().topRight()).x() for c in page.cards)
    assert right <= page.width()


def test_a_thumbnail_plays_while_the_mouse_or_the_keyboard_is_on_it(qtbot):
    page = page_of(qtbot, 900)
    card, other = page.cards[1], page.cards[2]
    assert not card.playing and card.frame == -1
    at = QPointF(5, 5)
    QApplication.sendEvent(card, QEnterEvent(at, at, at))
    QApplication.sendEvent(card, QHoverEvent(QEvent.Type.HoverEnter, at, at, QPointF(-1, -1)))
    assert card.playing and not other.playing
    qtbot.waitUntil(lambda: card.frame >= 2, timeout=5000)
    QApplication.sendEvent(card, QHoverEvent(QEvent.Type.HoverLeave, QPointF(-1, -1), at, at))
    assert not card.playing and card.frame == -1
    page.activateWindow()
    other.setFocus()
    qtbot.waitUntil(lambda: other.playing, timeout=5000)


def test_what_is_expected_to_fail_is_said_on_the_card(qtbot):
    page = page_of(qtbot, 900)
    said = {c.preset.name: c.accessibleName() for c in page.cards}
    assert "Fails on purpose" in said["garment-as-digit"]
    assert sum("Fails on purpose" in s for s in said.values()) == 2


def test_a_card_runs_its_preset_by_keyboard_and_mouse(qtbot):
    from PySide6.QtCore import Qt

    page = page_of(qtbot, 900)
    asked = []
    page.chosen.connect(asked.append)
    qtbot.mouseClick(page.cards[0], Qt.MouseButton.LeftButton)
    page.cards[3].setFocus()
    qtbot.keyClick(page.cards[3], Qt.Key.Key_Space)
    assert asked == ["landscape-half-a-bit", "fog-to-five"]
