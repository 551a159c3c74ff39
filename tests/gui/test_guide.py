"""The guide and the tour: links lead somewhere, pictures are there, the search finds, hints go on when they are done."""

import re

import pytest
from PySide6.QtCore import Qt, QUrl

from qcs_gui.actions import ACTIONS
from qcs_gui.guide import GuideWindow, guide_folder, guide_pages


def test_every_link_and_picture_of_the_guide_leads_somewhere():
    names, folder, pictures = {c.name for c in ACTIONS}, guide_folder(), 0
    for _, file in guide_pages():
        for mark, target in re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", file.read_text(encoding="utf-8")):
            if target.startswith("action:"):
                assert target.removeprefix("action:") in names, target
            else:
                assert (folder / target).is_file(), f"{file.name}: {target}"
            pictures += bool(mark)
    assert pictures >= 2


def test_the_guide_is_searched_and_links_are_followed(qtbot):
    window = GuideWindow()
    qtbot.addWidget(window)
    everything = window.contents.count()
    assert everything == len(guide_pages()) + 1
    window.search.setText("one clock")
    assert window.contents.count() < everything and window.page == "Comparing"
    assert window.text.textCursor().selectedText().lower() == "one clock"
    window.search.setText("zzzz")
    assert window.contents.count() == 0 and window.found.text() == "Nothing found."
    window.text.anchorClicked.emit(QUrl("8-history-and-queue.md"))
    assert window.page == "History and queue"
    asked = []
    window.wanted.connect(asked.append)
    for link in ("action:gallery", "action:nonsense", "https://example.org"):
        window.text.anchorClicked.emit(QUrl(link))
    assert asked == ["gallery"]


@pytest.mark.slow
def test_hints_of_the_tour_go_on_when_they_are_done(keeping, qtbot, click):
    studio = keeping()
    studio.window.show()
    studio.window.actions_by_name["tour"].trigger()
    tour = studio.tour
    assert tour.going and tour.number == 0
    qtbot.waitUntil(lambda: tour.marker.isVisible(), timeout=5000)
    click(studio.window.run_button)  # by hand
    qtbot.waitUntil(lambda: tour.number == 1, timeout=60000)
    while tour.number < len(tour.hints) - 1:  # the rest by the tour itself
        before = tour.number
        qtbot.mouseClick(tour.box.do_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda before=before: tour.number > before, timeout=60000)
    assert len(studio.window.compare.results) == 2
    click(tour.box.end_button)
    assert not tour.going
