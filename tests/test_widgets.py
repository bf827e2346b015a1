"""The drawing board answers a press of its button, whatever stands in the box."""

import io

import pytest
import torch
from PIL import Image

from llmvis_course.data.tokens import train_tokenizer
from llmvis_course.evaluate import Judge, Verdict
from llmvis_course.models.flow import TextFlow
from llmvis_course.pipeline import TextToImage
from llmvis_course.widgets import EXAMPLES, DrawingBoard, LatentMap, LookingWords, png


class Agrees(Judge):
    """A judge that sees whatever was said: the board is tested here, not the judge."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self) if isinstance(self, torch.nn.Module) else None

    def verdict(self, picture, said):
        return Verdict(True, said, [])


@pytest.fixture(scope="module")
def system() -> TextToImage:
    tokenizer = train_tokenizer([*EXAMPLES, "a shiny large red seven"])
    torch.manual_seed(0)
    model = TextFlow(tokenizer.get_vocab_size(), channels=(16, 16), text_width=16, text_depth=1)
    for weight in model.parameters():  # untrained, yet not blind: every word changes the picture
        torch.nn.init.normal_(weight, std=0.1)
    return TextToImage(model, tokenizer)


@pytest.fixture
def board(system) -> DrawingBoard:
    return DrawingBoard(system, Agrees(), note="the judge errs too")


def test_a_click_draws_and_judges_and_another_draws_anew(board):
    blank = board.picture.value
    board.button.click()
    first = board.picture.value
    assert first not in (blank, b"")
    for words in ("right", "seven", "top left", "the judge errs too"):
        assert words in board.verdict.value
    board.button.click()
    assert board.picture.value != first
    assert not board.button.disabled and board.status.value == ""


def test_the_same_seed_draws_the_same(system):
    one, two = (DrawingBoard(system, Agrees(), seed=3) for _ in range(2))
    one.button.click(), two.button.click()
    assert one.picture.value == two.picture.value


def test_guidance_matters(system):
    pictures = set()
    for guidance in (0.0, 3.0):
        board = DrawingBoard(system, Agrees())
        board.guidance.value = guidance
        board.button.click()
        pictures.add(board.picture.value)
    assert len(pictures) == 2


def test_an_example_goes_into_the_box(board):
    board.examples.value = EXAMPLES[2]
    assert board.caption.value == EXAMPLES[2]


def test_the_slider_goes_back_to_an_earlier_step_and_a_word_shows_its_map(board):
    board.button.click()
    assert board.step.value == board.step.max == len(board.trace.path)
    last = board.picture.value
    board.step.value = 1
    early = board.picture.value
    assert early != last
    board.word.value = 3
    assert board.picture.value not in (early, last)
    board.word.value, board.step.value = None, board.step.max
    assert board.picture.value == last


def test_a_shorter_sentence_after_a_longer_one_forgets_the_chosen_word(board):
    board.button.click()
    board.word.value = len(board.trace.words[0]) - 1
    board.caption.value = "a red seven"
    board.button.click()
    assert board.word.value is None and len(board.word.options) == 1 + 5


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("a purple elephant", "elephant"),
        ("", "names no digit"),
        ("a red blue seven", "both name the colour"),
        ("three large red sevens", "do not fit"),
        ("<script> 5", "not understood: &lt;, script"),
    ],
)
def test_a_sentence_it_cannot_follow_is_answered_where_the_verdict_stands(board, sentence, message):
    board.caption.value = sentence
    board.button.click()
    assert message in board.verdict.value
    assert "<script" not in board.verdict.value
    assert not board.button.disabled


def test_a_refused_sentence_leaves_the_picture_and_says_so(board):
    board.button.click()
    picture, board.caption.value = board.picture.value, "a purple elephant"
    board.button.click()
    assert board.picture.value == picture and "sentence before" in board.verdict.value


def test_a_stray_word_is_drawn_and_named(board):
    board.caption.value = "a shiny large red seven"
    board.button.click()
    assert "not understood: shiny" in board.verdict.value and "right" in board.verdict.value


def test_parts_can_be_found_by_a_browser(board):
    for name in ("caption", "draw", "picture", "verdict"):
        part = board.button if name == "draw" else getattr(board, name)
        assert f"llmvis-{name}" in part._dom_classes


def test_a_stored_page_reads_a_sentence_where_the_widget_would_be(board):
    assert "run this cell" in repr(board)


def test_png_enlarges_with_hard_edges():
    array = torch.eye(2)[..., None].expand(2, 2, 3).numpy()
    image = Image.open(io.BytesIO(png(array, side=8)))
    assert image.size == (8, 8)
    assert [image.getpixel(at)[0] for at in ((3, 3), (4, 3), (3, 4), (4, 4))] == [255, 0, 0, 255]


def test_looking_words_show_the_shares_of_the_chosen_word_and_head():
    weights = torch.tensor([[[0.9, 0.1], [0.25, 0.75]], [[0.5, 0.5], [0.0, 1.0]]])
    board = LookingWords(["<red>", "seven"], weights, chosen=1)
    assert "25 %" in board.sentence.value and "75 %" in board.sentence.value
    assert "&lt;red&gt;" in board.sentence.value
    board.word.value = 0
    assert "90 %" in board.sentence.value and "75 %" not in board.sentence.value
    board.head.value = 1
    assert board.sentence.value.count("50 %") == 2
    with pytest.raises(ValueError, match=r"shape \(2, 2, 2\) for 3 words"):
        LookingWords(["a", "b", "c"], weights)


def paint(codes: torch.Tensor) -> torch.Tensor:
    """Grey pictures whose left half shows the first number of a code, the right half the second."""
    return (codes / 3)[:, None, None, :].expand(-1, 1, 2, 2)


def test_a_latent_map_decodes_where_the_sliders_stand_and_frames_the_place():
    said = []

    def read(picture: torch.Tensor) -> str:
        said.append(picture.flatten().tolist())
        return f"reading {len(said)}"

    board = LatentMap(paint, reach=3.0, cells=12, read=read)
    assert said == [[0.0] * 4] and board.said.value == "reading 1"
    before = board.map.value, board.picture.value
    board.first.value, board.second.value = 3.0, -1.5
    assert said[-1] == pytest.approx([1.0, -0.5] * 2)
    assert board.map.value != before[0] and board.picture.value != before[1]
    framed = Image.open(io.BytesIO(board.map.value)).convert("RGB")
    x, y = framed.size[0] - 3, round(0.75 * framed.size[1])  # far right, three quarters down
    column = [framed.getpixel((x, at)) for at in range(framed.size[1])]
    red = [at for at, (r, g, b) in enumerate(column) if r > 1.8 * b and r > g + 50]
    assert red and abs(sum(red) / len(red) - y) < 12


@pytest.mark.parametrize("place", [(-3.0, -3.0), (-3.0, 3.0), (3.0, 3.0), (3.0, -3.0)])
def test_a_latent_map_can_walk_to_its_corners(place):
    board = LatentMap(paint)
    board.first.value, board.second.value = place
    assert "run this cell" in repr(board) and board.said.value == ""


def test_a_latent_map_refuses_what_is_no_grey_picture():
    with pytest.raises(ValueError, match=r"gave \(144, 2\) for 144 codes; expected \(144, 1, h, w"):
        LatentMap(lambda codes: codes)
