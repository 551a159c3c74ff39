"""The prior page for priors that have neither samples nor a denoiser."""


def test_a_sparsity_prior_shows_its_card_and_says_what_it_has_not(open_studio, qtbot):
    studio = open_studio()
    studio.window.actions_by_name["prior_page"].trigger()
    page = studio.prior_page.page
    qtbot.waitUntil(lambda: page is not None and page.isVisible())
    page.combo.setCurrentIndex(page.combo.findData("wavelet"))
    page.combo.activated.emit(page.combo.currentIndex())
    assert not page.draw_button.isEnabled() and "no samples" in page.drawn.text()
    assert "no denoiser" in page.verdict.text()
    page.combo.setCurrentIndex(page.combo.findData("mnist"))
    page.combo.activated.emit(page.combo.currentIndex())
    assert page.draw_button.isEnabled()
